import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { engineSnapshot, histogramOf } from '../../test/support/monitor-source.ts'
import { Recording } from '../metrics/recording.ts'
import { Deadlines } from '../time.ts'
import type { Lease } from './lease.ts'
import { noObserver } from './observer.ts'
import { Pool } from './pool.ts'
import { Recorder } from './recorder.ts'
import { Waiter } from './waiter.ts'

describe('Recorder', () => {
  const recorder = new Recorder<string>(10, 4)
  const deadlines = new Deadlines(0)
  const leases: Lease<string>[] = []
  const pool: Pool<string> = new Pool<string>({
    noun: 'server',
    maxSize: 1,
    lanes: [
      { name: 'web', reserved: 0 },
      { name: 'batch', reserved: 0 },
    ],
    observer: recorder,
    deadlines,
    random: () => 0,
    owner: { open: (slot) => pool.opened(slot, 'one', 5), close: (slot) => pool.closed(slot, 5) },
  })

  function ask(now: number, lane: number, timeoutMs = 0): Waiter<string> {
    const waiter = new Waiter<string>({ granted: (lease) => leases.push(lease), refused: () => undefined })
    waiter.lane = lane
    waiter.timeoutMs = timeoutMs
    const lease = pool.acquire(waiter, now)
    if (lease) leases.push(lease)
    return waiter
  }

  function giveBack(now: number): void {
    const lease = leases.shift() as Lease<string>
    pool.release(lease, lease.number, now)
  }

  it('writes who was served, who waited too long and who left, until another observer is set', () => {
    ask(5, 0)
    ask(7, 1)
    ask(8, 0, 20)
    const leaver = ask(9, 1)
    giveBack(12)
    pool.cancel(leaver, 19)
    deadlines.advance(28)
    giveBack(40)
    pool.observer = noObserver
    ask(50, 0)
    giveBack(51)
    assert.deepEqual(
      [...recorder.recording.entries()],
      [
        { arrivalMs: 5, waitMs: 0, holdMs: 7, lane: 0 },
        { arrivalMs: 9, waitMs: 10, holdMs: Number.NaN, lane: 1 },
        { arrivalMs: 8, waitMs: 20, holdMs: Number.NaN, lane: 0 },
        { arrivalMs: 7, waitMs: 5, holdMs: 28, lane: 1 },
      ],
    )
  })

  it('writes down what the pool was told, how long opening takes, since when and until when', () => {
    const settings = { maxSize: 1, minSize: 0, waitTimeoutMs: 20, idleTimeoutMs: 0 }
    const { lanes } = pool.snapshot(60)
    for (const [opened, openMs] of [
      [[2, 4], 3],
      [[], 0],
    ] as const) {
      const snapshot = engineSnapshot({ takenAtMs: 60, lanes, openMs: histogramOf(...opened) })
      const { laneNames, about } = Recording.fromBytes(recorder.toBytes(snapshot, settings))
      assert.deepEqual(laneNames, ['web', 'batch'])
      assert.deepEqual(about, { ...settings, openMs, takenAtMs: 60, startedAtMs: 4 })
    }
  })
})
