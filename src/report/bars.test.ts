import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type BarGroup, svgBars } from './bars.ts'

const barsOf = (groups: readonly BarGroup[], names: readonly string[] = ['only']): string =>
  svgBars({ title: 'Speed', unit: 'ms', series: names.map((name) => ({ name })), groups })
const textsOf = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)/g)].map((match) => match[1] ?? '')
const rectsOf = (svg: string): { x: number; width: number }[] =>
  [...svg.matchAll(/<rect class="bar c\d" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)].map((match) => ({
    x: Number(match[1]),
    width: Number(match[2]),
  }))
const endOf = (rect: { x: number; width: number } | undefined): number => (rect?.x ?? NaN) + (rect?.width ?? NaN)

describe('svgBars', () => {
  it('draws bars in proportion, with their numbers and units', () => {
    const svg = barsOf([
      { label: 'a', values: [1000] },
      { label: 'b', values: [2000] },
    ])
    const [a, b] = rectsOf(svg)
    assert.deepEqual(textsOf(svg), ['Speed', 'a', '1,000\u00A0ms', 'b', '2,000\u00A0ms'])
    assert.deepEqual([a?.x === b?.x, (b?.width ?? 0) / (a?.width ?? 0)], [true, 2])
  })

  it('draws negative values to the other side of zero, with their numbers', () => {
    const svg = barsOf([
      { label: 'a', values: [-5] },
      { label: 'b', values: [5] },
    ])
    const [a, b] = rectsOf(svg)
    assert.ok(a !== undefined && b !== undefined)
    assert.ok(Math.abs(a.x + a.width - b.x) < 0.01)
    assert.match(svg, /<text class="end"[^>]*>−5/)
  })

  it('draws a missing value as a dash, zero as a number, neither as a bar', () => {
    const svg = barsOf([
      { label: 'a', values: [NaN] },
      { label: 'b', values: [0] },
    ])
    assert.deepEqual([rectsOf(svg), textsOf(svg)], [[], ['Speed', 'a', '–', 'b', '0\u00A0ms']])
  })

  it('has a legend for groups', () => {
    const svg = barsOf([{ label: 'a', values: [1, 2] }], ['median', '99th percentile'])
    assert.deepEqual(textsOf(svg).slice(0, 3), ['Speed', 'median', '99th percentile'])
    assert.match(svg, /<desc>a: median 1\u00A0ms, 99th percentile 2\u00A0ms\.<\/desc>/)
  })

  it('says that there are no data', () => {
    assert.deepEqual(textsOf(barsOf([])), ['Speed', 'no data'])
  })

  it('has room for labels of several lines', () => {
    const label = 'a connection to the pooler that is opened anew for each request'
    const texts = textsOf(barsOf([{ label, values: [1] }]))
    assert.equal(texts.slice(1, -1).join(' '), label)
    const heightOf = (svg: string): number => Number(/height="(\d+)"/.exec(svg)?.[1])
    assert.ok(heightOf(barsOf([{ label, values: [1] }])) > heightOf(barsOf([{ label: 'short', values: [1] }])))
  })

  it('refuses a group with too few values', () => {
    assert.throws(() => barsOf([{ label: 'a', values: [1] }], ['x', 'y']), /"a" has 1 values for 2 series of bars/)
  })

  describe('stacked', () => {
    const stackOf = (groups: readonly BarGroup[]): string =>
      svgBars({
        title: 'Opening',
        unit: 'ms',
        isStacked: true,
        series: ['TCP', 'TLS', 'query'].map((name) => ({ name })),
        groups,
      })

    it('draws the series of a group one behind the other in one bar, with their sum behind it', () => {
      const svg = stackOf([{ label: 'a', values: [10, 20, 70] }])
      const parts = rectsOf(svg).slice(-3)
      const width = parts.reduce((sum, part) => sum + part.width, 0)
      assert.deepEqual(
        parts.map((part) => Math.round((100 * part.width) / width)),
        [10, 20, 70],
      )
      assert.ok(parts.slice(1).every(({ x }, index) => Math.abs(x - endOf(parts[index])) < 0.02))
      assert.deepEqual(textsOf(svg), ['Opening', 'TCP', 'TLS', 'query', 'a', '100\u00A0ms'])
    })

    it('draws missing parts as nothing, and a bar without any as a dash', () => {
      const svg = stackOf([
        { label: 'a', values: [10, NaN, 30] },
        { label: 'b', values: [NaN, NaN, NaN] },
        { label: 'c', values: [0, 0, 0] },
      ])
      assert.equal(rectsOf(svg).length, 2)
      assert.deepEqual(textsOf(svg).slice(-6), ['a', '40\u00A0ms', 'b', '–', 'c', '0\u00A0ms'])
    })

    it('says in words what each part is, and the sum', () => {
      const svg = stackOf([{ label: 'a', values: [1, 2, NaN] }])
      assert.match(svg, /<desc>a: TCP 1\u00A0ms, TLS 2\u00A0ms, query –, together 3\u00A0ms\.<\/desc>/)
    })

    it('makes room for the sums, not for the longest part', () => {
      const [part] = rectsOf(stackOf([{ label: 'a', values: [500, 500, 500] }])).slice(-1)
      assert.ok(endOf(part) < 720 - 40)
    })

    it('refuses a negative part', () => {
      assert.throws(() => stackOf([{ label: 'a', values: [1, -2, 3] }]), /"a" has a negative part/)
    })
  })
})
