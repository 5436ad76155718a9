/** For tests that must end though what they wait for may never come. */

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

export const late = Symbol('late')

/** What a promise gives, or `late` if that takes longer. */
export async function within<T>(ms: number, promise: PromiseLike<T>): Promise<T | typeof late> {
  const limit = new AbortController()
  const tooLate = sleep(ms, late, { signal: limit.signal }).catch(() => late)
  try {
    return (await Promise.race([promise, tooLate])) as T | typeof late
  } finally {
    limit.abort()
  }
}

/** Waits until `isTrue`, asking every few milliseconds. */
export async function eventually(
  what: string,
  isTrue: () => Promise<boolean> | boolean,
  limitMs = 5_000,
): Promise<void> {
  const end = performance.now() + limitMs
  while (!(await isTrue())) {
    assert.ok(performance.now() < end, `${what} within ${limitMs} ms`)
    await sleep(5)
  }
}
