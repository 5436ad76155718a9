/** A transaction as a function: begun, committed or rolled back, and run anew where that is safe and asked for. */

import { TaxirankError } from '../errors.ts'
import { LendableClient } from './lendable-client.ts'
import type { PgClient } from './pg-client.ts'
import type { ConnectOptions } from './pool-options.ts'
import { signalOf } from './signal-of.ts'

export interface TransactionOptions extends ConnectOptions {
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable'
  readonly readOnly?: boolean
  /** With serializable and read-only: waits until it can't fail. */
  readonly deferrable?: boolean
  /** How many times it is run anew after a serialization failure or a deadlock. Default 0. */
  readonly retries?: number
}

type Connect = (options: ConnectOptions) => Promise<PgClient>
type Work<R> = (client: PgClient) => R | PromiseLike<R>

const firstPauseMs = 10
const longestPauseMs = 1_000
const isolations = ['read committed', 'repeatable read', 'serializable']

/** Rejects with what `work` has thrown, an error of PostgreSQL's, `commit_unknown` or `transaction_rolled_back`. */
export async function runTransaction<R>(connect: Connect, work: Work<R>, options: TransactionOptions): Promise<R> {
  const begin = beginText(options)
  const { retries = 0, timeoutMillis, lane } = options
  if (!(Number.isSafeInteger(retries) && retries >= 0)) {
    throw new TaxirankError('bad_configuration', `retries must be a whole number from 0 on, got ${String(retries)}`)
  }
  // The deadline is one for all attempts.
  const signal = signalOf(options.signal, options.deadlineMillis)
  for (let attempt = 0; ; attempt++) {
    try {
      return await runOnce(connect, work, begin, { signal, timeoutMillis, lane })
    } catch (error) {
      if (attempt >= retries || signal?.aborted || !isConflict(error)) throw error
      await pause(attempt)
    }
  }
}

function beginText({ isolation, readOnly, deferrable }: TransactionOptions): string {
  if (isolation !== undefined && !isolations.includes(isolation)) {
    throw new TaxirankError('bad_configuration', `isolation must be one of ${isolations.join(', ')}, got ${isolation}`)
  }
  const level = isolation ? ` ISOLATION LEVEL ${isolation.toUpperCase()}` : ''
  return `BEGIN${level}${readOnly ? ' READ ONLY' : ''}${deferrable ? ' DEFERRABLE' : ''}`
}

async function runOnce<R>(connect: Connect, work: Work<R>, begin: string, options: ConnectOptions): Promise<R> {
  const client = await connect(options)
  const pooled = LendableClient.of(client)
  const isOurs = leaseOf(pooled)
  let lost: Error | undefined
  try {
    await query(client, begin)
    let result: R
    try {
      result = await work(client)
      if (!isOurs()) throw givenBack()
      options.signal?.throwIfAborted()
      // Nothing of a COMMIT was sent, so it is known what became of it: nothing.
      if (pooled?.failure) throw pooled.failure
    } catch (error) {
      if (isOurs()) lost = await rollBack(client)
      throw error
    }
    await commit(client)
    return result
  } catch (error) {
    if (!isAnswer(error)) lost ??= client._queryable === false ? (error as Error) : undefined
    throw error
  } finally {
    if (isOurs()) client.release?.(lost)
  }
}

/** Whether the lease by which we have the client lasts: work may have given it back, and somebody else may have it now. */
function leaseOf(pooled: LendableClient | undefined): () => boolean {
  if (!pooled) return () => true
  const { number } = pooled
  return () => pooled.isHeldAs(number)
}

function givenBack(): TaxirankError {
  const text =
    'the client was given back within its transaction: that was rolled back, unless its work has ended it itself'
  return new TaxirankError('stale_lease', text)
}

/** Why the client is of no use any more; undefined if it is. */
async function rollBack(client: PgClient): Promise<Error | undefined> {
  try {
    await query(client, 'ROLLBACK')
    return undefined
  } catch (error) {
    return error as Error
  }
}

async function commit(client: PgClient): Promise<void> {
  let tag: string | undefined
  try {
    tag = (await query(client, 'COMMIT')).command
  } catch (error) {
    if (isAnswer(error)) throw error
    const text = 'the connection was lost during COMMIT: whether it took effect is not known'
    throw new TaxirankError('commit_unknown', text, { cause: error })
  }
  if (tag === 'ROLLBACK') {
    const text = 'PostgreSQL has rolled back in place of COMMIT: an error of a statement before it was not passed on'
    throw new TaxirankError('transaction_rolled_back', text)
  }
}

function query(client: PgClient, text: string): Promise<{ readonly command?: string }> {
  return new Promise((resolve, reject) => {
    client.query(text, undefined, (error, result) => {
      if (error) reject(error)
      else resolve(result ?? {})
    })
  })
}

/** PostgreSQL has said so, and the connection lives: unlike a shutdown, or an error of the connection. */
function isAnswer(error: unknown): boolean {
  const { severity, code } = (error ?? {}) as { severity?: unknown; code?: unknown }
  return typeof severity === 'string' && typeof code === 'string' && !/^(57P0|08)/.test(code)
}

function isConflict(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return isAnswer(error) && (code === '40001' || code === '40P01')
}

/** Twice as long each time, and at random, so that those who have met don't meet again. */
function pause(attempt: number): Promise<void> {
  const ms = Math.min(firstPauseMs * 2 ** attempt, longestPauseMs) * (0.5 + Math.random() / 2)
  return new Promise((resolve) => setTimeout(resolve, ms))
}
