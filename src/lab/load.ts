/**
 * Load, and how long each call took. Closed: workers who each wait for their answer before they ask again, so a slow server
 * is asked less. Open: arrivals at times drawn beforehand, which never wait for an answer; a call that begins late has waited
 * from the time it was meant for, so that nothing is left out of the waits (no coordinated omission; Tene, "How not to measure latency").
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../metrics/statistics.ts'
import { numberText } from '../report/number-text.ts'
import { Random } from '../random.ts'

export interface Load {
  /** Of those that succeeded, in the order in which they ended. */
  readonly latenciesMs: readonly number[]
  /** How many failed, by why: SQLSTATE or the error's code. */
  readonly failures: ReadonlyMap<string, number>
  /** Of the failed, how long it took to know. */
  readonly failedAfterMs: readonly number[]
  /** How many succeeded and ended in the measured time: throughput. Of a closed load with a tail these aren't those of the latencies. */
  readonly served: number
  readonly seconds: number
}

export interface ClosedLoad {
  readonly workers: number
  /** What ends in it isn't counted. */
  readonly warmUpMs: number
  readonly measureMs: number
  /**
   * Given: latencies and failures are those of the calls that began in the measured time, each with all of its time, however
   * long. Until they have ended, but no longer than this, the load goes on uncounted, so that nobody is served sooner because
   * others have gone. A percentile up to this is exact; one above it is a lower bound.
   */
  readonly tailMs?: number
  readonly signal: AbortSignal
  /** Between an answer and the next question of the same worker. None unless given. */
  readonly pauseMs?: (random: Random) => number
  readonly seed?: number
  /** Called when counting begins, and when it ends. */
  readonly begun?: () => void
  readonly ended?: () => void
}

/**
 * Calls as fast as answers come, and counts the calls that end in the measured time, or with `tailMs` those that begin in it.
 * Resolves when the last has ended.
 */
export async function closedLoad(load: ClosedLoad, call: (worker: number) => Promise<unknown>): Promise<Load> {
  const { workers, warmUpMs, measureMs, signal, pauseMs, seed = 1 } = load
  const random = new Random(seed)
  const window = new Window(load)
  const rest = async (own: Random): Promise<void> => {
    if (pauseMs) await pause(Math.min(pauseMs(own), window.overMs - performance.now()), signal)
  }
  const work = async (worker: number): Promise<void> => {
    const own = random.fork(worker)
    await rest(own)
    while (!window.isOver() && !signal.aborted) {
      const entry = window.begin()
      const failure = await outcomeOf(() => call(worker))
      window.end(entry, failure)
      await rest(own)
      // Whoever is refused at once would ask nothing else, and starve all others of this process.
      if (!pauseMs && failure !== undefined) await pause(1, signal)
    }
  }
  const timers = [warmUpMs, warmUpMs + measureMs].map((ms) => setTimeout(() => window.tell(performance.now()), ms))
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)))
  for (const timer of timers) clearTimeout(timer)
  window.tell(performance.now())
  signal.throwIfAborted()
  return window.close()
}

/** Calls each of them once, as soon as it is told that its time has come. Answers are more punctual than timers when there are many. */
function inTime(due: readonly (readonly [atMs: number, call: (() => void) | undefined])[]): (nowMs: number) => void {
  let next = 0
  return (nowMs) => {
    for (; nowMs >= (due[next]?.[0] ?? Infinity); next++) due[next]?.[1]?.()
  }
}

export interface OpenLoad {
  readonly arrivalsPerSecond: number
  readonly warmUpMs: number
  readonly measureMs: number
  readonly seed: number
  readonly signal: AbortSignal
}

/**
 * Poisson arrivals, at times that follow from the seed alone. `call` is told the time that it was meant for, by `performance.now()`;
 * who arrives in the warm-up isn't counted. Resolves when all have ended.
 */
export async function openLoad(load: OpenLoad, call: (meantMs: number) => Promise<unknown>): Promise<Load> {
  const { warmUpMs, measureMs, signal } = load
  const book = new Book()
  const running: Promise<void>[] = []
  const startMs = performance.now()
  const fromMs = startMs + warmUpMs
  const arrive = async (meantMs: number): Promise<void> => {
    const failure = await outcomeOf(() => call(meantMs))
    if (meantMs >= fromMs) book.enter(performance.now() - meantMs, failure)
  }
  for (const atMs of arrivalsMs(load)) {
    const meantMs = startMs + atMs
    while (performance.now() < meantMs) {
      await pause(meantMs - performance.now(), signal)
      signal.throwIfAborted()
    }
    running.push(arrive(meantMs))
  }
  await Promise.all(running)
  return book.close(measureMs / 1_000)
}

/** When `openLoad` lets whom arrive, in milliseconds from its beginning. */
export function arrivalsMs({ arrivalsPerSecond, warmUpMs, measureMs, seed }: Omit<OpenLoad, 'signal'>): Float64Array {
  const random = new Random(seed)
  const meanGapMs = 1_000 / arrivalsPerSecond
  const times: number[] = []
  let atMs = exponential(random, meanGapMs)
  for (; atMs < warmUpMs + measureMs; atMs += exponential(random, meanGapMs)) times.push(atMs)
  return Float64Array.from(times)
}

/** All at once, one call each. */
export async function burst(workers: number, call: (worker: number) => Promise<unknown>): Promise<Load> {
  const book = new Book()
  const atMs = performance.now()
  const work = async (worker: number): Promise<void> => {
    const failure = await outcomeOf(() => call(worker))
    book.enter(performance.now() - atMs, failure)
  }
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)))
  return book.close((performance.now() - atMs) / 1_000)
}

export function perSecond({ served, seconds }: Load): number {
  return served / seconds
}

/** Of those that succeeded; NaN: none did. */
export function latencyMs({ latenciesMs }: Load, percent: number): number {
  return latenciesMs.length === 0 ? Number.NaN : percentile(latenciesMs, percent)
}

export function failed({ failures }: Pick<Load, 'failures'>): number {
  return [...failures.values()].reduce((sum, count) => sum + count, 0)
}

/** Why calls failed, over several loads: `104 × 53300`, the most frequent first. Empty: none did. */
export function failuresText(loads: readonly Pick<Load, 'failures'>[]): string {
  const sums = new Map<string, number>()
  for (const [why, count] of loads.flatMap(({ failures }) => [...failures])) {
    sums.set(why, (sums.get(why) ?? 0) + count)
  }
  const sorted = [...sums].sort(([, a], [, b]) => b - a)
  return sorted.map(([why, count]) => `${numberText(count)} × ${why}`).join(', ')
}

/** With this mean. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random.fraction())
}

class Book {
  readonly #latenciesMs: number[] = []
  readonly #failures = new Map<string, number>()
  readonly #failedAfterMs: number[] = []

  enter(ms: number, failure: string | undefined): void {
    if (failure === undefined) {
      this.#latenciesMs.push(ms)
      return
    }
    this.#failures.set(failure, (this.#failures.get(failure) ?? 0) + 1)
    this.#failedAfterMs.push(ms)
  }

  close(seconds: number, served = this.#latenciesMs.length): Load {
    return {
      latenciesMs: this.#latenciesMs,
      failures: this.#failures,
      failedAfterMs: this.#failedAfterMs,
      served,
      seconds,
    }
  }
}

/** The measured time of a closed load, which begins after the warm-up: which calls count, and when there are to be no more. */
class Window {
  readonly #book = new Book()
  readonly #seconds: number
  readonly #fromMs: number
  readonly #untilMs: number
  readonly #hasTail: boolean
  /** When it is over at the latest. */
  readonly overMs: number
  /** To be called now and then: who wants to know hears that counting begins, and ends. */
  readonly tell: (nowMs: number) => void
  /** Calls that began in it and have not ended. */
  #running = 0
  #served = 0

  constructor({ warmUpMs, measureMs, tailMs, begun, ended }: ClosedLoad) {
    this.#seconds = measureMs / 1_000
    this.#fromMs = performance.now() + warmUpMs
    this.#untilMs = this.#fromMs + measureMs
    this.tell = inTime([
      [this.#fromMs, begun],
      [this.#untilMs, ended],
    ])
    this.#hasTail = tailMs !== undefined
    this.overMs = this.#untilMs + (tailMs ?? 0)
  }

  /** When the call begins, which `end` is to be told. */
  begin(): number {
    const atMs = performance.now()
    if (this.#holds(atMs)) this.#running++
    return atMs
  }

  end(atMs: number, failure: string | undefined): void {
    const endMs = performance.now()
    this.tell(endMs)
    const [hasBegun, hasEnded] = [this.#holds(atMs), this.#holds(endMs)]
    if (hasBegun) this.#running--
    if (hasEnded && failure === undefined) this.#served++
    if (this.#hasTail ? hasBegun : hasEnded) this.#book.enter(endMs - atMs, failure)
  }

  isOver(): boolean {
    const nowMs = performance.now()
    return nowMs >= this.overMs || (nowMs >= this.#untilMs && this.#running === 0)
  }

  close(): Load {
    return this.#book.close(this.#seconds, this.#served)
  }

  #holds(ms: number): boolean {
    return ms >= this.#fromMs && ms <= this.#untilMs
  }
}

/** Undefined: it succeeded. */
async function outcomeOf(call: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await call()
    return undefined
  } catch (error) {
    return failureOf(error)
  }
}

/** SQLSTATE of PostgreSQL's and the pooler's errors, the code of the system's, the name of any other. */
export function failureOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code: unknown = Reflect.get(error, 'code')
  return typeof code === 'string' ? code : error.name
}

/** Returns early, and without an error, when the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined)
}
