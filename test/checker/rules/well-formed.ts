/** T: the trace itself makes sense: time goes forward, nothing follows the end, what the pooler writes is messages. */
import type { Rule } from '../rule.ts'
import { kinds } from '../trace-reader.ts'

export const wellFormed: Rule = (world, breach) => {
  let hasEnded = false
  return {
    record({ kind, timeMs }) {
      if (hasEnded) breach('T', 'nothing after record 22', `a record of kind ${kind}`)
      if (!(timeMs >= world.nowMs)) breach('T', `a time of at least ${world.nowMs} ms`, `${timeMs} ms`)
      hasEnded = kind === kinds.end
    },
    framingBroke(to, why) {
      const about = 'holder' in to ? { server: to.id } : { client: to.id }
      breach('T', 'whole messages of the protocol', why, about)
    },
  }
}
