/** How near an experiment's predictions came, by comparing each predicted figure with the median that was measured of it. */

import { bytesText, numberText, percentText, timeText } from '../report/number-text.ts'
import type { ExperimentResult, Measurement } from './results.ts'

/** A prediction that is off by no more than this share of itself is near. */
const near = 0.25

interface Hit {
  readonly measurement: Measurement
  readonly predicted: number
  readonly measured: number
  /** Share of what was predicted; Infinity: nothing was predicted, and something found. */
  readonly off: number
}

/** Of what was both predicted and measured. */
function predictionHits({ prediction, measurements }: ExperimentResult): readonly Hit[] {
  return measurements.flatMap((measurement) => {
    const predicted = prediction?.figures[measurement.name]
    const measured = measurement.median
    if (predicted === undefined || predicted === null || measured === null) return []
    return [{ measurement, predicted, measured, off: offBy(predicted, measured) }]
  })
}

function offBy(predicted: number, measured: number): number {
  return predicted === measured ? 0 : Math.abs(measured - predicted) / Math.abs(predicted)
}

/** In a sentence; empty: there is nothing to compare. */
export function hitsText(result: ExperimentResult): string {
  const hits = predictionHits(result)
  const [first, ...others] = hits
  if (!first) return ''
  const farthest = others.reduce((one, other) => (other.off > one.off ? other : one), first)
  const count = hits.filter(({ off }) => off <= near).length
  const all =
    hits.length === 1
      ? 'The one figure that was predicted'
      : `Of ${numberText(hits.length)} figures that were predicted, ${numberText(count)}`
  if (hits.length === 1) return `${all} is ${offText(first)}.`
  if (count === hits.length)
    return `All ${numberText(hits.length)} figures that were predicted came within ${percentText(near)} of it.`
  return `${all} came within ${percentText(near)} of it; farthest off is ${farthest.measurement.name}: ${offText(farthest)}.`
}

function offText({ predicted, measured, measurement }: Hit): string {
  return `${figureText(measured, measurement)} in place of ${figureText(predicted, measurement)}`
}

/** With its unit, as tables have it. */
export function figureText(value: number | null, { unit }: Pick<Measurement, 'unit'>): string {
  if (value === null || !Number.isFinite(value)) return '–'
  switch (unit) {
    case 'ms':
      return timeText(value)
    case 'bytes':
      return bytesText(value)
    case 'share':
      return percentText(value)
    case '1/s':
      return `${numberText(value)} /s`
    case 'count':
    case 'ratio':
      return numberText(value)
  }
}
