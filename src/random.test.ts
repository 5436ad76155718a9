import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Random } from './random.ts'

const draws = (random: Random, count: number): number[] => Array.from({ length: count }, () => random.uint32())

describe('Random', () => {
  it('repeats itself for the same seed, and only for that', () => {
    assert.deepEqual(draws(new Random(7), 5), draws(new Random(7), 5))
    assert.notDeepEqual(draws(new Random(7), 5), draws(new Random(8), 5))
    assert.notDeepEqual(draws(new Random(7), 5), draws(new Random(7 + 2 ** 40), 5))
  })

  it('forks a generator that does not depend on what was drawn', () => {
    const fresh = new Random(7)
    const used = new Random(7)
    used.uint32()
    assert.deepEqual(draws(used.fork(3), 5), draws(fresh.fork(3), 5))
    assert.notDeepEqual(draws(fresh.fork(3), 5), draws(fresh.fork(4), 5))
  })

  it('draws every integer of a range about equally often', () => {
    const random = new Random(1)
    const counts = new Map<number, number>()
    for (let i = 0; i < 30_000; i++) {
      const drawn = random.integer(-1, 1)
      counts.set(drawn, (counts.get(drawn) ?? 0) + 1)
    }
    assert.deepEqual(new Set(counts.keys()), new Set([-1, 0, 1]))
    for (const count of counts.values()) assert.ok(Math.abs(count - 10_000) < 400, `${count} of 30,000`)
  })

  it('takes a chance as often as it is told', () => {
    const random = new Random(2)
    const taken = Array.from({ length: 10_000 }, () => random.chance(0.25)).filter(Boolean).length
    assert.ok(Math.abs(taken - 2500) < 200, `${taken} of 10,000`)
  })
})
