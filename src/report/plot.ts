/**
 * A plot as a self-contained SVG: points in, text out, the same bytes for the same data. Nothing but data is inside the box:
 * names stand at the ends of their lines or, if they don't end at the right side, in a legend; texts of marks stand around it.
 */
import { assert } from '../assert.ts'
import { axisName, drawXAxis, drawYAxis, tickLabelWidth, xAxisHeight, yAxisWidth } from './axis.ts'
import type { Box } from './box.ts'
import { describePlot } from './describe-plot.ts'
import { drawEndLabels, type EndLabel, labelGap, labelsWidth } from './end-label.ts'
import { coordinate, element, type Markup, text } from './markup.ts'
import { arrangeCaptions, captionsHeight, checkMark, drawCaptions, drawMark, type Mark, visiblePart } from './mark.ts'
import { assertWidth, drawHeader, drawLegend, drawSheet, margin } from './paper.ts'
import { type AxisOptions, type Scale, scaleFor } from './scale.ts'
import {
  type DrawnSeries,
  drawSample,
  drawSeries,
  type Extent,
  extentOf,
  projection,
  type Series,
  withDefaults,
} from './series.ts'
import { fitText, textWidth } from './text-width.ts'
import { fontSize } from './theme.ts'

export type { AxisOptions, Mark, Series }

export interface Plot {
  readonly title: string
  readonly subtitle?: string
  readonly x: AxisOptions
  readonly y: AxisOptions
  readonly series: readonly Series[]
  readonly marks?: readonly Mark[]
  /** In pixels, 720 × 400 by default. Many rows of legend or marks make it higher. */
  readonly width?: number
  readonly height?: number
}

/** A plot with its defaults, and what follows from the data. */
interface Ready {
  readonly plot: Plot
  readonly series: readonly DrawnSeries[]
  readonly marks: readonly Mark[]
  readonly extent: Extent | undefined
  readonly x: Scale
  readonly y: Scale
  readonly yTicks: number
  readonly width: number
  readonly height: number
}

const leastBoxHeight = 120
/** A series ends at the right side if it ends in this last part of the axis. */
const endsAtRight = 0.96
const mostEndLabels = 8

/** Throws for a size beyond 240 to 4,000 × 160 to 4,000 pixels, and for an axis or a mark that can't be drawn. */
export function svgPlot(plot: Plot): string {
  const ready = prepare(plot)
  const { width, series, marks, x, y } = ready

  const endLabels = endLabelsOf(ready)
  const isNamed = series.filter(({ name }) => name !== '')
  const inLegend = endLabels.some(({ color }) => color !== undefined) ? [] : isNamed
  const labelsRoom = labelsWidth(endLabels, Math.floor(width * 0.33))
  const yTicks = y.ticks(ready.yTicks)
  const left = margin + yAxisWidth(yTicks)
  const right = width - margin - Math.max(labelsRoom, Math.ceil(tickLabelWidth(x.ticks(4)) / 2) - margin / 2)

  const header = drawHeader(plot.title, plot.subtitle, width)
  const keys = inLegend.map((one) => ({ name: one.name, color: one.color, sample: () => drawSample(one) }))
  const legend = drawLegend(keys, width, header.bottom)
  const yName = fitText(axisName(plot.y), fontSize.tick, width - 2 * margin)
  const xMarks = marks.filter(({ axis }) => axis === 'x')
  const captions = arrangeCaptions(xMarks, x, { left, right }, margin + textWidth(yName, fontSize.tick))
  const top = Math.ceil(legend.bottom + captionsHeight(captions) + 8)
  const bottom = Math.max(top + leastBoxHeight, ready.height - xAxisHeight - 10)
  const box: Box = { left, right, top, bottom }

  const sheet = {
    width,
    height: bottom + xAxisHeight + 10,
    title: plot.title,
    description: describePlot(plot, ready.extent),
  }
  return drawSheet(sheet, [
    ...header.markup,
    ...legend.markup,
    ...marks.filter(({ until }) => until !== undefined).flatMap((mark) => drawMark(mark, x, y, box)),
    ...drawYAxis(y, yTicks, box),
    element('text', { class: 'soft', x: margin, y: top - 12 }, text(yName)),
    ...drawXAxis(x, plot.x, box),
    ...marks.filter(({ until }) => until === undefined).flatMap((mark) => drawMark(mark, x, y, box)),
    ...drawCaptions(captions, box),
    drawData(ready, box),
    ...drawEndLabels(endLabels, box, labelsRoom),
  ])
}

function prepare(plot: Plot): Ready {
  const { width = 720, height = 400, marks = [] } = plot
  assertWidth(width)
  assert(height >= 160 && height <= 4000, `a plot can't be ${height} pixels high: 160 to 4000 are possible`)
  for (const mark of marks) checkMark(mark, mark.axis === 'x' ? plot.x : plot.y)
  const extent = extentOf(plot.series, plot.x, plot.y)
  const zero = plot.series.some(({ shape }) => shape === 'area')
  const yTicks = Math.max(2, Math.min(8, Math.round(height / 70)))
  return {
    plot,
    series: plot.series.map(withDefaults),
    marks,
    extent,
    x: scaleFor(plot.x, withMarks(extent?.x, marks, 'x'), { bounds: 'tight', ticks: 6 }),
    y: scaleFor(plot.y, withMarks(extent?.y, marks, 'y'), { bounds: 'round', zero, ticks: yTicks }),
    yTicks,
    width,
    height,
  }
}

/** A limit that the data don't reach is worth seeing, too. */
function withMarks(
  bounds: readonly [number, number] | undefined,
  marks: readonly Mark[],
  axis: 'x' | 'y',
): readonly [number, number] | undefined {
  if (bounds === undefined) return undefined
  const places = marks.filter((mark) => mark.axis === axis).flatMap(({ at, until }) => [at, until ?? at])
  return [Math.min(bounds[0], ...places), Math.max(bounds[1], ...places)]
}

/** Of marks on the y axis always; of series only if there is room for all of them, and each line ends there. */
function endLabelsOf(ready: Ready): EndLabel[] {
  const ofMarks: EndLabel[] = []
  for (const mark of ready.marks.filter(({ axis }) => axis === 'y')) {
    const part = visiblePart(mark, ready.y)
    if (part !== undefined && mark.text !== '') ofMarks.push({ text: mark.text, place: (part[0] + part[1]) / 2 })
  }
  const named = ready.series.filter(({ name }) => name !== '')
  const ofSeries = named.map((series) => endLabelOf(series, ready)).filter((label) => label !== undefined)
  const all = [...ofSeries, ...ofMarks]
  const haveRoom =
    all.length <= mostEndLabels &&
    all.length * labelGap <= ready.height / 2 &&
    all.every((label) => textWidth(label.text, fontSize.label) <= ready.width * 0.25)
  return haveRoom && ofSeries.length === named.length ? all : ofMarks
}

function endLabelOf(series: DrawnSeries, { x, y }: Ready): EndLabel | undefined {
  if (series.shape === 'dots') return undefined
  const last = series.points.findLast(([px, py]) => x.accepts(px) && y.accepts(py))
  if (last === undefined) return undefined
  const end = x.place(last[0])
  if (end < endsAtRight || end > 1) return undefined
  return { text: series.name, place: y.place(last[1]), color: series.color }
}

/** Inside an SVG of its own, which cuts off what lies beyond the bounds; it is larger by half of a thick line. */
function drawData({ series, extent, x, y }: Ready, box: Box): Markup {
  if (extent === undefined) {
    const middle = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 }
    return element('text', { class: 'soft middle', ...middle }, text('no data'))
  }
  const edge = 3
  const size = [box.left - edge, box.top - edge, box.right - box.left + 2 * edge, box.bottom - box.top + 2 * edge]
  const [left = 0, top = 0, width = 0, height = 0] = size
  const project = projection(x, y, box)
  const zero = y.accepts(0) ? Math.max(0, Math.min(1, y.place(0))) : 0
  const base = box.bottom - zero * (box.bottom - box.top)
  return element(
    'svg',
    { x: left, y: top, width, height, viewBox: size.map(coordinate).join(' ') },
    ...series.map((one) => drawSeries(one, project, base)),
  )
}
