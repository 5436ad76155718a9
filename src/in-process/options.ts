/** What a pool inside an application can be told, in the words of its users, and what that means to the engine. */

import type { ResourceOwner, PoolOptions as EngineOptions } from '../engine/options.ts'
import { TaxirankError } from '../errors.ts'
import { maxCapacity } from '../metrics/recording.ts'
import type { Telemetry } from './telemetry.ts'

/** Times are in milliseconds, from 0 on; 0 switches off what depends on one, unless said otherwise. */
export interface LendingOptions {
  /** For reports and metrics: `pool-1` and so on, unless given. */
  readonly name?: string
  /** Most resources at any instant, those being opened and closed included: 1 or more. Default 10. */
  readonly max?: number
  /** An idle time-out leaves so many. 0 to `max`. Default 0. */
  readonly min?: number
  /**
   * Keeps `min` open, from the beginning and when one is lost, and opens a replacement before the lifetime of one that is
   * needed is over. Default false: nothing is opened that nobody asks for.
   */
  readonly prewarm?: boolean
  /** How long an acquire waits at most. Default 0: for ever. */
  readonly acquireTimeoutMillis?: number
  /** How many may wait; whoever comes then is refused at once. Default 0: any number. */
  readonly maxWaiting?: number
  /** Classes of callers, each with a queue and with capacity that no other may take. Default: one queue. */
  readonly lanes?: readonly { readonly name: string; readonly reserved: number }[]
  /**
   * Under overload (every wait longer than `targetMillis` for `intervalMillis`) refuses those who have waited too long, so
   * that the rest is served in time (CoDel, Nichols and Jacobson 2012). Default: nobody is.
   */
  readonly shedding?: { readonly targetMillis: number; readonly intervalMillis: number }
  /** How long one attempt to open may take. Default 0: as long as it takes. */
  readonly openTimeoutMillis?: number
  /** How long closing may take before it counts as done. Default 5,000. */
  readonly closeTimeoutMillis?: number
  /** One beyond `min` that was idle for so long is closed. Default 10,000. */
  readonly idleTimeoutMillis?: number
  /** How old one may become; it is closed when it is idle or given back. Default 0: any age. */
  readonly maxLifetimeMillis?: number
  /** By which part of it a lifetime is shortened at most, at random, so that not all end at once: 0 to 1. Default 0. */
  readonly lifetimeJitter?: number
  /** One that was idle for so long is checked before it is lent. Default 0: never. */
  readonly checkAfterIdleMillis?: number
  /** How often an idle one is checked though nobody asks for it. Default 0: never. */
  readonly keepaliveMillis?: number
  /** How long a check may take. Default 5,000. */
  readonly checkTimeoutMillis?: number
  /** How long cleaning up may take, after a holder who left something. Default 5,000. */
  readonly resetTimeoutMillis?: number
  /** If process or machine stood still for so long (a suspended laptop, a frozen function), all that is idle is checked before it is lent. Default 0: not noticed. */
  readonly suspectAfterPauseMillis?: number
  /** The longest pause between attempts to open after failures. Default 1,000. */
  readonly retryMaxMillis?: number
  /**
   * Default false: when opening fails and nothing else is open, whoever had asked before the attempt is told so. True: they
   * go on waiting for as long as an acquire may, as with HikariCP, and one attempt at a time is made.
   */
  readonly waitWhenDown?: boolean
  /** A lease held for so long is reported, once, with its holder's stack. Also names holders in errors. Default 0: none is. */
  readonly leakDetectionMillis?: number
  /**
   * If everything is held by callers who wait for one more themselves, and a caller has waited for so long, that one is
   * refused, with both stacks. Default 0: they wait for as long as an acquire may.
   */
  readonly deadlockDetectionMillis?: number
  /** OpenTelemetry's meter and tracer: metrics by its semantic conventions, and a span for each wait. Default: neither. */
  readonly telemetry?: Telemetry
}

type Times = { readonly [K in keyof LendingOptions as K extends `${string}Millis` ? K : never]-?: number }

export interface LendingSettings extends Times {
  readonly name: string
  readonly max: number
  readonly min: number
  readonly isPatient: boolean
  readonly telemetry: Telemetry
  /** What the engine's pool is made with, but for who opens and closes. */
  readonly engine: Omit<EngineOptions<never>, 'owner' | 'deadlines' | 'observer' | 'noun'>
}

const defaults: Times = {
  acquireTimeoutMillis: 0,
  openTimeoutMillis: 0,
  closeTimeoutMillis: 5_000,
  idleTimeoutMillis: 10_000,
  maxLifetimeMillis: 0,
  checkAfterIdleMillis: 0,
  keepaliveMillis: 0,
  checkTimeoutMillis: 5_000,
  resetTimeoutMillis: 5_000,
  suspectAfterPauseMillis: 0,
  retryMaxMillis: 1_000,
  leakDetectionMillis: 0,
  deadlockDetectionMillis: 0,
}

let unnamed = 0

/** Fills in what was left out. Throws `bad_configuration`, with the option's name and its range. */
export function readOptions(options: LendingOptions): LendingSettings {
  const times = readTimes(options)
  const { max = 10, min = 0, prewarm = false, waitWhenDown = false } = options
  whole('max', max, 1)
  whole('min', min, 0)
  if (min > max) refuse(`min is ${min}, and must not exceed max, which is ${max}`)
  const name = options.name ?? `pool-${++unnamed}`
  return {
    ...times,
    name,
    max,
    min,
    isPatient: waitWhenDown,
    telemetry: options.telemetry ?? {},
    engine: engineOptions(options, times, { name, max, min, prewarm, waitWhenDown }),
  }
}

function readTimes(options: LendingOptions): Times {
  const names = Object.keys(defaults) as (keyof Times)[]
  const times = Object.fromEntries(names.map((name) => [name, options[name] ?? defaults[name]])) as Record<
    keyof Times,
    number
  >
  for (const name of names) {
    const value = times[name]
    if (!(typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER)) {
      refuse(`${name} must be a number of milliseconds from 0 on, got ${String(value)}`)
    }
  }
  return times
}

interface Basics {
  readonly name: string
  readonly max: number
  readonly min: number
  readonly prewarm: boolean
  readonly waitWhenDown: boolean
}

function engineOptions(
  { maxWaiting, lanes, shedding, lifetimeJitter = 0 }: LendingOptions,
  times: Times,
  { name, max, min, prewarm, waitWhenDown }: Basics,
): LendingSettings['engine'] {
  return {
    name,
    maxSize: max,
    minSize: min,
    refill: prewarm,
    firstAtOnce: waitWhenDown || prewarm ? 1 : Number.MAX_SAFE_INTEGER,
    waitTimeoutMs: times.acquireTimeoutMillis,
    ...(maxWaiting !== undefined && { maxWaiting }),
    ...(lanes && { lanes }),
    ...(shedding && { shedding: { targetMs: shedding.targetMillis, intervalMs: shedding.intervalMillis } }),
    retryMaxMs: times.retryMaxMillis,
    lifetimeMs: times.maxLifetimeMillis,
    lifetimeJitter,
    idleTimeoutMs: times.idleTimeoutMillis,
    checkAfterMs: times.checkAfterIdleMillis === 0 ? Infinity : times.checkAfterIdleMillis,
    keepAliveMs: times.keepaliveMillis,
    checkTimeoutMs: times.checkTimeoutMillis,
    resetTimeoutMs: times.resetTimeoutMillis,
    leakAfterMs: times.leakDetectionMillis,
    random: Math.random,
  }
}

/** Throws `bad_configuration` if something is to be checked that nobody can check. */
export function requireCheck(settings: LendingSettings, owner: ResourceOwner<never>): void {
  const { checkAfterIdleMillis, keepaliveMillis, suspectAfterPauseMillis } = settings
  const wanted = Object.entries({ checkAfterIdleMillis, keepaliveMillis, suspectAfterPauseMillis })
  const [name] = wanted.find(([, ms]) => ms > 0) ?? []
  if (name !== undefined && owner.check === undefined) refuse(`${name} needs a check`)
}

/** Of a recording. Throws `bad_configuration`. */
export function checkCapacity(capacity: number): void {
  if (Number.isSafeInteger(capacity) && capacity >= 0 && capacity <= maxCapacity) return
  refuse(`a recording has room for 0 to ${maxCapacity} entries, and not for ${String(capacity)}`)
}

/** What the engine calls differently, in its messages. */
const ownWords: readonly (readonly [engine: RegExp, own: string])[] = [
  [/\bmaxSize\b/g, 'max'],
  [/\bminSize\b/g, 'min'],
  [/\b(target|interval)Ms\b/g, '$1Millis'],
]

/** What `act` returns. If it throws `bad_configuration`, that names options as their users do. */
export function inOwnWords<R>(act: () => R): R {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof TaxirankError) || error.code !== 'bad_configuration') throw error
    const text = ownWords.reduce((message, [engine, own]) => message.replaceAll(engine, own), error.message)
    throw new TaxirankError('bad_configuration', text, { cause: error.cause })
  }
}

function whole(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    refuse(`${name} must be a whole number from ${least} on, got ${String(value)}`)
  }
}

function refuse(text: string): never {
  throw new TaxirankError('bad_configuration', `pool: ${text}`)
}
