/**
 * Rejects the promise that `resolve` belongs to. An error from a socket or a timer gets the frames of whoever awaits that
 * promise in its stack, as the errors of pg's own promises do; the reason of `signal` is the caller's, and stays as it is.
 * It is done only where there is an error: a `catch` behind each promise would cost as much as a lease.
 */
export function rejectWithCallersStack(
  resolve: (rejected: Promise<never>) => void,
  error: unknown,
  signal: AbortSignal | undefined,
): void {
  let reject: (error: unknown) => void
  const failed = new Promise<never>((_, rejectIt) => (reject = rejectIt))
  const isCallers = signal?.aborted === true && signal.reason === error
  resolve(isCallers ? failed : failed.then(undefined, withCallersStack))
  // Behind the job by which the caller's promise follows this one: before it, nothing leads to the caller.
  queueMicrotask(() => reject(error))
}

function withCallersStack(error: unknown): never {
  if (error instanceof Error && Object.isExtensible(error)) Error.captureStackTrace(error)
  throw error
}
