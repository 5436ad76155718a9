/**
 * Rejections of promises that callers await. Each is a promise to be handed at once to the `resolve` of the caller's: that
 * costs nothing where there is no error, while a `catch` behind each promise would cost as much as a lease.
 */

import { isError } from './any-error.ts'

const nothing = (): void => undefined

export function rejected(error: unknown): Promise<never> {
  // eslint-disable-next-line typescript/prefer-promise-reject-errors -- whatever the reason of a signal is
  const failed = Promise.reject(error)
  markHandled(failed)
  return failed
}

/**
 * An error from a socket or a timer gets the frames of whoever awaits in its stack, as the errors of pg's own promises do;
 * the reason of `signal` is the caller's, and stays as it is.
 */
export function rejectedWithCallersStack(error: unknown, signal: AbortSignal | undefined): Promise<never> {
  if (signal?.aborted === true && signal.reason === error) return rejected(error)
  let reject: (error: unknown) => void
  const failed = new Promise<never>((_, rejectIt) => (reject = rejectIt))
  const followed = failed.then(undefined, (reason: unknown): never => {
    takeCallersStack(reason)
    markHandled(followed)
    throw reason
  })
  // Not now: nothing leads to the caller before its promise follows this one.
  queueMicrotask(() => reject(error))
  return followed
}

/** To be called where the caller's promise follows what runs now. */
export function takeCallersStack(error: unknown): void {
  if (isError(error) && Object.isExtensible(error)) Error.captureStackTrace(error)
}

/** The caller's promise tells whoever listens, if nobody handles it: this one must not, too. */
function markHandled(promise: Promise<never>): void {
  promise.catch(nothing)
}
