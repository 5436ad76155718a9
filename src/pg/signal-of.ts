/** What ends either when the given signal is aborted or after so many milliseconds. */
export function signalOf(signal: AbortSignal | undefined, deadlineMillis: number | undefined): AbortSignal | undefined {
  if (deadlineMillis === undefined) return signal
  const limit = AbortSignal.timeout(deadlineMillis)
  return signal ? AbortSignal.any([signal, limit]) : limit
}
