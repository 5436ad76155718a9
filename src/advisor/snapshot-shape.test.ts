import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { engineSnapshot, poolFigures } from '../../test/support/monitor-source.ts'
import { readSample } from './snapshot-shape.ts'

type Fields = Record<string, unknown>

/** As JSON gives it. */
function answer(different: Fields = {}, engine: Fields = {}): Fields {
  const { snapshot: _, ...figures } = poolFigures()
  const pool = { ...figures, engine: { ...engineSnapshot(), ...engine } }
  const known = {
    version: 1,
    program: { name: 'taxirank', version: '3.0.0' },
    clients: { connected: 50, max: 100 },
    pools: [pool],
    databases: [{ name: 'shop', servers: 11, maxServers: 0, news: true }],
    news: {},
  }
  return JSON.parse(JSON.stringify({ ...known, ...different })) as Fields
}

describe('the shape of a snapshot', () => {
  it('is taken for what is needed of it, whatever else is there', () => {
    const { version, clients, pools, databases } = readSample(answer({}, { lastFailure: 'no route' }))
    assert.deepEqual([version, clients], ['3.0.0', { connected: 50, max: 100 }])
    assert.deepEqual(databases, [{ name: 'shop', servers: 11, maxServers: 0 }])
    const [pool] = pools
    assert.deepEqual([pool?.user, pool?.mode, pool?.servers['used']], ['app', 'transaction', 1])
    assert.deepEqual([pool?.engine.maxSize, pool?.engine.lastFailure], [20, 'no route'])
    assert.deepEqual(pool?.engine.waitMs, engineSnapshot().waitMs)
  })

  it('is refused with the name of the first field that is wrong', () => {
    const wrong: [answer: unknown, message: string][] = [
      [null, 'the answer is not an object'],
      [[], 'the answer is not an object'],
      ['<html>', 'the answer is not an object'],
      [{}, 'program is not an object'],
      [answer({ program: { name: 'other' } }), 'program.name is not one of taxirank'],
      [answer({ version: 2 }), 'version is not 1'],
      [answer({ pools: {} }), 'pools is not a list'],
      [answer({ databases: [7] }), 'databases[0] is not an object'],
      [answer({}, { maxSize: -1 }), 'pools[0].engine.maxSize is not a number of 0 or more'],
      [answer({}, { counters: { leases: '5' } }), 'pools[0].engine.counters.leases is not a number of 0 or more'],
      [
        answer({}, { holdMs: { count: 1, sumMs: 1, maxMs: 1, buckets: [[1]] } }),
        'pools[0].engine.holdMs.buckets[0] is not a pair',
      ],
      [answer({}, { lastFailure: 7 }), 'pools[0].engine.lastFailure is not a text'],
    ]
    for (const [value, message] of wrong)
      assert.throws(() => readSample(value), { code: 'bad_configuration', message }, message)
  })
})
