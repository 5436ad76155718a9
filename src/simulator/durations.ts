/** How long things take: what a scenario may say, and the drawing of it. Everything in milliseconds. */

import type { Random } from '../random.ts'
import { interpolate } from './interpolate.ts'

export type DurationSpec =
  | { readonly kind: 'fixed'; readonly ms: number }
  | { readonly kind: 'exponential'; readonly meanMs: number }
  /** `cv`: standard deviation divided by the mean. */
  | { readonly kind: 'log-normal'; readonly meanMs: number; readonly cv: number }
  /** A heavy tail: P(longer than t) falls as t to the power of -`shape`, which is above 1; up to 2 the variance is infinite. */
  | { readonly kind: 'pareto'; readonly meanMs: number; readonly shape: number }
  /** Uniform between neighbours: what percent are no longer than what, from 0 to 100. */
  | { readonly kind: 'percentiles'; readonly points: readonly (readonly [percent: number, ms: number])[] }
  /** Drawn from these, each as likely as any other. */
  | { readonly kind: 'measured'; readonly values: Float64Array }
  /** These, one after the other; from the beginning again after the last. */
  | { readonly kind: 'sequence'; readonly values: Float64Array }

/** Draws durations. */
export interface Durations {
  next(): number
}

export function durationsOf(spec: DurationSpec, random: Random): Durations {
  switch (spec.kind) {
    case 'fixed':
      return { next: () => spec.ms }
    case 'exponential':
      return { next: () => spec.meanMs * exponential(random) }
    case 'log-normal':
      return new LogNormal(spec.meanMs, spec.cv, random)
    case 'pareto':
      return pareto(spec.meanMs, spec.shape, random)
    case 'percentiles':
      return { next: () => interpolate(spec.points, 100 * random.fraction()) }
    case 'measured':
      return { next: () => spec.values[random.integer(0, spec.values.length - 1)] as number }
    case 'sequence':
      return new Sequence(spec.values)
  }
}

/** The mean of what is drawn. */
export function meanMsOf(spec: DurationSpec): number {
  switch (spec.kind) {
    case 'fixed':
      return spec.ms
    case 'percentiles':
      return meanOfPercentiles(spec.points)
    case 'measured':
    case 'sequence':
      return spec.values.reduce((sum, value) => sum + value, 0) / spec.values.length
    default:
      return spec.meanMs
  }
}

/** Of mean 1. */
export function exponential(random: Random): number {
  return -Math.log(1 - random.fraction())
}

/** By inversion: the shortest is `mean × (shape - 1) / shape`. */
function pareto(meanMs: number, shape: number, random: Random): Durations {
  const leastMs = (meanMs * (shape - 1)) / shape
  return { next: () => leastMs * (1 - random.fraction()) ** (-1 / shape) }
}

class LogNormal implements Durations {
  readonly #mu: number
  readonly #sigma: number
  readonly #random: Random
  #spare = NaN

  constructor(meanMs: number, cv: number, random: Random) {
    const variance = Math.log1p(cv * cv)
    this.#mu = Math.log(meanMs) - variance / 2
    this.#sigma = Math.sqrt(variance)
    this.#random = random
  }

  next(): number {
    return Math.exp(this.#mu + this.#sigma * this.#normal())
  }

  /** Marsaglia's polar method, which makes two at a time. */
  #normal(): number {
    if (!Number.isNaN(this.#spare)) {
      const spare = this.#spare
      this.#spare = NaN
      return spare
    }
    for (;;) {
      const x = 2 * this.#random.fraction() - 1
      const y = 2 * this.#random.fraction() - 1
      const square = x * x + y * y
      if (square === 0 || square >= 1) continue
      const factor = Math.sqrt((-2 * Math.log(square)) / square)
      this.#spare = y * factor
      return x * factor
    }
  }
}

class Sequence implements Durations {
  readonly #values: Float64Array
  #next = 0

  constructor(values: Float64Array) {
    this.#values = values
  }

  next(): number {
    const value = this.#values[this.#next] as number
    this.#next = this.#next + 1 === this.#values.length ? 0 : this.#next + 1
    return value
  }
}

function meanOfPercentiles(points: readonly (readonly [number, number])[]): number {
  let sum = 0
  for (const [index, [percent, ms]] of points.entries()) {
    const [fromPercent, fromMs] = points[Math.max(0, index - 1)] as readonly [number, number]
    sum += ((percent - fromPercent) / 100) * ((ms + fromMs) / 2)
  }
  return sum
}
