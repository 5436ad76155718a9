/** When callers come who don't wait for each other: an open load. */

import type { Random } from '../random.ts'
import { exponential } from './durations.ts'

/** Rates are of all instances of an application together. */
export type ArrivalSpec =
  /** Independent of each other: the gaps are exponential. */
  | { readonly kind: 'poisson'; readonly perSecond: number }
  /** One every so often. */
  | { readonly kind: 'regular'; readonly perSecond: number }
  /** Bursts and calm by turns, Poisson within each; both last exponentially long (a Markov-modulated Poisson process). */
  | {
      readonly kind: 'bursty'
      readonly perSecond: number
      readonly burstPerSecond: number
      readonly calmMs: number
      readonly burstMs: number
    }
  /** Poisson, at a rate that goes up and down as a sine, lowest at the beginning. */
  | {
      readonly kind: 'diurnal'
      readonly perSecond: number
      readonly peakPerSecond: number
      readonly periodMs: number
    }
  /** At these instants, ascending, in milliseconds from the beginning; nobody after the last. */
  | { readonly kind: 'replayed'; readonly atMs: Float64Array }

/** A process of arrivals. */
export interface Arrivals {
  /** When the next one comes after the one at `atMs`, or after the beginning, 0; Infinity: nobody any more. */
  after(atMs: number): number
}

export function arrivalsOf(spec: ArrivalSpec, random: Random): Arrivals {
  switch (spec.kind) {
    case 'poisson':
      return { after: (atMs) => atMs + (exponential(random) * 1_000) / spec.perSecond }
    case 'regular':
      return { after: (atMs) => atMs + 1_000 / spec.perSecond }
    case 'bursty':
      return new Bursts(spec, random)
    case 'diurnal':
      return diurnal(spec, random)
    case 'replayed':
      return new Replayed(spec.atMs)
  }
}

/** The mean over a long time. */
export function meanPerSecondOf(spec: ArrivalSpec): number {
  if (spec.kind === 'bursty') {
    const { perSecond, burstPerSecond, calmMs, burstMs } = spec
    return (perSecond * calmMs + burstPerSecond * burstMs) / (calmMs + burstMs)
  }
  if (spec.kind !== 'replayed') return spec.perSecond
  return (spec.atMs.length * 1_000) / (spec.atMs.at(-1) ?? 1)
}

class Bursts implements Arrivals {
  readonly #spec: ArrivalSpec & { kind: 'bursty' }
  readonly #random: Random
  #isBurst = true
  #changesAtMs = 0

  constructor(spec: ArrivalSpec & { kind: 'bursty' }, random: Random) {
    this.#spec = spec
    this.#random = random
  }

  /** What is left of a gap when the rate changes is as long as a new one: exponential gaps have no memory. */
  after(atMs: number): number {
    let fromMs = atMs
    for (;;) {
      if (fromMs >= this.#changesAtMs) this.#change()
      const { perSecond, burstPerSecond } = this.#spec
      const rate = this.#isBurst ? burstPerSecond : perSecond
      const nextMs = fromMs + (exponential(this.#random) * 1_000) / rate
      if (nextMs < this.#changesAtMs) return nextMs
      fromMs = this.#changesAtMs
    }
  }

  #change(): void {
    this.#isBurst = !this.#isBurst
    const { calmMs, burstMs } = this.#spec
    this.#changesAtMs += exponential(this.#random) * (this.#isBurst ? burstMs : calmMs)
  }
}

/** By thinning (Lewis and Shedler 1979): candidates at the highest rate, each kept with the probability rate / highest. */
function diurnal({ perSecond, peakPerSecond, periodMs }: ArrivalSpec & { kind: 'diurnal' }, random: Random): Arrivals {
  const swing = peakPerSecond - perSecond
  const rateAt = (ms: number): number => perSecond - swing * Math.cos((2 * Math.PI * ms) / periodMs)
  return {
    after: (atMs) => {
      let nextMs = atMs
      do nextMs += (exponential(random) * 1_000) / peakPerSecond
      while (random.fraction() * peakPerSecond >= rateAt(nextMs))
      return nextMs
    },
  }
}

class Replayed implements Arrivals {
  readonly #atMs: Float64Array
  #next = 0

  constructor(atMs: Float64Array) {
    this.#atMs = atMs
  }

  after(): number {
    return this.#atMs[this.#next++] ?? Infinity
  }
}
