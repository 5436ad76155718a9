import { TaxirankError } from '../errors.ts'
import { checkSignal } from '../in-process/abort-listeners.ts'

const longestTimerMs = 2 ** 31 - 1

/** What ends either when the given signal is aborted or after so many milliseconds. Throws `bad_configuration`. */
export function signalOf(signal: AbortSignal | undefined, deadlineMillis: number | undefined): AbortSignal | undefined {
  if (deadlineMillis === undefined) return signal
  checkSignal(signal)
  if (!(deadlineMillis >= 0 && deadlineMillis <= Number.MAX_SAFE_INTEGER)) {
    throw new TaxirankError('bad_configuration', `deadlineMillis must be 0 or more, got ${String(deadlineMillis)}`)
  }
  const limit = AbortSignal.timeout(Math.min(deadlineMillis, longestTimerMs))
  return signal ? AbortSignal.any([signal, limit]) : limit
}
