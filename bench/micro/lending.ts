/** What lending costs: a pool of one resource with a lifetime, histograms, and callers whose names are recorded. */

import { assert } from '../../src/assert.ts'
import type { Lease } from '../../src/engine/lease.ts'
import { Pool } from '../../src/engine/pool.ts'
import { type Caller, Waiter } from '../../src/engine/waiter.ts'
import { Deadlines } from '../../src/time.ts'

/** A caller that keeps its lease until the bench takes it. */
class BenchCaller implements Caller<object> {
  readonly waiter = new Waiter<object>(this)
  lease: Lease<object> | undefined

  constructor(index: number) {
    this.waiter.holder = `caller ${index % 100}`
  }

  granted(lease: Lease<object>): void {
    this.lease = lease
  }

  refused(): void {
    throw new Error('nobody is refused here')
  }
}

/** One acquire and one release of the front of the queue, with `waiting` callers in it all the time. */
export function lending(waiting: number): () => void {
  /** A number in an array: a variable of a closure would cost Node 16 bytes each time it changes. */
  const clock = new Float64Array([1_000.5])
  const tick = (): number => (clock[0] = (clock[0] as number) + 0.001)
  const now = 1_000.5
  const pool = new Pool<object>({
    noun: 'resource',
    maxSize: 1,
    lifetimeMs: 1e12,
    waitTimeoutMs: 1e12,
    idleTimeoutMs: 1e12,
    deadlines: new Deadlines(now),
    random: () => 0.5,
    owner: { open: (slot) => pool.opened(slot, {}, now), close: (slot) => pool.closed(slot, now) },
  })
  const callers = Array.from({ length: waiting + 1 }, (_, index) => new BenchCaller(index))
  if (waiting === 0) return uncontended(pool, callers[0] as BenchCaller, tick)
  for (const caller of callers) pool.acquire(caller.waiter, now)
  assert(pool.waiting === waiting && callers[0]?.lease !== undefined, 'the first is served and the others wait')
  let front = 0
  return () => {
    const at = tick()
    const caller = callers[front] as BenchCaller
    const lease = caller.lease as Lease<object>
    pool.release(lease, lease.number, at)
    pool.acquire(caller.waiter, at)
    front = front === waiting ? 0 : front + 1
  }
}

function uncontended(pool: Pool<object>, { waiter }: BenchCaller, tick: () => number): () => void {
  pool.acquire(waiter, tick())
  const first = (waiter.caller as BenchCaller).lease
  if (first) pool.release(first, first.number, tick())
  return () => {
    const at = tick()
    const lease = pool.acquire(waiter, at) as Lease<object>
    pool.release(lease, lease.number, at)
  }
}
