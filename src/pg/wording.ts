/** What callers of the pool are told, in pg's words: programs compare these texts. What is known beyond them is the cause. */

import { TaxirankError } from '../errors.ts'
import { isError } from '../in-process/any-error.ts'

export const dialTimeoutText = 'Connection terminated due to connection timeout'
export const endedText = 'Cannot use a pool after calling end on the pool'
export const endedTwiceText = 'Called end on pool more than once'
export const releasedText = 'Release called on client which has already been released to the pool.'
export const functionText = 'Passing a function as the first parameter to pool.query is not supported'
const waitTimeoutText = 'timeout exceeded when trying to connect'

/** A signal's reason may be nothing; but a callback that gets no error takes it for a success. */
export function orAborted(reason: unknown): unknown {
  return reason || new DOMException('This operation was aborted', 'AbortError')
}

export class Wording {
  readonly #told = new WeakSet<object>()

  /** What a caller gets for what the engine said. */
  for(error: unknown): unknown {
    if (!(error instanceof TaxirankError)) return orAborted(error)
    if (error.code === 'server_connect_failed') return this.#own(error.cause)
    if (error.code === 'admin_shutdown') return new Error(endedText)
    if (error.code !== 'acquire_timeout') return error
    const text = error.shortage?.reason === 'slow' ? dialTimeoutText : waitTimeoutText
    return Object.assign(new Error(text, { cause: error }), { shortage: error.shortage })
  }

  /** Several may be told of one failure: each gets an error of their own, since each changes its stack. */
  #own(failure: unknown): unknown {
    if (!isError(failure)) return failure
    if (this.#told.has(failure)) return copyOf(failure)
    this.#told.add(failure)
    return failure
  }
}

/** Of the same class and with the same properties, if its class is content with a copy; else an error that it is the cause of. */
function copyOf(failure: Error): Error {
  const copy = new Error(failure.message)
  const { stack = '' } = failure
  for (const name of Reflect.ownKeys(failure)) {
    const descriptor = Object.getOwnPropertyDescriptor(failure, name)
    const isValue = descriptor !== undefined && 'value' in descriptor
    Object.defineProperty(copy, name, { ...descriptor, configurable: true, ...(isValue && { writable: true }) })
  }
  Object.defineProperty(copy, 'stack', { value: stack, configurable: true, writable: true })
  Object.setPrototypeOf(copy, Object.getPrototypeOf(failure) as object)
  return isReadable(copy, failure.message) ? copy : new Error(failure.message, { cause: failure })
}

/** Getters of some classes refuse what they have not made, as DOMException's do. */
function isReadable(error: Error, message: string): boolean {
  try {
    return error.message === message && String(error) !== ''
  } catch {
    return false
  }
}
