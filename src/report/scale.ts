/**
 * From values to a place between 0 and 1, and back to round numbers on the axis: 1, 2 or 5 times a power of ten. Where the
 * reader gives no bounds, they come from the data.
 */
import { assert } from '../assert.ts'
import { exponentOf, numberText } from './number-text.ts'

export interface AxisOptions {
  readonly label: string
  readonly unit?: string
  readonly scale?: 'linear' | 'log'
  /** Bounds of the axis; without them the data decide. Points beyond a bound are not shown. */
  readonly from?: number
  readonly to?: number
}

export interface Tick {
  readonly value: number
  readonly text: string
}

export interface Scale {
  readonly from: number
  readonly to: number
  /** A value that can't be drawn is a gap: no number, infinite, or ≤ 0 on a logarithmic scale. */
  accepts(this: void, value: number): boolean
  /** 0 at `from`, 1 at `to`, and beyond them on either side. */
  place(value: number): number
  /** About `most` of them, all within the bounds. */
  ticks(most: number): Tick[]
}

/** How bounds follow from data: `tight` ends with the data, `round` goes on to round numbers and likes to show zero. */
export interface Fit {
  readonly bounds: 'tight' | 'round'
  readonly zero?: boolean
  readonly ticks: number
}

type Bounds = readonly [from: number, to: number]

/** Beyond that a difference could overflow, and one below its inverse vanish; nothing measured is like that. */
const largest = 1e100
/** Bounds nearer to each other than that, in proportion, can't be told apart. */
const finest = 1e-9
/** Tight bounds go on to a round number that is no farther than this part of the axis: 59.9 s to 60 s. */
const nearBy = 0.025
const factors = [1, 2, 5, 10]

/** `data` are the least and greatest value, or undefined if there is none. */
export function scaleFor(options: AxisOptions, data: Bounds | undefined, fit: Fit): Scale {
  check(options)
  const logarithmic = options.scale === 'log'
  const [from, to] = logarithmic ? logBounds(options, data, fit) : linearBounds(options, data, fit)
  return logarithmic ? logScale(from, to) : linearScale(from, to)
}

/** Whether a scale of that kind can show the value. */
export function isDrawable(value: number, scale: AxisOptions['scale']): boolean {
  return Math.abs(value) <= largest && (scale !== 'log' || value >= 1 / largest)
}

export function linearScale(from: number, to: number): Scale {
  return {
    from,
    to,
    accepts: (value) => isDrawable(value, 'linear'),
    place: (value) => (value - from) / (to - from),
    ticks: (most) => linearTicks(from, to, most),
  }
}

export function logScale(from: number, to: number): Scale {
  const start = Math.log10(from)
  const length = Math.log10(to) - start
  return {
    from,
    to,
    accepts: (value) => isDrawable(value, 'log'),
    place: (value) => (Math.log10(value) - start) / length,
    ticks: (most) => logTicks(from, to, most),
  }
}

function check({ label, scale, from, to }: AxisOptions): void {
  for (const bound of [from, to]) {
    assert(bound === undefined || isDrawable(bound, scale), `the axis "${label}" can't have the bound ${bound}`)
  }
  if (from === undefined || to === undefined) return
  assert(from < to && !areEqual(from, to), `the axis "${label}" can't go from ${from} to ${to}`)
}

function linearBounds(options: AxisOptions, data: Bounds | undefined, fit: Fit): Bounds {
  let [from, to] = data ?? [options.from ?? 0, options.to ?? 1]
  if (fit.zero === true || (fit.bounds === 'round' && zeroIsNear(from, to))) {
    from = Math.min(0, from)
    to = Math.max(0, to)
  }
  from = options.from ?? from
  to = options.to ?? to
  if (to <= from || areEqual(from, to)) [from, to] = widened(options, from, to, fit)
  const step = stepFor(to - from, fit.ticks)
  // Adding 0 makes −0 a plain zero.
  const below = Math.floor(from / step + finest) * step + 0
  const above = Math.ceil(to / step - finest) * step + 0
  const reach = fit.bounds === 'round' ? Infinity : (to - from) * nearBy
  return [options.from ?? (from - below <= reach ? below : from), options.to ?? (above - to <= reach ? above : to)]
}

/** Zero takes up no more than half of the axis. */
function zeroIsNear(from: number, to: number): boolean {
  return Math.min(Math.abs(from), Math.abs(to)) <= to - from
}

/** Bounds around a single value, or on from the one bound that was given. */
function widened(options: AxisOptions, from: number, to: number, fit: Fit): Bounds {
  if (options.from !== undefined) return [from, from + Math.max(1, Math.abs(from))]
  if (options.to !== undefined) return [to - Math.max(1, Math.abs(to)), to]
  if (fit.bounds === 'tight') return [from - Math.max(0.5, Math.abs(from) / 10), to + Math.max(0.5, Math.abs(to) / 10)]
  if (Math.abs(from) < 1 / largest) return [0, 1]
  return from > 0 ? [0, 2 * from] : [2 * from, 0]
}

function logBounds(options: AxisOptions, data: Bounds | undefined, fit: Fit): Bounds {
  const [least, greatest] = data ?? [options.from ?? (options.to ?? 10) / 10, options.to ?? (options.from ?? 1) * 10]
  let from = options.from ?? least
  let to = options.to ?? greatest
  if (to <= from || areEqual(from, to)) {
    if (options.to === undefined) to = from * 10
    if (options.from === undefined) from = to / (options.to === undefined ? 100 : 10)
  }
  if (fit.bounds === 'tight') return [from, to]
  return [options.from ?? roundDown(from), options.to ?? roundUp(to)]
}

function areEqual(a: number, b: number): boolean {
  return Math.abs(a - b) <= Math.max(1 / largest, finest * Math.max(Math.abs(a), Math.abs(b)))
}

/** The smallest of 1, 2 and 5 times a power of ten that needs no more than `most` steps for the length. */
function stepFor(length: number, most: number): number {
  return roundUp(length / most)
}

function roundUp(value: number): number {
  const base = 10 ** exponentOf(value)
  const factor = factors.find((candidate) => candidate * base >= value * (1 - finest))
  return (factor ?? 10) * base
}

function roundDown(value: number): number {
  const base = 10 ** exponentOf(value)
  const factor = factors.findLast((candidate) => candidate * base <= value * (1 + finest))
  return (factor ?? 1) * base
}

function linearTicks(from: number, to: number, most: number): Tick[] {
  const step = stepFor(to - from, most)
  const ticks: Tick[] = []
  const last = Math.floor(to / step + finest)
  for (let index = Math.ceil(from / step - finest); index <= last; index++) {
    const value = index * step
    ticks.push({ value, text: numberText(value, step) })
  }
  return ticks
}

/** Powers of ten; with room, also 2 and 5 times; within a decade, as on a linear scale. */
function logTicks(from: number, to: number, most: number): Tick[] {
  const first = exponentOf(from)
  const last = exponentOf(to)
  const decades = Math.log10(to / from)
  const stride = Math.max(1, Math.ceil(decades / most))
  const ticks: Tick[] = []
  for (let exponent = Math.floor(first / stride) * stride; exponent <= last; exponent += stride) {
    for (const factor of decades * 3 <= most ? [1, 2, 5] : [1]) {
      const value = factor * 10 ** exponent
      if (value >= from * (1 - finest) && value <= to * (1 + finest)) ticks.push({ value, text: numberText(value) })
    }
  }
  return ticks.length < 2 ? linearTicks(from, to, most) : ticks
}
