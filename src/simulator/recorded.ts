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
  /** 1: it got a lease. 0: it gave up, or was turned away. */
  readonly isServed: Uint8Array
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
  /** Who waited or held: on average over time, how much that varied, and at any one time. */
  readonly meanPresent: number
  readonly presentVariance: number
  readonly mostPresent: number
  /** How often as many were present as ever. */
  readonly peaks: number
  /** How many were open at the beginning, as far as can be seen. */
  readonly openAtStart: number
}

/** Who is present longer than this share of callers may be missing at the end. */
const settledShare = 0.99
/** So much of the time at the beginning is left out: who came then may have met what is not in a recording. */
const leftOutShare = 0.01

/** Throws `bad_recording` if nobody got a lease. `isCut`: entries before the first have been lost. */
export function recordedOf(ended: readonly RecordingEntry[], isCut: boolean): Recorded {
  checkSpan(ended)
  const knownFromMs = knownFrom(ended, isCut)
  const entries = ended
    .filter((entry) => endOf(entry) > knownFromMs)
    .map((entry) => asKnown(entry, knownFromMs))
    .toSorted((a, b) => a.arrivalMs - b.arrivalMs)
  const originMs = entries[0]?.arrivalMs ?? 0
  const fromMs = knownFromMs - originMs
  const toMs = lastSettledMs(entries, originMs, fromMs)
  const whole = entries.filter((entry) => endOf(entry) - originMs <= toMs)
  const served = whole.filter(gotLease)
  if (served.length === 0) {
    throw new TaxirankError(
      'bad_recording',
      'the recording can not be replayed: nobody in it got a lease, or too few did',
    )
  }
  return {
    atMs: Float64Array.from(entries, ({ arrivalMs }) => arrivalMs - originMs),
    waitsMs: Float64Array.from(entries, ({ waitMs }) => waitMs),
    holdsMs: holdsOf(entries),
    isServed: Uint8Array.from(entries, (entry) => Number(gotLease(entry))),
    fromMs,
    toMs,
    waitMs: histogramOf(served.map(({ waitMs }) => waitMs)),
    holdMs: histogramOf(served.map(({ holdMs }) => holdMs)),
    failed: whole.length - served.length,
    ...presenceOf(entries, originMs + fromMs),
  }
}

/** Some thirty years: beyond, a millisecond is too little to be told from none. */
const longestMs = 1e12

function checkSpan(ended: readonly RecordingEntry[]): void {
  const firstMs = ended.reduce((first, { arrivalMs }) => Math.min(first, arrivalMs), Infinity)
  const lastMs = greatest(ended.map(endOf))
  const isTooLong = Math.abs(firstMs) > longestMs || Math.abs(lastMs) > longestMs
  if (ended.length === 0 || !isTooLong) return
  throw new TaxirankError(
    'bad_recording',
    `the recording can not be replayed: it goes from ${firstMs} ms to ${lastMs} ms, and ${longestMs} ms are the most`,
  )
}

/** From when on all who were there are known. */
function knownFrom(ended: readonly RecordingEntry[], isCut: boolean): number {
  const firstMs = ended.reduce((first, { arrivalMs }) => Math.min(first, arrivalMs), Infinity)
  const lastMs = greatest(ended.map(endOf))
  const laterMs = firstMs + leftOutShare * (lastMs - firstMs)
  return isCut && ended[0] ? Math.max(laterMs, endOf(ended[0])) : laterMs
}

/**
 * Whom a caller waited behind is not known if they had ended before anything is known. So who had a lease by then comes when it
 * was granted, and who waited comes then.
 */
function asKnown(entry: RecordingEntry, knownFromMs: number): RecordingEntry {
  const grantMs = entry.arrivalMs + entry.waitMs
  const arrivalMs = Math.max(entry.arrivalMs, Math.min(grantMs, knownFromMs))
  return arrivalMs === entry.arrivalMs ? entry : { ...entry, arrivalMs, waitMs: grantMs - arrivalMs }
}

function gotLease({ holdMs }: RecordingEntry): boolean {
  return !Number.isNaN(holdMs)
}

function endOf({ arrivalMs, waitMs, holdMs }: RecordingEntry): number {
  return arrivalMs + waitMs + (Number.isNaN(holdMs) ? 0 : holdMs)
}

/** Before the end by as long as most are present; but at least half of all time is left. */
function lastSettledMs(entries: readonly RecordingEntry[], originMs: number, fromMs: number): number {
  const lastMs = greatest(entries.map(endOf)) - originMs
  const present = Float64Array.from(entries, (entry) => endOf(entry) - entry.arrivalMs).toSorted()
  const usualMs = present[Math.floor(settledShare * (present.length - 1))] ?? 0
  return Math.max(lastMs - usualMs, (fromMs + lastMs) / 2)
}

function holdsOf(entries: readonly RecordingEntry[]): Float64Array {
  let lastMs = entries.find(gotLease)?.holdMs ?? 0
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

type Presence = Pick<
  Recorded,
  'mostLeased' | 'meanPresent' | 'presentVariance' | 'mostPresent' | 'peaks' | 'openAtStart'
>

function presenceOf(entries: readonly RecordingEntry[], fromMs: number): Presence {
  const served = entries.filter(gotLease)
  const grants = served.map(({ arrivalMs, waitMs }) => arrivalMs + waitMs)
  const ends = served.map(endOf)
  const leased = countOverTime(grants, ends)
  const present = countOverTime(
    entries.map(({ arrivalMs }) => arrivalMs),
    entries.map(endOf),
  )
  const waited = served.find(({ arrivalMs, waitMs }) => waitMs > 0 && arrivalMs >= fromMs)
  return {
    mostLeased: leased.most,
    mostPresent: present.most,
    peaks: present.peaks,
    meanPresent: present.mean,
    presentVariance: present.variance,
    // Whoever waited found all leased that were open.
    openAtStart: waited ? Math.max(1, atOnce(grants, ends, waited.arrivalMs)) : leased.most,
  }
}

function greatest(values: readonly number[]): number {
  return values.reduce((one, other) => Math.max(one, other), -Infinity)
}

/** Who holds at that instant, whoever begins in it left out. */
function atOnce(begins: readonly number[], ends: readonly number[], atMs: number): number {
  return begins.filter((begin) => begin < atMs).length - ends.filter((end) => end < atMs).length
}

/** An end and a beginning that follow each other at once may be that far apart: waits and holds are kept to 24 bits. */
const roundingMs = 0.001

/** How many there were at a time. */
function countOverTime(
  begins: readonly number[],
  ends: readonly number[],
): { most: number; peaks: number; mean: number; variance: number } {
  const begin = Float64Array.from(begins).toSorted()
  const end = Float64Array.from(ends, (endMs) => endMs - roundingMs).toSorted()
  const [startMs = 0] = begin
  let [most, peaks, count, ended, sum, squares] = [0, 0, 0, 0, 0, 0]
  let atMs = startMs
  const pass = (toMs: number): void => {
    sum += count * (toMs - atMs)
    squares += count * count * (toMs - atMs)
    atMs = toMs
  }
  for (const beginMs of begin) {
    for (; (end[ended] as number) <= beginMs; ended++, count--) pass(Math.max(atMs, end[ended] as number))
    pass(beginMs)
    if (++count > most) [most, peaks] = [count, 0]
    if (count === most) peaks++
  }
  const spanMs = Math.max(atMs - startMs, Number.MIN_VALUE)
  return { most, peaks, mean: sum / spanMs, variance: squares / spanMs - (sum / spanMs) ** 2 }
}

/** What of a hold depends on how many others hold at the same time. */
export interface CoreUse {
  /** Of the database. */
  readonly cores: number
  /** The share of a hold in which a core is needed, above 0 and up to 1; the rest lasts as long as it did. */
  readonly onCore: number
}

/**
 * How much work on a core each caller's hold was, if the cores were shared equally by all who needed one: how long that part
 * of it would have taken alone. In the order of `atMs`.
 */
export function worksOf({ atMs, waitsMs, holdsMs, isServed }: Recorded, { cores, onCore }: CoreUse): Float64Array {
  const grants = atMs.map((ms, index) => ms + (waitsMs[index] as number))
  const ends = grants.map((ms, index) => ms + (holdsMs[index] as number))
  const work = new SharedWork(cores / onCore)
  const works = holdsMs.map((ms) => onCore * ms)
  const order = inOrderOf(grants).filter((index) => isServed[index] === 1)
  let next = 0
  for (const ending of inOrderOf(ends).filter((index) => isServed[index] === 1)) {
    const endMs = ends[ending] as number
    for (; next < order.length && (grants[order[next] as number] as number) <= endMs; next++) {
      const beginning = order[next] as number
      works[beginning] = -work.begin(grants[beginning] as number)
    }
    works[ending] = onCore * Math.max(0, (works[ending] as number) + work.end(endMs))
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
