import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Deadline } from '../time.ts'
import { deadlines } from './timed-deadlines.ts'

/** Starts a deadline for each of the delays, in that order. Resolves with them in the order in which they were fired. */
function fired(delays: readonly number[]): Promise<number[]> {
  const heard: number[] = []
  const from = performance.now()
  return new Promise((resolve) => {
    for (const delay of delays) {
      const deadline = new Deadline(() => {
        heard.push(delay)
        if (heard.length === delays.length) resolve(heard)
      })
      deadlines.start(deadline, from + delay)
    }
  })
}

describe('deadlines of the runtime', () => {
  it('fires by itself, whoever is due first first', async () => {
    assert.deepEqual(await fired([30, 10, 20, 0, 10]), [0, 10, 10, 20, 30])
  })

  it('fires no deadline early', async () => {
    const early: number[] = []
    const starts = Array.from({ length: 200 }, (_, at) => at % 40).map(
      (delay) =>
        new Promise<void>((resolve) => {
          const dueAt = performance.now() + delay
          const ring = (): void => {
            if (performance.now() < dueAt) early.push(dueAt)
            resolve()
          }
          deadlines.start(new Deadline(ring), dueAt)
        }),
    )
    await Promise.all(starts)
    assert.deepEqual(early, [])
  })

  it('fires none that was stopped', async () => {
    const heard: string[] = []
    const [stopped, kept] = ['stopped', 'kept'].map((name) => new Deadline(() => heard.push(name)))
    deadlines.start(stopped as Deadline, performance.now() + 5)
    deadlines.start(kept as Deadline, performance.now() + 10)
    deadlines.stop(stopped as Deadline)
    await sleep(50)
    assert.deepEqual(heard, ['kept'])
  })

  it('fires one that has put itself off', async () => {
    const times = await new Promise<number>((resolve) => {
      let rings = 0
      const deadline = new Deadline((at) => {
        if (++rings === 3) resolve(rings)
        else deadlines.start(deadline, at + 5)
      })
      deadlines.start(deadline, performance.now() + 5)
    })
    assert.equal(times, 3)
  })

  it('waits for what no timer can wait for at once, and for what comes before it', async () => {
    const late = new Deadline(() => assert.fail('a month is not over'))
    deadlines.start(late, performance.now() + 30 * 24 * 3_600_000)
    assert.deepEqual(await fired([10]), [10])
    await sleep(10)
    deadlines.stop(late)
  })
})
