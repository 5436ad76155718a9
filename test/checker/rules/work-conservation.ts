/** I7: no server stays idle while a client waits in its pool, beyond the slack of a loop turn. */
import type { Rule } from '../rule.ts'
import type { Pool } from '../world.ts'

const name = 'I7'
/** Milliseconds of trace time within which an idle server must reach a waiter. */
const slackMs = 50
/** At so many records it must be found late: the process may have been held up once, between two records of one turn. */
const sightings = 3

interface Lateness {
  /** The start of the contention. */
  readonly sinceMs: number
  sightings: number
}

export const workConservation: Rule = (world, breach) => {
  const late = new Map<Pool, Lateness>()
  return {
    record({ timeMs }) {
      if (world.contended.size > 0) for (const pool of world.contended) review(pool, timeMs)
    },
  }

  function review(pool: Pool, timeMs: number): void {
    const sinceMs = pool.contendedSinceMs ?? timeMs
    if (timeMs - sinceMs <= slackMs) return
    const known = late.get(pool)
    if (known?.sinceMs !== sinceMs) late.set(pool, { sinceMs, sightings: 1 })
    else if (++known.sightings === sightings) report(pool, timeMs - sinceMs)
  }

  function report(pool: Pool, ms: number): void {
    const seen = `${pool.idle.size} idle, ${pool.waiting} waiting for ${ms.toFixed(0)} ms`
    breach(name, 'an idle server goes to a waiting client at once', seen, { pool: pool.id })
  }
}
