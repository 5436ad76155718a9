import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Supply, type Thing } from '../../test/support/supply.ts'
import type { ResourcePoolOptions } from './resource-pool.ts'

const refused: [options: Partial<ResourcePoolOptions<Thing>>, message: string][] = [
  [{ shedding: { targetMillis: 0, intervalMillis: 1 } }, 'pool: shedding.targetMillis must be above 0, got 0'],
  [
    { shedding: { targetMillis: 1, intervalMillis: Number.NaN } },
    'pool: shedding.intervalMillis must be above 0, got NaN',
  ],
  [{ max: 2, lanes: [{ name: 'batch', reserved: 3 }] }, 'pool: lanes reserve 3 together, and max is 2'],
]

describe('what is refused', () => {
  for (const [options, message] of refused) {
    it(`is called as whoever has given it calls it: ${JSON.stringify(options)}`, () => {
      assert.throws(() => new Supply().pool(options), { code: 'bad_configuration', message })
    })
  }

  it('is called as whoever has given it calls it, by resize, too', () => {
    const pool = new Supply().pool({ max: 2 })
    const messages = [{ max: 0 }, { min: 3 }].map((sizes) => {
      try {
        pool.resize(sizes)
      } catch (error) {
        return (error as Error).message
      }
      return ''
    })
    assert.deepEqual(messages, [
      'pool: max must be 1 or more, got 0',
      'pool: min is 3, and must not exceed max, which is 2',
    ])
  })
})
