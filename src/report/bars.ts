/**
 * Horizontal bars with their numbers behind them: one for each label, a group of one for each series, or one whose parts are the
 * series. The numbers stand there in words, so there is no axis and no grid.
 */
import { assert } from '../assert.ts'
import type { Box } from './box.ts'
import { coordinate, element, type Markup, text } from './markup.ts'
import { quantityText } from './number-text.ts'
import { assertWidth, drawHeader, drawLegend, drawSheet, margin } from './paper.ts'
import { isDrawable, linearScale, type Scale } from './scale.ts'
import { fitText, textWidth, wrapText } from './text-width.ts'
import { colorClass, fontSize } from './theme.ts'

export interface BarSeries {
  readonly name: string
  /** Into the palette. By default the place among the series. */
  readonly color?: number
}

export interface BarGroup {
  readonly label: string
  /** One for each series. NaN is a missing value, drawn as a dash. */
  readonly values: readonly number[]
}

export interface Bars {
  readonly title: string
  readonly subtitle?: string
  /** Behind each number; `%` and `×` without a space. */
  readonly unit?: string
  readonly series: readonly BarSeries[]
  /** The values of a group are parts of one bar, 0 or more each, and their sum stands behind it. Parts that are missing are nothing. */
  readonly isStacked?: boolean
  readonly groups: readonly BarGroup[]
  /** In pixels, 720 by default. The height follows from the number of bars. */
  readonly width?: number
}

/** A bar. */
interface Row {
  readonly y: number
  /** Where it ends; NaN: there is nothing to draw. */
  readonly value: number
  readonly parts: readonly Part[]
  readonly words: string
}

interface Part {
  readonly from: number
  readonly to: number
  readonly color: number
}

const labelGap = 12
const valueGap = 6
const lineHeight = 16
/** Of a label; what is longer is cut short. */
const mostLines = 3

/** Throws for a width beyond 240 to 4,000 pixels, without series, and for a group that has not one value for each series. */
export function svgBars(bars: Bars): string {
  const { width = 720 } = bars
  check(bars, width)
  const header = drawHeader(bars.title, bars.subtitle, width)
  const shown = bars.series.length > 1 || bars.isStacked === true ? bars.series : []
  const keys = shown.map(({ name, color }, index) => ({ name, color: color ?? index, sample: drawBarSample }))
  const legend = drawLegend(keys, width, header.bottom)

  const inGroup = bars.isStacked === true ? 1 : bars.series.length
  const thickness = inGroup === 1 ? 20 : 15
  const labelRoom = Math.min(width * 0.35, widest(bars.groups.map(({ label }) => label)))
  const lines = Math.max(1, ...bars.groups.map(({ label }) => wrapText(label, fontSize.label, labelRoom).length))
  const barsHeight = inGroup === 1 ? 30 : inGroup * (thickness + 2) + 14
  const pitch = Math.max(barsHeight, Math.min(lines, mostLines) * lineHeight + 4)
  const rows = bars.groups.map((group, index) => rowsOf(bars, group, legend.bottom + index * pitch + 6, thickness))
  const { scale, left, right } = place(rows.flat(), margin + labelRoom + labelGap, width - margin)
  const bottom = legend.bottom + Math.max(1, bars.groups.length) * pitch + 4
  const box: Box = { left, right, top: legend.bottom, bottom }

  const zero = Math.round(left + scale.place(0) * (right - left))
  const content = bars.groups.map((group, index) => {
    const middle = legend.bottom + index * pitch + 6 + (inGroup * (thickness + 2) - 2) / 2
    return [
      ...drawLabel(group.label, labelRoom, middle, pitch),
      ...(rows[index] ?? []).flatMap((row) => drawRow(row, scale, box, thickness)),
    ]
  })
  const sheet = { width, height: Math.ceil(bottom + 12), title: bars.title, description: describe(bars) }
  const axis = element('path', { class: 'axis', d: `M${coordinate(zero - 0.5)} ${coordinate(box.top)}V${bottom}` })
  const nothing = element('text', { class: 'soft', x: left + valueGap, y: legend.bottom + 20 }, text('no data'))
  return drawSheet(sheet, [
    ...header.markup,
    ...legend.markup,
    ...(bars.groups.length === 0 ? [nothing] : content.flat()),
    axis,
  ])
}

function check(bars: Bars, width: number): void {
  assertWidth(width)
  assert(bars.series.length > 0, `the bars "${bars.title}" have no series`)
  for (const { label, values } of bars.groups) {
    assert(
      values.length === bars.series.length,
      `"${label}" has ${values.length} values for ${bars.series.length} series of bars`,
    )
    const isPart = (value: number): boolean => bars.isStacked !== true || !(value < 0)
    assert(values.every(isPart), `"${label}" has a negative part, which can't be stacked: ${values.join(', ')}`)
  }
}

function rowsOf({ series, unit, isStacked }: Bars, group: BarGroup, top: number, thickness: number): Row[] {
  const values = group.values.map((value) => (isDrawable(value, 'linear') ? value : NaN))
  const colors = series.map(({ color }, index) => color ?? index)
  if (isStacked === true) return [stackOf(values, colors, top, unit)]
  return values.map((value, index) => ({
    y: top + index * (thickness + 2),
    value,
    parts: [{ from: 0, to: value, color: colors[index] ?? index }],
    words: quantityText(value, unit),
  }))
}

function stackOf(values: readonly number[], colors: readonly number[], y: number, unit: string | undefined): Row {
  const parts: Part[] = []
  let end = 0
  for (const [index, value] of values.entries()) {
    if (Number.isNaN(value)) continue
    parts.push({ from: end, to: end + value, color: colors[index] ?? index })
    end += value
  }
  const value = parts.length === 0 ? NaN : end
  return { y, value, parts, words: quantityText(value, unit) }
}

/** The bars' scale, with zero in it, and their ends: room is left for the numbers behind the longest bars. */
function place(rows: readonly Row[], start: number, end: number): { scale: Scale; left: number; right: number } {
  const values = rows.map(({ value }) => value).filter((value) => !Number.isNaN(value))
  const least = Math.min(0, ...values)
  const greatest = Math.max(0, ...values)
  const room = widest(rows.map(({ words }) => words)) + valueGap
  const left = Math.round(start + (least < 0 ? room + labelGap : 0))
  const right = Math.round(end - room)
  return { scale: linearScale(least, least === greatest ? 1 : greatest), left, right }
}

function drawRow({ y, value, parts, words }: Row, scale: Scale, box: Box, thickness: number): Markup[] {
  const at = (amount: number): number => box.left + scale.place(amount) * (box.right - box.left)
  const zero = Math.round(at(0))
  const edge = (amount: number): number => (amount === 0 || Number.isNaN(amount) ? zero : at(amount))
  const tip = edge(value)
  const bars = parts.flatMap(({ from, to, color }) => {
    const [start, end] = [edge(from), edge(to)]
    const size = { x: Math.min(start, end), y, width: Math.abs(end - start), height: thickness }
    return start === end ? [] : [element('rect', { class: `bar ${colorClass(color)}`, ...size })]
  })
  const side = value < 0 ? { class: 'end', x: tip - valueGap } : { x: tip + valueGap }
  return [...bars, element('text', { ...side, y: y + thickness / 2 + 4.5 }, text(words))]
}

/** Right against the bars, on several lines if it is long and they have room. */
function drawLabel(label: string, room: number, middle: number, height: number): Markup[] {
  const wrapped = wrapText(label, fontSize.label, room)
  const lines = wrapped.length * lineHeight <= height ? wrapped : [fitText(label, fontSize.label, room)]
  const first = middle + 4.5 - ((lines.length - 1) * lineHeight) / 2
  return lines.map((line, index) => {
    return element('text', { class: 'end', x: margin + room, y: first + index * lineHeight }, text(line))
  })
}

function drawBarSample(): Markup {
  return element('rect', { class: 'bar', x: 0, y: -6, width: 20, height: 12 })
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map((one) => textWidth(one, fontSize.label)))
}

function describe({ subtitle, unit, series, groups, isStacked }: Bars): string {
  const lines = groups.map(({ label, values }) => {
    const numbers = values.map((value, index) => {
      const name = series.length > 1 ? `${series[index]?.name ?? ''} ` : ''
      return name + quantityText(value, unit)
    })
    const sum = isStacked === true ? [`together ${stackOf(values, [], 0, unit).words}`] : []
    return `${label}: ${[...numbers, ...sum].join(', ')}.`
  })
  return [...(subtitle === undefined ? [] : [subtitle]), ...lines].join('\n')
}
