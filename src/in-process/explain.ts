/** What callers are told who got no lease: which of exhausted, down and slow it was, and who has what they waited for. */

import { TaxirankError, type Shortage } from '../errors.ts'
import { framesOf } from './call-site.ts'
import type { Holding } from './entry.ts'
import type { Holder } from './lending.ts'

export interface PoolFigures {
  readonly maxSize: number
  readonly leased: number
  readonly opening: number
  readonly waiting: number
}

/** How many holders are named: more would be no help. */
const mostHolders = 10

/** The engine's refusal, with what is known here beside it. */
export function explain(error: TaxirankError, figures: PoolFigures, holders: readonly Holder[]): TaxirankError {
  if (error.code !== 'acquire_timeout') return error
  const { maxSize, leased, opening, waiting } = figures
  const reason = reasonOf(error, figures)
  const shortage = { reason, max: maxSize, leased, opening, waiting, holders: holders.slice(0, mostHolders) }
  const slow = reason === 'slow' ? `; ${opening} being opened, and not there yet` : ''
  return new TaxirankError(error.code, error.message + slow, { cause: error.cause, shortage })
}

function reasonOf({ cause }: TaxirankError, { maxSize, leased, opening }: PoolFigures): Shortage['reason'] {
  if (cause !== undefined) return 'down'
  return opening > 0 && leased < maxSize ? 'slow' : 'exhausted'
}

/** `asking` waits, and what it belongs to holds what `held` says. */
export function nestedAcquire(
  max: number,
  waitedMs: number,
  asking: Holding | undefined,
  held: Holding | undefined,
): TaxirankError {
  const text =
    `all ${max} are held by callers who wait for one more themselves, and would wait for ever: refused after ` +
    `${Math.round(waitedMs)} ms so that one of them can go on. Use what is held already, or a larger pool for each level.`
  return new TaxirankError('nested_acquire', `${text}\n${framesAs('asked for', asking)}\n${framesAs('holds', held)}`)
}

function framesAs(verb: string, holding: Holding | undefined): string {
  return holding ? `  ${verb} at ${holding.site}\n${framesOf(holding.calls)}` : `  ${verb}: not known`
}
