/** What the two relays do to connections while a storm lasts. */

import type { Faults, StreamFaults } from '../../src/relay/faults.ts'
import type { Random } from '../../src/random.ts'

/** A CancelRequest has this many bytes, and nothing comes back. */
const cancelRequestBytes = 16

type Plan = (random: Random, fromClientAt: AtByte, fromTargetAt: AtByte) => Faults
type AtByte = (random: Random) => number

/** Anywhere in the first 20 kB, mostly early. */
const anywhere: AtByte = (random) => Math.round(10 ** (random.integer(0, 430) / 100))

/** Mostly behind the login, which a pooler tries again only after a pause. */
const afterLogin: AtByte = (random) => anywhere(random) + (random.chance(0.9) ? 700 : 0)

/**
 * Never behind a whole CancelRequest: ended by the relay, its connection would look as if PostgreSQL had carried it
 * out, and PostgreSQL would carry it out later, on whatever statement runs by then.
 */
const sparingCancels: AtByte = (random) => {
  const at = afterLogin(random)
  return at < cancelRequestBytes ? at : at + 40
}

const delayed = (random: Random): StreamFaults => ({ delayMs: random.integer(1, 15) })
const split = (random: Random): StreamFaults => ({ splitBytes: random.pick([1, 5, 50, 500, 5000]) })
const resetSide = (random: Random): { resetSide: 'both' | 'client' | 'target' } => ({
  resetSide: random.pick(['both', 'both', 'client', 'target']),
})

/** Dealt out in turn, so that each happens however few connections there are. */
const plans: readonly Plan[] = [
  (random) => ({ fromClient: delayed(random), fromTarget: delayed(random) }),
  (random, at) => ({ fromClient: { cutAtByte: at(random) } }),
  (random, _, at) => ({ fromTarget: { resetAtByte: at(random), ...resetSide(random) } }),
  (random) => ({ fromClient: split(random), fromTarget: split(random) }),
  (random, _, at) => ({ fromTarget: { cutAtByte: at(random), ...split(random) } }),
  (random, at) => ({ fromClient: { resetAtByte: at(random), ...resetSide(random), ...delayed(random) } }),
  (random) => ({ fromTarget: { ...split(random), ...delayed(random) } }),
  () => ({}),
]

/** Plans for a relay in front of the pooler, or behind it. */
export function stormPlan(place: 'client' | 'server'): (random: Random) => Faults {
  let dealt = 0
  const positions = place === 'client' ? ([anywhere, anywhere] as const) : ([sparingCancels, afterLogin] as const)
  return (random) => (plans[dealt++ % plans.length] as Plan)(random, ...positions)
}
