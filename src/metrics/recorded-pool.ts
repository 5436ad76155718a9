/** What a recording says of the pool that it was taken from (docs/recording.md): what a replay needs beside the entries. */

import { assert } from '../assert.ts'

/** What the pool was told. */
export interface RecordedSettings {
  /** 0: not known, or no limit. */
  readonly maxSize: number
  /** At most `maxSize`, if that is known. */
  readonly minSize: number
  /** How long a caller waits at most; 0: no limit. */
  readonly waitTimeoutMs: number
  /** How long one beyond the minimum may be idle; 0: no limit. */
  readonly idleTimeoutMs: number
}

/** A pool when its recording was written. `…AtMs` are of the engine's clock, as arrivals are. */
export interface RecordedPool extends RecordedSettings {
  /** How long opening one has taken until then, the mean; 0: not known. */
  readonly openMs: number
  /** When the recording was written: how long nothing has come at the end. */
  readonly takenAtMs: number
  /** When the recording began. */
  readonly startedAtMs: number
}

/** Two sizes, u32, then the times, f64, one behind the other. */
const sizes = ['maxSize', 'minSize'] as const
const times = ['waitTimeoutMs', 'idleTimeoutMs', 'openMs', 'takenAtMs', 'startedAtMs'] as const
const timesAt = sizes.length * 4
export const recordedPoolBytes = timesAt + times.length * 8
/** Stands for whatever is larger, too. */
const largestSize = 2 ** 32 - 1

export function writeRecordedPool(view: DataView, at: number, pool: RecordedPool): void {
  const flaw = flawOf(pool, at)
  assert(flaw === undefined, `a recording is written that could not be read: ${flaw}`)
  sizes.forEach((name, index) => view.setUint32(at + index * 4, Math.min(pool[name], largestSize), true))
  times.forEach((name, index) => view.setFloat64(at + timesAt + index * 8, pool[name], true))
}

/** The pool that stands from byte `at` on, or what is wrong with it. */
export function readRecordedPool(view: DataView, at: number): RecordedPool | string {
  const numbers = [
    ...sizes.map((name, index) => [name, view.getUint32(at + index * 4, true)] as const),
    ...times.map((name, index) => [name, view.getFloat64(at + timesAt + index * 8, true)] as const),
  ]
  const pool = Object.fromEntries(numbers) as unknown as RecordedPool
  return flawOf(pool, at) ?? pool
}

function flawOf(pool: RecordedPool, at: number): string | undefined {
  const wrong = times.findIndex((name) => !(pool[name] >= 0 && pool[name] < Infinity))
  if (wrong >= 0) {
    const name = times[wrong] as (typeof times)[number]
    return `byte ${at + timesAt + wrong * 8} says that ${name} is ${pool[name]}`
  }
  const { maxSize, minSize, takenAtMs, startedAtMs } = pool
  if (maxSize > 0 && minSize > maxSize)
    return `byte ${at + 4} says that minSize is ${minSize}, and maxSize is ${maxSize}`
  if (takenAtMs >= startedAtMs) return undefined
  return `it says that it was taken at ${takenAtMs} ms, and began at ${startedAtMs} ms`
}
