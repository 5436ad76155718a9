/** What a pool is made with: what it may be, what it is unless told otherwise, and who opens and closes for it. */

import { TaxirankError } from '../errors.ts'
import type { Deadlines } from '../time.ts'
import type { LaneOptions } from './lanes.ts'
import type { Limit } from './limit.ts'
import type { PoolObserver } from './observer.ts'
import type { SheddingOptions } from './shedding.ts'
import type { Slot } from './slot.ts'

/** Does the work of a pool. Each of these is answered later, or at once, by a call of the pool. */
export interface ResourceOwner<T> {
  /** Begin opening: `opened` or `openFailed`. It sets its own limit. */
  open(slot: Slot<T>): void
  /** Close the resource, or give up opening it, if the slot has none yet: `closed`, when it is gone for certain. */
  close(slot: Slot<T>, reason: string): void
  /** See whether it still lives: `checked` or `checkFailed`. */
  check?(slot: Slot<T>): void
  /** Make it as it was when it opened: `resetDone` or `resetFailed`. */
  reset?(slot: Slot<T>): void
}

/** Times are in milliseconds; 0 switches off what depends on one, unless said otherwise. */
export interface PoolOptions<T> {
  /** For reports. */
  readonly name?: string
  /** What a resource is called in messages: 'server'. */
  readonly noun: string
  readonly owner: ResourceOwner<T>
  /** Slots at any instant, 1 or more: opening, idle, leased and closing together. */
  readonly maxSize: number
  /** Slots kept open, and opened again when they are lost; at most `maxSize`. */
  readonly minSize?: number
  /**
   * Whether any is opened that nobody waits for: the minimum, and a replacement before a lifetime is over. If not, the
   * minimum is only what idle time-outs leave. True, unless said otherwise.
   */
  readonly refill?: boolean
  /** How many may be opened at once while nothing is known about opening, 1 or more; 1, unless said otherwise. */
  readonly firstAtOnce?: number
  /** Slots beyond `maxSize` that may be opened once somebody has waited for `reserveAfterMs`, which is above 0 then. */
  readonly reserveSize?: number
  readonly reserveAfterMs?: number
  /** Maxima that it shares with other pools. */
  readonly limits?: readonly Limit[]
  /** How long a caller waits at most. */
  readonly waitTimeoutMs?: number
  /** How many may wait; 0: any number. */
  readonly maxWaiting?: number
  /** Queues with reserved capacity. None: one queue. */
  readonly lanes?: readonly LaneOptions[]
  /** Refuses some under overload so that the others are served in time. */
  readonly shedding?: SheddingOptions
  /** lifo: the most recently used is lent first, so that the others may time out. round robin: the least recently used. */
  readonly reuse?: Reuse
  /** How many may share one resource, 1 or more. */
  readonly sharedDepth?: number
  /** The longest pause between two attempts to open after failures; the first is 100 ms, each up to a fifth shorter at random. 0: it does not grow. */
  readonly retryMaxMs?: number
  /** How old a resource may become. */
  readonly lifetimeMs?: number
  /** The part of its lifetime by which it is shortened at most, at random, when it opens: 0 to 1. */
  readonly lifetimeJitter?: number
  /** How long one beyond the minimum may be idle. */
  readonly idleTimeoutMs?: number
  /** Checked before it is lent if it has not been used or checked for so long. 0: always. Infinity: only if it is suspect. */
  readonly checkAfterMs?: number
  /** How often an idle one is checked, whether anybody asks for it or not. */
  readonly keepAliveMs?: number
  /** How long a check may take. */
  readonly checkTimeoutMs?: number
  readonly resetTimeoutMs?: number
  /** A lease held for longer is reported as a leak. */
  readonly leakAfterMs?: number
  readonly observer?: PoolObserver<T>
  /** Who wakes the pool. Somebody must advance it. */
  readonly deadlines: Deadlines
  /** Uniform in [0, 1). */
  readonly random: () => number
}

const reuses = ['lifo', 'round robin'] as const
export type Reuse = (typeof reuses)[number]

const defaults = {
  name: '',
  minSize: 0,
  refill: true,
  firstAtOnce: 1,
  reserveSize: 0,
  reserveAfterMs: 0,
  waitTimeoutMs: 0,
  maxWaiting: 0,
  reuse: 'lifo' as const,
  sharedDepth: 1,
  retryMaxMs: 1_000,
  lifetimeMs: 0,
  lifetimeJitter: 0.1,
  idleTimeoutMs: 0,
  checkAfterMs: Infinity,
  keepAliveMs: 0,
  checkTimeoutMs: 5_000,
  resetTimeoutMs: 5_000,
  leakAfterMs: 0,
}

export type Settings<T> = Required<Omit<PoolOptions<T>, 'shedding' | 'observer'>> &
  Pick<PoolOptions<T>, 'shedding' | 'observer'>

/** Longer than anything; but shorter than Infinity, which is how long ago a suspect was heard of. */
const never = Number.MAX_SAFE_INTEGER

/** Fills in what was left out. Throws `bad_configuration`, with the option's name and its range. */
export function settle<T>(options: PoolOptions<T>): Settings<T> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const settings: Settings<T> = { ...defaults, limits: [], lanes: [], ...(Object.fromEntries(given) as typeof options) }
  checkReuse(settings.reuse)
  checkNumbers(settings)
  checkSizes(settings)
  checkLanes(settings.lanes)
  if (settings.keepAliveMs > 0 || settings.checkAfterMs < Infinity) {
    const owner: ResourceOwner<T> = settings.owner
    if (!owner.check) refuse('checkAfterMs and keepAliveMs need an owner that can check')
  }
  return { ...settings, checkAfterMs: Math.min(settings.checkAfterMs, never) }
}

function checkReuse(reuse: Reuse): void {
  if (!reuses.includes(reuse)) refuse(`reuse must be ${reuses.join(' or ')}, got ${reuse}`)
}

const times = [
  'reserveAfterMs',
  'waitTimeoutMs',
  'retryMaxMs',
  'lifetimeMs',
  'idleTimeoutMs',
  'keepAliveMs',
  'checkTimeoutMs',
  'resetTimeoutMs',
  'leakAfterMs',
] as const

function checkNumbers<T>(settings: Settings<T>): void {
  for (const name of times) inRange(name, settings[name], 0, never)
  if (settings.checkAfterMs !== Infinity) inRange('checkAfterMs', settings.checkAfterMs, 0, never)
  inRange('lifetimeJitter', settings.lifetimeJitter, 0, 1)
  whole('sharedDepth', settings.sharedDepth, 1)
  whole('firstAtOnce', settings.firstAtOnce, 1)
  whole('maxWaiting', settings.maxWaiting, 0)
  const { shedding } = settings
  if (shedding) {
    above0('shedding.targetMs', shedding.targetMs)
    above0('shedding.intervalMs', shedding.intervalMs)
  }
}

/** What `retune` may change. */
export type Tuning = Pick<
  Settings<unknown>,
  'waitTimeoutMs' | 'reserveAfterMs' | 'retryMaxMs' | 'lifetimeMs' | 'idleTimeoutMs' | 'checkAfterMs' | 'reuse'
>

/** Changes the settings in place: every part of the pool looks at the same ones. Throws `bad_configuration`, and then changes nothing. */
export function retune<T>(settings: Settings<T>, tuning: Partial<Tuning>): void {
  const tuned = { ...settings, ...tuning }
  checkReuse(tuned.reuse)
  checkNumbers(tuned)
  const { checkAfterMs = settings.checkAfterMs } = tuning
  Object.assign(settings, tuning, { checkAfterMs: Math.min(checkAfterMs, never) })
}

/** What `resize` may change. */
export interface Sizes {
  readonly maxSize: number
  readonly minSize: number
  readonly reserveSize: number
}

/** The sizes after a change, and what they must fit. Throws `bad_configuration`. */
export function checkSizes({
  maxSize,
  minSize,
  reserveSize,
  reserveAfterMs,
  lanes,
}: Sizes & Pick<Settings<unknown>, 'reserveAfterMs' | 'lanes'>): void {
  whole('maxSize', maxSize, 1)
  whole('minSize', minSize, 0)
  whole('reserveSize', reserveSize, 0)
  if (minSize > maxSize) refuse(`minSize is ${minSize}, and must not exceed maxSize, which is ${maxSize}`)
  if (reserveSize > 0) above0('reserveAfterMs', reserveAfterMs)
  const reserved = lanes.reduce((sum, lane) => sum + lane.reserved, 0)
  if (reserved > maxSize) refuse(`lanes reserve ${reserved} together, and maxSize is ${maxSize}`)
  const without = lanes.find((lane) => lane.reserved === 0)
  if (without && reserved === maxSize) refuse(`lanes reserve all ${maxSize}, and nothing is left for "${without.name}"`)
}

function checkLanes(lanes: readonly LaneOptions[]): void {
  for (const { name, reserved } of lanes) whole(`reserved of lane "${name}"`, reserved, 0)
  if (new Set(lanes.map(({ name }) => name)).size < lanes.length) refuse('two lanes have the same name')
}

function whole(name: string, value: number, least: number): void {
  inRange(name, value, least, never)
  if (!Number.isInteger(value)) refuse(`${name} must be a whole number, got ${value}`)
}

function above0(name: string, value: number): void {
  if (!(value > 0 && value <= never)) refuse(`${name} must be above 0, got ${value}`)
}

function inRange(name: string, value: number, least: number, most: number): void {
  if (typeof value !== 'number') refuse(`${name} must be a number, got ${JSON.stringify(value)}`)
  if (value >= least && value <= most) return
  if (value > never) refuse(`${name} must be finite, got ${value}`)
  const range = most === never ? `${least} or more` : `from ${least} to ${most}`
  refuse(`${name} must be ${range}, got ${value}`)
}

function refuse(text: string): never {
  throw new TaxirankError('bad_configuration', `pool: ${text}`)
}
