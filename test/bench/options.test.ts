import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isWhole, parseOptions } from '../../bench/options.ts'
import { workloads } from '../../bench/workloads.ts'

describe('parseOptions', () => {
  it('runs every row with nine pairs of 5 s unless told', () => {
    assert.deepEqual(parseOptions([]), { workloads, pairs: 9, seconds: 5, control: false, outputDir: undefined })
  })

  it('keeps the order of the rows, however they are named', () => {
    const { workloads: chosen } = parseOptions(['--rows', 'mix, simple,mix'])
    assert.deepEqual(
      chosen.map(({ name }) => name),
      ['simple', 'mix'],
    )
  })

  it('names the switch and the range of a number it rejects', () => {
    const message = /--pairs: '0' is not a whole number from 1 to 1000/
    assert.throws(() => parseOptions(['--pairs', '0']), { name: 'TaxirankError', message })
    for (const text of ['-3', '1.5', '1e3', '', '3601']) {
      assert.throws(() => parseOptions([`--seconds=${text}`]), { name: 'TaxirankError', message: /--seconds: / })
    }
  })

  it('names the rows there are when one is unknown', () => {
    const message = /no row is called 'tpcc'; there are simple, extended/
    assert.throws(() => parseOptions(['--rows', 'simple,tpcc']), { name: 'TaxirankError', message })
  })

  it('shows the usage when a switch is unknown', () => {
    assert.throws(() => parseOptions(['--fast']), { name: 'TaxirankError', message: /--fast[^]*usage: npm run bench/ })
  })
})

describe('isWhole', () => {
  it('lets only a run of all rows and enough pairs replace the report', () => {
    const whole = (...argv: string[]) => isWhole(parseOptions(argv))
    assert.deepEqual(
      [whole(), whole('--pairs', '15'), whole('--pairs', '8'), whole('--rows', 'mix'), whole('--control')],
      [true, true, false, false, false],
    )
  })
})
