import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isWhole, parsePoolOptions } from '../../../bench/pool/pool-options.ts'
import { rows } from '../../../bench/pool/rows.ts'

describe('parsePoolOptions', () => {
  it('measures every row nine times unless told, and only that makes a report', () => {
    const whole = parsePoolOptions([])
    assert.deepEqual(whole, { rows, rounds: 9, outputDir: undefined })
    assert.deepEqual(
      [[], ['--rounds', '8'], ['--only', 'spike'], ['--rounds', '20']].map((argv) => isWhole(parsePoolOptions(argv))),
      [true, false, false, true],
    )
  })

  it('takes a row on every runtime', () => {
    const { rows: chosen } = parsePoolOptions(['--only', 'query-10, acquire-1'])
    assert.deepEqual(
      chosen.map(({ name, runtime }) => `${runtime} ${name}`),
      ['Node acquire-1', 'Node query-10', 'Bun acquire-1', 'Bun query-10'],
    )
  })

  it('names the switch it rejects, and what there is', () => {
    const rejected = (argv: string[], message: RegExp) =>
      assert.throws(() => parsePoolOptions(argv), { name: 'TaxirankError', message })
    rejected(['--rounds', '0'], /--rounds: '0' is not a whole number from 1 to 100/)
    rejected(['--only', 'spike,tpcc'], /no row is called 'tpcc'; there are acquire-1, acquire-32/)
    rejected(['--pairs', '3'], /usage: npm run bench:pool/)
  })
})
