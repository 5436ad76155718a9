/** What callers of the pool are told, in pg's words: programs compare these texts. What is known beyond them is the cause. */

import { TaxirankError } from '../errors.ts'

export const dialTimeoutText = 'Connection terminated due to connection timeout'
export const endedText = 'Cannot use a pool after calling end on the pool'
export const endedTwiceText = 'Called end on pool more than once'
export const releasedText = 'Release called on client which has already been released to the pool.'
export const functionText = 'Passing a function as the first parameter to pool.query is not supported'
const waitTimeoutText = 'timeout exceeded when trying to connect'

/** For a signal whose reason is nothing: a callback with no error would have succeeded. */
export function aborted(): Error {
  return new DOMException('This operation was aborted', 'AbortError')
}

export class Wording {
  readonly #told = new WeakSet<object>()

  /** What a caller gets for what the engine said. */
  for(error: unknown): unknown {
    if (!(error instanceof TaxirankError)) return error || aborted()
    if (error.code === 'server_connect_failed') return this.#own(error.cause)
    if (error.code === 'admin_shutdown') return new Error(endedText)
    if (error.code !== 'acquire_timeout') return error
    const text = error.shortage?.reason === 'slow' ? dialTimeoutText : waitTimeoutText
    return Object.assign(new Error(text, { cause: error }), { shortage: error.shortage })
  }

  /** Several may be told of one failure: each gets an error of their own, since each changes its stack. */
  #own(failure: unknown): unknown {
    if (!(failure instanceof Error)) return failure
    if (!this.#told.has(failure)) {
      this.#told.add(failure)
      return failure
    }
    return Object.create(Object.getPrototypeOf(failure) as object, Object.getOwnPropertyDescriptors(failure)) as Error
  }
}
