import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { kneeOf, parseSweep, sweep, type SweepPoint } from './sweep.ts'

const nothingRecorded = (): never => {
  throw new Error('nothing is recorded')
}

const scenario = {
  duration: '10s',
  database: { cores: 4 },
  applications: [
    { name: 'web', callers: 16, pool_size: 1, min_pool_size: 1, service: '5ms' },
    { name: 'jobs', callers: 1, think: '100ms', pool_size: 1, service: { kind: 'log-normal', mean: '5ms', cv: 1 } },
  ],
}

const swept = (text: string): SweepPoint[] => [...sweep(scenario, parseSweep(text), nothingRecorded)]

describe('a sweep', () => {
  it('tries each number, or a ladder of 25 at most, both ends included', () => {
    assert.deepEqual(parseSweep('pool_size=2..5'), { key: 'pool_size', values: [2, 3, 4, 5] })
    const { values } = parseSweep('web.pool_size=2..200')
    assert.deepEqual([values[0], values.at(-1), values.length <= 25], [2, 200, true])
    assert.ok(values.every((value, index) => index === 0 || value > (values[index - 1] as number)))
  })

  it('is refused if it is none', () => {
    for (const text of [
      '',
      'pool_size',
      'pool_size=',
      'pool_size=3',
      'pool_size=5..5',
      '=1..2',
      'a=1..2.5',
      'x=0..3',
      'x=1..1e9',
    ]) {
      assert.throws(() => parseSweep(text), /--sweep must be KEY=FROM\.\.TO, .* got/, text)
    }
  })

  it('changes one number, wherever it is, and says which it could be if there are several', () => {
    assert.equal(swept('web.callers=1..2')[1]?.servedPerSecond.toFixed(0), '210')
    assert.equal(swept('cores=1..2').length, 2)
    assert.equal(swept('database.cores=1..2').length, 2)
    assert.equal(swept('jobs.service.cv=1..2').length, 2)
    assert.throws(() => swept('pool_size=1..2'), /several pool_size: say which, as web\.pool_size or jobs\.pool_size/)
    assert.throws(() => swept('web.size=1..2'), /no number called web\.size/)
    assert.throws(() => swept('name=1..2'), /no number called name/)
  })

  it('may name an application with a space in its name, and is refused as a whole before anything is simulated', () => {
    const named = { ...scenario, applications: [{ ...scenario.applications[0], name: 'my web' }] }
    assert.equal([...sweep(named, parseSweep('my web.pool_size=1..2'), nothingRecorded)].length, 2)
    assert.throws(
      () => sweep(scenario, parseSweep('web.pool_size=1..1000000'), nothingRecorded).next(),
      /web\.pool_size must be a whole number from 1 to 100,000, got 177828/,
    )
    assert.throws(() => sweep(null, parseSweep('a=1..2'), nothingRecorded).next(), /must be a table, got null/)
  })

  it('finds the knee where the cores are used, and no later', () => {
    assert.equal(kneeOf(swept('web.pool_size=1..12'))?.value, 4)
  })

  it('has no knee without points', () => {
    assert.equal(kneeOf([]), undefined)
  })
})
