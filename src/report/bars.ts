/**
 * Horizontal bars with their numbers behind them, one for each label, or a group of one for each series. The numbers stand there
 * in words, so there is no axis and no grid.
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
  readonly groups: readonly BarGroup[]
  readonly isStacked?: boolean
  /** In pixels, 720 by default. The height follows from the number of bars. */
  readonly width?: number
}

interface Row {
  readonly y: number
  readonly value: number
  readonly color: number
  readonly words: string
}

const labelGap = 12
const valueGap = 6
const lineHeight = 16

/** Throws for a width beyond 240 to 4,000 pixels, without series, and for a group that has not one value for each series. */
export function svgBars(bars: Bars): string {
  const { width = 720 } = bars
  check(bars, width)
  const header = drawHeader(bars.title, bars.subtitle, width)
  const shown = bars.series.length > 1 ? bars.series : []
  const keys = shown.map(({ name, color }, index) => ({ name, color: color ?? index, sample: drawBarSample }))
  const legend = drawLegend(keys, width, header.bottom)

  const thickness = bars.series.length === 1 ? 20 : 15
  const pitch = bars.series.length === 1 ? 30 : bars.series.length * (thickness + 2) + 14
  const rows = bars.groups.map((group, index) => rowsOf(bars, group, legend.bottom + index * pitch + 6, thickness))
  const labelRoom = Math.min(width * 0.35, widest(bars.groups.map(({ label }) => label)))
  const { scale, left, right } = place(rows.flat(), margin + labelRoom + labelGap, width - margin)
  const bottom = legend.bottom + Math.max(1, bars.groups.length) * pitch + 4
  const box: Box = { left, right, top: legend.bottom, bottom }

  const zero = Math.round(left + scale.place(0) * (right - left))
  const content = bars.groups.map((group, index) => {
    const middle = legend.bottom + index * pitch + 6 + (bars.series.length * (thickness + 2) - 2) / 2
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
  }
}

function rowsOf({ series, unit }: Bars, group: BarGroup, top: number, thickness: number): Row[] {
  return group.values.map((given, index) => {
    const value = isDrawable(given, 'linear') ? given : NaN
    const color = series[index]?.color ?? index
    return { y: top + index * (thickness + 2), value, color, words: quantityText(value, unit) }
  })
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

function drawRow({ y, value, color, words }: Row, scale: Scale, box: Box, thickness: number): Markup[] {
  const at = (amount: number): number => box.left + scale.place(amount) * (box.right - box.left)
  const zero = Math.round(at(0))
  const tip = Number.isNaN(value) ? zero : at(value)
  const left = Math.min(zero, tip)
  const bar = element('rect', {
    class: `bar ${colorClass(color)}`,
    x: left,
    y,
    width: Math.abs(tip - zero),
    height: thickness,
  })
  const side = value < 0 ? { class: 'end', x: tip - valueGap } : { x: tip + valueGap }
  const number = element('text', { ...side, y: y + thickness / 2 + 4.5 }, text(words))
  return tip === zero ? [number] : [bar, number]
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

function describe({ subtitle, unit, series, groups }: Bars): string {
  const lines = groups.map(({ label, values }) => {
    const numbers = values.map((value, index) => {
      const name = series.length > 1 ? `${series[index]?.name ?? ''} ` : ''
      return name + quantityText(value, unit)
    })
    return `${label}: ${numbers.join(', ')}.`
  })
  return [...(subtitle === undefined ? [] : [subtitle]), ...lines].join('\n')
}
