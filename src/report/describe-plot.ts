/** A plot in words, for those who can't see it. */
import { numberText, quantityText } from './number-text.ts'
import type { Plot } from './plot.ts'
import type { AxisOptions } from './scale.ts'
import { type Extent, extentOf, type Series } from './series.ts'

export function describePlot(plot: Plot, extent: Extent | undefined): string {
  const sentences = [
    ...(plot.subtitle === undefined ? [] : [plot.subtitle]),
    `Across: ${describeAxis(plot.x, extent?.x)}.`,
    `Up: ${describeAxis(plot.y, extent?.y)}.`,
    ...plot.series.map((series) => describeSeries(series, plot)),
    ...(plot.marks ?? []).map(({ axis, at, until, text }) => {
      const unit = (axis === 'x' ? plot.x : plot.y).unit
      const where = until === undefined ? `at ${quantityText(at, unit)}` : rangeText([at, until], unit)
      return `Marked: ${text}, ${where}.`
    }),
  ]
  return sentences.join('\n')
}

function describeAxis(axis: AxisOptions, range: readonly [number, number] | undefined): string {
  const kind = axis.scale === 'log' ? ', logarithmic' : ''
  return `${axis.label}${kind}, ${range === undefined ? 'no data' : rangeText(range, axis.unit)}`
}

function describeSeries(series: Series, plot: Plot): string {
  const extent = extentOf([series], plot.x, plot.y)
  const values = extent === undefined ? 'no data' : `${plot.y.label} ${rangeText(extent.y, plot.y.unit)}`
  return `${series.name === '' ? 'Data' : series.name}: ${numberText(series.points.length)} points, ${values}.`
}

function rangeText([from, to]: readonly [number, number], unit = ''): string {
  return from === to ? `always ${quantityText(from, unit)}` : `${numberText(from)} to ${quantityText(to, unit)}`
}
