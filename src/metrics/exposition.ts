/**
 * Prometheus' text exposition format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats), whatever is measured.
 * Base units are seconds and bytes, counters end in `_total`.
 */

import type { HistogramSnapshot } from './histogram.ts'

/** Serve it as this. */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

export type Label = readonly [name: string, value: string]

export interface Sample {
  readonly value: number
  /** Behind the metric's name. */
  readonly suffix?: '_bucket' | '_sum' | '_count'
  readonly labels: readonly Label[]
}

/** A metric with all its samples, which have to stand together under one HELP and TYPE. */
export interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly samples: readonly Sample[]
}

/** Upper ends of the exported buckets. */
const boundsMs = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 5000, 15_000, 60_000]

/** Families without samples are left out. No two samples may have the same name and labels, or Prometheus refuses the page. */
export function expositionText(families: readonly Family[]): string {
  return families.map(textOf).join('')
}

/**
 * A histogram in seconds. A recorded bucket counts as below a bound only if all of it is: counts err to the slow side, by
 * durations up to 1/32 below the bound.
 */
export function histogramSamples(histogram: HistogramSnapshot, labels: readonly Label[]): Sample[] {
  const { count, sumMs, buckets } = histogram
  const remaining = [...buckets].reverse()
  let below = 0
  const bounded = boundsMs.map((boundMs): Sample => {
    for (let last = remaining.at(-1); last && last[0] <= boundMs; last = remaining.at(-1)) {
      below += last[1]
      remaining.pop()
    }
    return bucketSample(labels, String(secondsOf(boundMs)), below)
  })
  return [
    ...bounded,
    bucketSample(labels, '+Inf', count),
    { suffix: '_sum', labels, value: secondsOf(sumMs) },
    { suffix: '_count', labels, value: count },
  ]
}

/** To the microsecond, so that 12.3 ms are 0.0123 and not 0.012300000000000002. */
export function secondsOf(ms: number): number {
  return Math.round(ms * 1000) / 1e6
}

function bucketSample(labels: readonly Label[], bound: string, value: number): Sample {
  return { suffix: '_bucket', labels: [...labels, ['le', bound]], value }
}

function textOf({ name, type, help, samples }: Family): string {
  if (samples.length === 0) return ''
  const lines = samples.map((sample) => lineOf(name, sample))
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n')
}

function lineOf(name: string, { value, suffix, labels }: Sample): string {
  const written = labels.map(([key, text]) => `${key}="${escape(text)}"`)
  return `${name}${suffix ?? ''}${written.length === 0 ? '' : `{${written.join(',')}}`} ${value}`
}

function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
