/** I7: no server stays idle while a client waits in its pool, beyond the slack of a loop turn. */
import type { Rule } from '../rule.ts'
import type { Pool } from '../world.ts'

const name = 'I7'
/** Milliseconds of trace time within which an idle server must reach a waiter. */
const slackMs = 50

export const workConservation: Rule = (world, breach) => {
  /** The start of the last reported contention of a pool, so that each is reported once. */
  const reported = new Map<Pool, number>()
  return {
    record({ timeMs }) {
      if (world.contended.size > 0) for (const pool of world.contended) review(pool, timeMs)
    },
  }

  function review(pool: Pool, timeMs: number): void {
    const since = pool.contendedSinceMs ?? timeMs
    if (timeMs - since <= slackMs || reported.get(pool) === since) return
    reported.set(pool, since)
    const seen = `${pool.idle.size} idle, ${pool.waiting} waiting for ${(timeMs - since).toFixed(0)} ms`
    breach(name, 'an idle server goes to a waiting client at once', seen, { pool: pool.id })
  }
}
