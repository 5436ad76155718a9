/** What callers are told who get no lease: what happened, the numbers, and who has what they wait for. */

import { TaxirankError } from '../errors.ts'
import type { HeldLease } from './observer.ts'

export interface Situation {
  readonly noun: string
  readonly maxSize: number
  readonly leased: number
  /** Others who wait. */
  readonly waiting: number
  readonly oldest: HeldLease | undefined
  readonly isPaused: boolean
  /** Where other pools have all places; undefined: what is missing is nothing that is shared. */
  readonly fullLimit: { readonly name: string; readonly taken: number; readonly max: number } | undefined
  /** Why the last attempt to open one failed; undefined: it didn't. */
  readonly lastFailure: TaxirankError | undefined
}

export function timedOut(limitMs: number, at: Situation): TaxirankError {
  const text = `no ${at.noun} became free within ${whole(limitMs)} ms: ${figures(at)}`
  return new TaxirankError('acquire_timeout', text, { cause: at.lastFailure })
}

export function queueFull(maxWaiting: number, at: Situation): TaxirankError {
  const text = `no ${at.noun} is free, and no more than ${whole(maxWaiting)} may wait for one: ${figures(at)}`
  return new TaxirankError('queue_full', text, { cause: at.lastFailure })
}

export function shed(waitedMs: number, targetMs: number, at: Situation): TaxirankError {
  const text =
    `refused after ${whole(waitedMs)} ms, so that others are served in time: ` +
    `for a while every wait for a ${at.noun} has been longer than ${whole(targetMs)} ms; ${figures(at)}`
  return new TaxirankError('overloaded', text, { cause: at.lastFailure })
}

export function stale(number: number, now: HeldLease | undefined): TaxirankError {
  const since = now ? `it has been lent again${now.holder ? ` to ${now.holder}` : ''}` : 'it was given back or closed'
  return new TaxirankError('stale_lease', `lease ${number} is over: ${since}`)
}

function figures({ maxSize, leased, waiting, oldest, isPaused, fullLimit, lastFailure }: Situation): string {
  const held = oldest ? `, oldest lease ${seconds(oldest.heldMs)} s${oldest.holder && ` held by ${oldest.holder}`}` : ''
  const paused = isPaused ? '; the pool is paused' : ''
  const full = fullLimit ? `; limit ${fullLimit.name} is full: ${fullLimit.taken} of ${fullLimit.max} taken` : ''
  const down = lastFailure ? `; the last attempt to open one failed: ${lastFailure.message}` : ''
  return `${leased} of ${maxSize} leased, ${others(waiting)}${held}${paused}${full}${down}`
}

function others(waiting: number): string {
  if (waiting === 0) return 'nobody else waiting'
  return waiting === 1 ? '1 other waiting' : `${whole(waiting)} others waiting`
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1)
}
