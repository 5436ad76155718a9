/** Whatever the data and texts are, what comes out is well-formed XML without script: read by a small strict parser of its own. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { svgBars } from './bars.ts'
import { drawFigure, type Figure } from './figure.ts'
import { htmlPage } from './page.ts'
import { type Plot, svgPlot } from './plot.ts'

const hostile = `</svg><script>alert("1")</script> & 'x' ]]> <!-- \u0000\uD800\uFFFF é 😀`
const forbidden = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/ // oxlint-disable-line no-control-regex

/** Names of all elements, in the order in which they open. Throws at what is not well-formed. */
function elementsOf(document: string): string[] {
  assert.ok(document.isWellFormed() && !forbidden.test(document), 'a character that XML forbids')
  const names: string[] = []
  const open: string[] = []
  const token =
    /<([a-z][a-zA-Z0-9]*)((?:\s+[a-zA-Z-]+="(?:[^<&"]|&(?:amp|lt|gt|quot|#39);)*")*)(\/?)>|<\/([a-zA-Z0-9]+)>|((?:[^<&>]|&(?:amp|lt|gt|quot|#39);)+)/gy
  while (token.lastIndex < document.length) {
    const at = token.lastIndex
    const match = token.exec(document)
    assert.ok(match, `neither tag nor text at ${at}: ${document.slice(at, at + 80)}`)
    const [, name, attributes = '', slash, closed, content] = match
    if (name !== undefined) {
      assert.ok(open.length > 0 || names.length === 0, `a second root: ${name}`)
      const keys = [...attributes.matchAll(/([a-zA-Z-]+)="/g)].map(([, key]) => key)
      assert.deepEqual(keys, [...new Set(keys)], `an attribute of ${name} twice`)
      names.push(name)
      if (slash === '') open.push(name)
    }
    if (closed !== undefined) assert.equal(closed, open.pop())
    if (content !== undefined) assert.ok(open.length > 0 || content.trim() === '', `text outside of the root`)
  }
  assert.deepEqual(open, [], 'left open')
  return names
}

function assertNoNonsense(svg: string): void {
  assert.doesNotMatch(svg, /="[^"]*(?:NaN|Infinity|undefined)/)
}

describe('elementsOf', () => {
  it('refuses what is not well-formed', () => {
    for (const bad of [
      '<a>',
      '<a></b>',
      '<a><b></a></b>',
      '<a x="1" x="2"></a>',
      '<a>&</a>',
      '<a x="<"></a>',
      '<a/><b/>',
    ]) {
      assert.throws(() => elementsOf(bad), `${bad} passed`)
    }
    assert.deepEqual(elementsOf('<a x="&lt;"><b/>&amp;</a>\n'), ['a', 'b'])
  })
})

describe('reports', () => {
  it('are well-formed with hostile texts in every place', () => {
    const axis = { label: hostile, unit: hostile }
    const plot: Figure = {
      kind: 'plot',
      title: hostile,
      subtitle: hostile,
      x: axis,
      y: axis,
      series: [
        {
          name: hostile,
          points: [
            [0, 0],
            [1, 1],
          ],
        },
        { name: hostile, shape: 'dots', points: [[0, 0]] },
      ],
      marks: [
        { axis: 'x', at: 0.5, text: hostile },
        { axis: 'y', at: 0.5, until: 0.7, text: hostile },
      ],
    }
    const bars: Figure = {
      kind: 'bars',
      title: hostile,
      subtitle: hostile,
      unit: hostile,
      series: [{ name: hostile }, { name: hostile }],
      groups: [{ label: hostile, values: [1, 2] }],
    }
    const table = { caption: hostile, head: [hostile], rows: [[hostile], [1]] }
    const section = {
      heading: hostile,
      id: hostile,
      summary: hostile,
      facts: [{ term: hostile, texts: [hostile] }],
      paragraphs: [hostile, `\`${hostile}\``],
      figures: [plot, bars],
      tables: [table],
      notes: [hostile],
    }
    const page = htmlPage({ title: hostile, lead: hostile, sections: [section], footer: hostile })

    for (const document of [drawFigure(plot, 720), drawFigure(bars, 720), page.replace('<!doctype html>\n', '')]) {
      assert.ok(!elementsOf(document).includes('script'))
    }
  })

  it('are well-formed for any data', () => {
    const scale = fc.constantFrom<'linear' | 'log'>('linear', 'log')
    const shape = fc.constantFrom<'line' | 'step' | 'dots' | 'area'>('line', 'step', 'dots', 'area')
    const number = fc.oneof(fc.double(), fc.integer({ min: -20, max: 20 }), fc.constantFrom(NaN, Infinity, 0, 1e-300))
    const points = fc.array(fc.tuple(number, number), { maxLength: 30 })
    const series = fc.array(fc.record({ name: fc.string({ unit: 'binary' }), points, shape }), { maxLength: 12 })
    const anyPlot = fc.record({ title: fc.string({ unit: 'binary' }), xScale: scale, yScale: scale, series })
    fc.assert(
      fc.property(anyPlot, ({ title, xScale, yScale, series }) => {
        const plot: Plot = { title, x: { label: 'x', scale: xScale }, y: { label: 'y', scale: yScale }, series }
        const svg = svgPlot(plot)
        elementsOf(svg)
        assertNoNonsense(svg)
        assert.equal(svgPlot(plot), svg)
      }),
      { numRuns: 300 },
    )
  })

  it('are well-formed for any bars', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.double()), { maxLength: 10 }), (rows) => {
        const groups = rows.map(([label, value]) => ({ label, values: [value] }))
        const svg = svgBars({ title: 'bars', series: [{ name: '' }], groups })
        elementsOf(svg)
        assertNoNonsense(svg)
      }),
    )
  })
})
