import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bytesText, numberText, percentText, quantityText, timeText } from './number-text.ts'

describe('numberText', () => {
  it('separates thousands and keeps three significant digits, but integers whole', () => {
    const numbers = [0, 5, 1234567, 1234.5, 12.345, 0.05, 0.00123456, 999.96]
    const texts = ['0', '5', '1,234,567', '1,235', '12.3', '0.05', '0.00123', '1,000']
    assert.deepEqual(
      numbers.map((number) => numberText(number)),
      texts,
    )
  })

  it('has a real minus sign, but none before zero', () => {
    assert.deepEqual([numberText(-12.5), numberText(-0), numberText(-0.001, 0.1)], ['−12.5', '0', '0.0'])
  })

  it('shows as many decimals as a step needs', () => {
    assert.deepEqual(
      [numberText(1, 0.5), numberText(0.30000000000000004, 0.1), numberText(20, 20)],
      ['1.0', '0.3', '20'],
    )
  })

  it('writes very large and very small numbers as powers of ten', () => {
    assert.deepEqual([numberText(2e15), numberText(-1.234e20), numberText(5e-12)], ['2×10¹⁵', '−1.23×10²⁰', '5×10⁻¹²'])
  })

  it('shows a dash for what is no number', () => {
    assert.deepEqual([numberText(NaN), numberText(Infinity), quantityText(NaN, 'ms')], ['–', '–', '–'])
  })
})

describe('quantityText', () => {
  it('puts the unit on the same line, a percent sign at the number', () => {
    assert.deepEqual([quantityText(1500, 'ms'), quantityText(12, '%'), quantityText(3)], ['1,500\u00A0ms', '12%', '3'])
  })
})

describe('timeText', () => {
  it('is in milliseconds to the microsecond, and in seconds from one on', () => {
    const times = [0, 0.0004, 0.1234, 7.1666, 999, 1_000, 12_345, 3_600_000]
    assert.deepEqual(times.map(timeText), ['0 ms', '0 ms', '0.123 ms', '7.17 ms', '999 ms', '1 s', '12.3 s', '3,600 s'])
  })

  it('shows a dash for what is no time', () => {
    assert.deepEqual([NaN, Infinity, -Infinity].map(timeText), ['–', '–', '–'])
  })
})

describe('percentText', () => {
  it('is of a share', () => {
    assert.deepEqual([0, 0.00703, 0.5, 1, 6.8575, NaN].map(percentText), ['0%', '0.703%', '50%', '100%', '686%', '–'])
  })
})

describe('bytesText', () => {
  it('is in MiB, and in GiB from one on', () => {
    const bytes = [0, 2 ** 19, 12.3 * 2 ** 20, 2 ** 30, 50 * 2 ** 30]
    assert.deepEqual([...bytes, NaN].map(bytesText), ['0 MiB', '0.5 MiB', '12.3 MiB', '1 GiB', '50 GiB', '–'])
  })
})
