import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { EventQueue, type TimedEvent } from './event-queue.ts'

class Named implements TimedEvent {
  readonly name: number

  constructor(name: number) {
    this.name = name
  }

  happen(): void {
    // Only taken out.
  }
}

describe('EventQueue', () => {
  it('gives back what was put in, the earliest first, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 300 }), (times) => {
        const queue = new EventQueue()
        for (const [name, at] of times.entries()) queue.add(at, new Named(name))
        const taken: number[] = []
        while (queue.size > 0) {
          const atMs = queue.firstAtMs
          const { name } = queue.takeFirst() as Named
          assert.equal(times[name], atMs)
          taken.push(atMs)
        }
        assert.deepEqual(
          taken,
          times.toSorted((a, b) => a - b),
        )
      }),
    )
  })

  it('says that nothing will happen when it is empty, also once it is cleared', () => {
    const queue = new EventQueue()
    assert.equal(queue.firstAtMs, Infinity)
    queue.add(3, new Named(1))
    queue.clear()
    assert.deepEqual([queue.firstAtMs, queue.size], [Infinity, 0])
  })
})
