/** Scenarios with prepared statements that outlive their transactions, and with the unnamed one across Syncs. */

import type { CanaryClient, Step } from './client.ts'
import { facts } from './exchanges.ts'
import type { Line } from './ledger.ts'
import { bind, close, describe, execute, parse, sync } from './messages.ts'
import { deallocating, describing, group, newText, running, unknownName, type Part } from './prepared.ts'
import { error, parseComplete, ready } from './replies.ts'
import { begin, end, endFailed } from './transactions.ts'

/** Groups one after the other or in one write, some of which fail; now and then SQL in between. */
export async function statements(client: CanaryClient): Promise<void> {
  const isPipelined = client.random.chance(0.5)
  const steps: Step[] = []
  for (let n = client.random.integer(1, 6); n > 0; n--) {
    const step = oneStep(client)
    steps.push(step)
    if (isPipelined && n > 1) continue
    await client.ask(...steps.splice(0))
    await client.canary.think(client.random)
  }
}

/** What stands behind one that fails, or drops all statements, may be sent before its answer is here. */
function oneStep(client: CanaryClient): Step {
  const kind = client.random.integer(1, 20)
  if (kind === 1) return deallocating(client)
  return kind === 2 ? facts(client) : group(client, client.random.chance(0.3))
}

/** In a block, that may fail: what has been prepared stays prepared, and what was refused is not there. */
export async function statementsInTransaction(client: CanaryClient): Promise<void> {
  await client.ask(begin(client))
  await client.ask(...Array.from({ length: client.random.integer(1, 3) }, () => group(client, false)))
  if (client.random.chance(0.5)) {
    await client.ask(end(client, client.random.pick(['commit', 'rollback'])))
    return
  }
  await client.ask(group(client, true))
  const refused = parse(unknownName(client), `select '${client.token()}'`)
  const replies = [error('25P02'), ready('E')]
  await client.ask({ bytes: Buffer.concat([refused, sync]), replies, lines: [], outcome: 'absent' })
  await client.ask(endFailed(client))
}

/** The unnamed statement: parsed in one group and used in later ones, until a Query or a failed Parse drops it. */
export async function unnamed(client: CanaryClient): Promise<void> {
  const isInBlock = client.random.chance(0.2)
  if (isInBlock) await client.ask(begin(client))
  const text = newText(client)
  const done = (part: Part, lines: readonly Line[] = []): Promise<boolean> => {
    const { bytes, replies } = part
    const last = ready(client.status)
    return client.ask({ bytes: Buffer.concat([bytes, sync]), replies: [...replies, last], lines, outcome: 'committed' })
  }
  await done({ bytes: parse('', text.sql), replies: [parseComplete] })
  for (let n = client.random.integer(1, 4); n > 0; n--) {
    await client.canary.think(client.random)
    const lines: Line[] = []
    const kind = client.random.integer(1, 5)
    if (kind === 1) await done(describing(client, '', text))
    else if (kind === 2) await client.ask(group(client, false))
    else {
      const part = running(client, '', text, lines)
      await done(part, lines)
    }
  }
  if (isInBlock) await client.ask(end(client, 'commit'))
  else if (client.random.chance(0.7)) await client.random.pick([loseUnnamed, leaveUnnamed])(client)
}

/** A Close of it is skipped: it is nobody's business any more, and still there. */
async function leaveUnnamed(client: CanaryClient): Promise<void> {
  const bytes = Buffer.concat([describe('S', unknownName(client)), close('S', ''), sync])
  await client.ask({ bytes, replies: [error('26000'), ready('I')], lines: [], outcome: 'absent' })
}

async function loseUnnamed(client: CanaryClient): Promise<void> {
  const token = client.token()
  if (client.random.chance(0.5)) await client.ask(facts(client))
  else {
    const bytes = Buffer.concat([parse('', `select '${token}'::int`), sync])
    await client.ask({ bytes, replies: [error('22P02', token), ready('I')], lines: [], outcome: 'absent' })
  }
  const bytes = Buffer.concat([bind('', '', [token]), execute(''), sync])
  await client.ask({ bytes, replies: [error('26000'), ready('I')], lines: [], outcome: 'absent' })
}
