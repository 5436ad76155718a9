/**
 * A recording as a load: callers in the order in which they came, and what was so while they did. A recording has callers in
 * the order in which they ended, so of those who ended between its first and its last entry none is missing; who had not ended
 * when it was taken is.
 */

import { TaxirankError } from '../errors.ts'
import { Histogram, type HistogramSnapshot } from '../metrics/histogram.ts'
import type { RecordingEntry } from '../metrics/recording.ts'

/** Times in milliseconds from the first caller's arrival on. */
export interface Recorded {
  /** Of each caller, ascending. */
  readonly atMs: Float64Array
  /** How long each waited. */
  readonly waitsMs: Float64Array
  /** How long each held; of those who never got a lease, as the caller before. */
  readonly holdsMs: Float64Array
  /** Between these what was so is known whole, but for those who had not ended at the end. */
  readonly fromMs: number
  readonly toMs: number
  /** Of those who gave back meanwhile. */
  readonly waitMs: HistogramSnapshot
  readonly holdMs: HistogramSnapshot
  /** Who gave up meanwhile, or was turned away. */
  readonly failed: number
  /** Leases at any one time. */
  readonly mostLeased: number
  /** Who waited or held: on average, and at any one time. */
  readonly meanPresent: number
  readonly mostPresent: number
  /** How many were open when the first caller came, as far as can be seen. */
  readonly openAtStart: number
}

/** Who holds longer than this share of callers may be missing at the end. */
const settledShare = 0.99

/** Throws `bad_recording` if nobody got a lease. `isCut`: entries before the first have been lost. */
export function recordedOf(ended: readonly RecordingEntry[], isCut: boolean): Recorded {
  const [firstEnded] = ended
  const knownFromMs = isCut && firstEnded ? endOf(firstEnded) : -Infinity
  const entries = ended.map((entry) => known(entry, knownFromMs)).toSorted((a, b) => a.arrivalMs - b.arrivalMs)
  const [first] = entries
  if (!first || !firstEnded || !entries.some(isServed)) {
    throw new TaxirankError('bad_recording', 'the recording can not be replayed: nobody in it got a lease')
  }
  const originMs = first.arrivalMs
  const fromMs = Math.max(0, knownFromMs - originMs)
  const toMs = lastSettledMs(ended, originMs, fromMs)
  const whole = entries.filter((entry) => isWithin(endOf(entry) - originMs, fromMs, toMs))
  const served = whole.filter(isServed)
  return {
    atMs: Float64Array.from(entries, ({ arrivalMs }) => arrivalMs - originMs),
    waitsMs: Float64Array.from(entries, ({ waitMs }) => waitMs),
    holdsMs: holdsOf(entries),
    fromMs,
    toMs,
    waitMs: histogramOf(served.map(({ waitMs }) => waitMs)),
    holdMs: histogramOf(served.map(({ holdMs }) => holdMs)),
    failed: whole.length - served.length,
    ...presenceOf(entries, originMs + fromMs),
  }
}

/**
 * Whom a caller waited behind is not known if they had ended before anything is known. So who had a lease by then comes when it
 * was granted, and who waited comes then.
 */
function known(entry: RecordingEntry, fromMs: number): RecordingEntry {
  const grantMs = entry.arrivalMs + entry.waitMs
  const arrivalMs = Math.max(entry.arrivalMs, Math.min(grantMs, fromMs))
  return arrivalMs === entry.arrivalMs ? entry : { ...entry, arrivalMs, waitMs: grantMs - arrivalMs }
}

function isServed({ holdMs }: RecordingEntry): boolean {
  return !Number.isNaN(holdMs)
}

function endOf({ arrivalMs, waitMs, holdMs }: RecordingEntry): number {
  return arrivalMs + waitMs + (Number.isNaN(holdMs) ? 0 : holdMs)
}

function isWithin(ms: number, fromMs: number, toMs: number): boolean {
  return ms > fromMs && ms <= toMs
}

/** Before the end by as long as most are present; but at least half of all time is left. */
function lastSettledMs(ended: readonly RecordingEntry[], originMs: number, fromMs: number): number {
  const lastMs = ended.reduce((last, entry) => Math.max(last, endOf(entry)), -Infinity) - originMs
  const present = Float64Array.from(ended, (entry) => endOf(entry) - entry.arrivalMs).toSorted()
  const usualMs = present[Math.floor(settledShare * (present.length - 1))] ?? 0
  return Math.max(lastMs - usualMs, (fromMs + lastMs) / 2)
}

function holdsOf(entries: readonly RecordingEntry[]): Float64Array {
  let lastMs = (entries.find(isServed) as RecordingEntry).holdMs
  return Float64Array.from(entries, ({ holdMs }) => {
    if (!Number.isNaN(holdMs)) lastMs = holdMs
    return lastMs
  })
}

function histogramOf(durationsMs: readonly number[]): HistogramSnapshot {
  const histogram = new Histogram()
  for (const ms of durationsMs) histogram.record(ms)
  return histogram.snapshot()
}

type Presence = Pick<Recorded, 'mostLeased' | 'meanPresent' | 'mostPresent' | 'openAtStart'>

function presenceOf(entries: readonly RecordingEntry[], fromMs: number): Presence {
  const served = entries.filter(isServed)
  const grants = served.map(({ arrivalMs, waitMs }) => arrivalMs + waitMs)
  const ends = served.map(endOf)
  const arrivals = entries.map(({ arrivalMs }) => arrivalMs)
  const departures = entries.map(endOf)
  const mostLeased = mostAtOnce(grants, ends)
  const waited = served.find(({ arrivalMs, waitMs }) => waitMs > 0 && arrivalMs >= fromMs)
  const spanMs = greatest(departures) - least(arrivals)
  const presentMs = entries.reduce((sum, entry) => sum + endOf(entry) - entry.arrivalMs, 0)
  return {
    mostLeased,
    mostPresent: mostAtOnce(arrivals, departures),
    meanPresent: spanMs > 0 ? presentMs / spanMs : 0,
    openAtStart: waited ? atOnce(grants, ends, waited.arrivalMs) : mostLeased,
  }
}

/** Who holds at that instant, whoever begins in it left out. */
function atOnce(begins: readonly number[], ends: readonly number[], atMs: number): number {
  return begins.filter((begin) => begin < atMs).length - ends.filter((end) => end < atMs).length
}

function mostAtOnce(begins: readonly number[], ends: readonly number[]): number {
  const begin = Float64Array.from(begins).toSorted()
  const end = Float64Array.from(ends).toSorted()
  let most = 0
  let ended = 0
  for (const [begun, atMs] of begin.entries()) {
    while ((end[ended] ?? Infinity) <= atMs) ended++
    most = Math.max(most, begun + 1 - ended)
  }
  return most
}

function least(values: readonly number[]): number {
  return values.reduce((one, other) => Math.min(one, other), Infinity)
}

function greatest(values: readonly number[]): number {
  return values.reduce((one, other) => Math.max(one, other), -Infinity)
}

/**
 * How much work each caller's hold was, if the database's `cores` were shared equally by all who held: what the hold would
 * have been alone. In the order of `atMs`.
 */
export function worksOf({ atMs, waitsMs, holdsMs }: Recorded, cores: number): Float64Array {
  const grants = atMs.map((ms, index) => ms + (waitsMs[index] as number))
  const ends = grants.map((ms, index) => ms + (holdsMs[index] as number))
  const work = new SharedWork(cores)
  const works = new Float64Array(holdsMs.length)
  const order = inOrderOf(grants)
  let next = 0
  for (const ending of inOrderOf(ends)) {
    const endMs = ends[ending] as number
    for (; next < order.length && (grants[order[next] as number] as number) <= endMs; next++) {
      const beginning = order[next] as number
      works[beginning] = -work.begin(grants[beginning] as number)
    }
    works[ending] = Math.max(0, (works[ending] as number) + work.end(endMs))
  }
  return works
}

/** How much work each of those who share the cores has got since the beginning. */
class SharedWork {
  readonly #cores: number
  #doneMs = 0
  #atMs = 0
  #sharing = 0

  constructor(cores: number) {
    this.#cores = cores
  }

  begin(now: number): number {
    this.#pass(now)
    this.#sharing++
    return this.#doneMs
  }

  end(now: number): number {
    this.#pass(now)
    this.#sharing--
    return this.#doneMs
  }

  #pass(now: number): void {
    if (this.#sharing > 0) this.#doneMs += (now - this.#atMs) * Math.min(1, this.#cores / this.#sharing)
    this.#atMs = now
  }
}

/** Their indices, the earliest first. */
function inOrderOf(times: Float64Array): Uint32Array {
  return Uint32Array.from(times, (_, index) => index).sort((a, b) => (times[a] as number) - (times[b] as number))
}
