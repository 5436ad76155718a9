import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Plot, type Series, svgPlot } from './plot.ts'

const axes = { x: { label: 'time', unit: 's' }, y: { label: 'wait', unit: 'ms' } }
const plotOf = (series: readonly Series[], more: Partial<Plot> = {}): string =>
  svgPlot({ title: 'Waiting', ...axes, series, ...more })
/** The paths of the data, by class. */
const pathsOf = (svg: string, className: string): string[] =>
  [...svg.matchAll(/<path class="(\w+)"[^>]* ?d="([^"]*)"/g)]
    .filter((match) => match[1] === className)
    .map((match) => match[2] ?? '')
const textsOf = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)/g)].map((match) => match[1] ?? '')
const line = (name: string, ys: readonly number[]): Series => ({ name, points: ys.map((y, x) => [x, y]) })

describe('svgPlot', () => {
  it('says what it shows to those who cannot see it', () => {
    const svg = plotOf([line('small pool', [1, 2500])], {
      subtitle: 'One minute',
      marks: [{ axis: 'x', at: 0, until: 0.5, text: 'database down' }],
    })
    assert.match(svg, /^<svg [^>]*role="img">\n<title>Waiting<\/title>\n<desc>/)
    assert.deepEqual(/<desc>([^]*)<\/desc>/.exec(svg)?.[1]?.split('\n'), [
      'One minute',
      'Across: time, 0 to 1\u00A0s.',
      'Up: wait, 1 to 2,500\u00A0ms.',
      'small pool: 2 points, wait 1 to 2,500\u00A0ms.',
      'Marked: database down, 0 to 0.5\u00A0s.',
    ])
  })

  it('names axes with their units, and lines at their ends', () => {
    const texts = textsOf(plotOf([line('a', [0, 3]), line('b', [0, 10])]))
    assert.deepEqual(texts, [
      'Waiting',
      '0',
      '2',
      '4',
      '6',
      '8',
      '10',
      'wait (ms)',
      ...texts.slice(8, -3),
      'time (s)',
      'b',
      'a',
    ])
  })

  it('has a legend if a line ends before the right side, and no label then', () => {
    const texts = textsOf(plotOf([line('a', [0, 3]), line('b', [0, 1, 2, 3])]))
    assert.deepEqual([texts.slice(1, 3), texts.at(-1)], [['a', 'b'], 'time (s)'])
  })

  it('shows no empty name', () => {
    assert.ok(!textsOf(plotOf([line('', [0, 3])])).includes(''))
  })

  it('shows axes and says so without data', () => {
    for (const series of [[], [line('', [])], [line('', [NaN, Infinity])]]) {
      const svg = plotOf(series)
      assert.ok(textsOf(svg).includes('no data'))
      assert.deepEqual(pathsOf(svg, 'line'), [])
    }
  })

  it('breaks a line at NaN and infinite numbers, and shows a point between gaps as a dot', () => {
    const svg = plotOf([line('a', [1, 2, NaN, 3, Infinity, 2, 1])])
    assert.deepEqual(
      [pathsOf(svg, 'line')[0]?.match(/M/g)?.length, pathsOf(svg, 'dots')[0]?.match(/M/g)?.length],
      [2, 1],
    )
  })

  it('shows a single point', () => {
    assert.match(pathsOf(plotOf([{ name: '', points: [[5, 12]] }]), 'dots').join(), /^M[\d.]+ [\d.]+h0$/)
  })

  it('draws equal values as a flat line within the box', () => {
    const [path = ''] = pathsOf(plotOf([line('a', [7, 7, 7])]), 'line')
    const heights = [...path.matchAll(/[\d.]+ ([\d.]+)/g)].map((match) => match[1])
    assert.deepEqual([heights.length, new Set(heights).size], [3, 1])
  })

  it('fills an area down to zero, also from below', () => {
    const svg = plotOf(
      [
        {
          name: '',
          shape: 'area',
          points: [
            [0, -10],
            [1, 10],
          ],
        },
      ],
      { y: { label: 'y', from: -10, to: 10 } },
    )
    const [, first, second, base] =
      /M[\d.]+ ([\d.]+) [\d.]+ ([\d.]+)V([\d.]+)H[\d.]+Z/.exec(pathsOf(svg, 'area').join()) ?? []
    assert.equal(Number(base), (Number(first) + Number(second)) / 2)
  })

  it('keeps the value of a step until the next point', () => {
    const svg = plotOf([
      {
        name: '',
        shape: 'step',
        points: [
          [0, 1],
          [1, 1],
          [2, 5],
          [3, 5],
        ],
      },
    ])
    assert.match(pathsOf(svg, 'line').join(), /^M[\d.]+ [\d.]+H[\d.]+V[\d.]+H[\d.]+$/)
  })

  it('leaves out what a logarithmic scale cannot show', () => {
    const svg = plotOf([line('a', [0, -3, 10, 100, 0])], { y: { label: 'wait', scale: 'log' } })
    assert.equal(pathsOf(svg, 'line')[0]?.match(/M/g)?.length, 1)
    assert.match(svg, /Up: wait, logarithmic, 10 to 100\./)
  })

  it('chooses the y axis by what is within the bounds of the x axis', () => {
    const svg = plotOf([line('a', [1, 2, 1000])], { x: { label: 'time', to: 1 } })
    assert.match(svg, /Up: wait, 1 to 2/)
  })

  it('shows a limit that the data do not reach, with its name at the right', () => {
    const texts = textsOf(plotOf([line('a', [1, 2])], { marks: [{ axis: 'y', at: 55, text: 'limit' }] }))
    assert.deepEqual([texts.includes('60'), texts.slice(-2)], [true, ['limit', 'a']])
  })

  it('puts the texts of neighbouring marks in rows of their own', () => {
    const marks = [0.5, 0.51].map((at) => ({ axis: 'x' as const, at, text: 'database down' }))
    const svg = plotOf([line('a', [1, 2])], { marks })
    const rows = [...svg.matchAll(/y="([\d.]+)">database down/g)].map((match) => Number(match[1]))
    assert.equal(rows[0], (rows[1] ?? 0) + 17)
  })

  it('draws a million points in less than 50 KB, as a line or as dots', () => {
    const noise = Array.from({ length: 1e6 }, (_, i) => [i, Math.abs(Math.sin(i * i)) * 1000] as const)
    for (const shape of ['line', 'step', 'area', 'dots'] as const) {
      const bytes = plotOf([{ name: 'noise', shape, points: noise }]).length
      assert.ok(bytes < (shape === 'area' ? 100_000 : 50_000), `${shape}: ${bytes} bytes`)
    }
  })

  it('dashes lines when the colours are used up', () => {
    const svg = plotOf(Array.from({ length: 8 }, (_, k) => line(`s${k}`, [k, k + 1])))
    assert.equal(svg.match(/<g class="c0"><path class="line" stroke-dasharray/g)?.length, 1)
  })

  it('refuses what cannot be drawn', () => {
    assert.throws(() => plotOf([], { width: 10 }), /a figure of 10 pixels can't be drawn/)
    assert.throws(() => plotOf([], { height: NaN }), /a plot can't be NaN pixels high/)
    assert.throws(() => plotOf([{ ...line('a', []), color: -1 }]), /the series "a" has the colour -1/)
    assert.throws(() => plotOf([], { marks: [{ axis: 'x', at: NaN, text: 'm' }] }), /the mark "m" can't stand at NaN/)
    assert.throws(() => plotOf([], { marks: [{ axis: 'x', at: 5, until: 4, text: 'm' }] }), /the mark "m" ends at 4/)
  })
})
