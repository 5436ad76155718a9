/** What became of a step or of a promise, for every script for Node. */
import assert from 'node:assert/strict'

/** Thrown by a step that the driver has no API for. */
class NotApplicable extends Error {}

export function notApplicable(reason) {
  throw new NotApplicable(reason)
}

/** As a script reports it. */
export async function outcomeOf(step) {
  try {
    await step()
    return { result: 'ok' }
  } catch (error) {
    const result = error instanceof NotApplicable ? 'n/a' : 'failed'
    return { result, message: messageOf(error) }
  }
}

/** Some libraries wrap what PostgreSQL said. */
export function messageOf(error) {
  const parts = [error?.message ?? String(error)]
  for (let cause = error?.cause; cause; cause = cause.cause) parts.push(cause.message ?? String(cause))
  return parts.join(': ')
}

/** What `promise` rejects with; fails if it does not, or not within 15 s. */
export async function rejection(promise) {
  const fulfilled = Symbol('fulfilled')
  const outcome = await within(15_000, valueOrError(promise.then(() => fulfilled)), 'neither ended nor refused')
  assert.notEqual(outcome, fulfilled, 'it should have failed')
  return outcome
}

export async function valueOrError(promise) {
  try {
    return await promise
  } catch (error) {
    return error
  }
}

/** Rejects if `promise` takes longer. */
export async function within(ms, promise, what) {
  let timer
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}, for ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
