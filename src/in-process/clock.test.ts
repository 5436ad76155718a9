import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { now } from './clock.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function burst(): number[] {
  return Array.from({ length: 1_000 }, () => now())
}

describe('now', () => {
  it('is the time of performance.now', async () => {
    await turn()
    const before = performance.now()
    const read = now()
    assert.ok(before <= read && read <= performance.now(), `${before} ≤ ${read}`)
  })

  it('never goes back', () => {
    const read = burst()
    assert.deepEqual(
      read,
      read.toSorted((a, b) => a - b),
    )
  })

  it('reads the clock for few of the many who ask in a burst', () => {
    const read = Array.from({ length: 10 }, burst).map((times) => new Set(times).size)
    assert.ok(Math.min(...read) < 500, `${Math.min(...read)} readings for 1,000 who have asked`)
  })

  it('reads the clock anew in the next turn of the event loop', async () => {
    burst()
    await turn()
    const before = performance.now()
    assert.ok(now() >= before)
  })
})
