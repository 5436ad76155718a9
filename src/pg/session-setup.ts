/** What is sent ahead of a holder's first query: who holds the client, what its last holder left, what this one wants. */

import { TaxirankError } from '../errors.ts'
import type { LendingSettings } from '../in-process/options.ts'
import type { LendableClient } from './lendable-client.ts'
import { runStatement, type PgClient } from './pg-client.ts'
import type { PoolOptions } from './pool-options.ts'
import { type Ahead, canSendAhead, forgetAhead, forgetStatements, sendAhead } from './send-ahead.ts'

/** With it PostgreSQL ends the connection at an error, and so nothing runs that stands behind one. Needs no privilege. */
const guard = 'SET exit_on_error = on'
const unguard = 'SET exit_on_error = off'
/** For whoever wants nothing of their own: they must not find what was set for somebody else. */
const undoing = 'SET SESSION AUTHORIZATION DEFAULT; RESET ROLE; RESET ALL'
/** PostgreSQL forgets prepared statements then, of which pg remembers that they are there. */
const forgetting = /\b(discard|deallocate)\s+all\b/i
const longestHolder = 200

export class SessionSetup {
  /** There is never anything to be sent. */
  readonly isNone: boolean
  readonly #wanted: PoolOptions['sessionSetup']
  readonly #reset: string | undefined
  readonly #isNaming: boolean

  constructor({ sessionSetup, reset }: PoolOptions, { leakDetectionMillis }: LendingSettings) {
    this.#wanted = sessionSetup
    this.#reset = typeof reset === 'string' && reset !== '' ? reset : undefined
    this.#isNaming = leakDetectionMillis > 0
    this.isNone = !sessionSetup && this.#reset === undefined && !this.#isNaming
  }

  /** For whoever asks now, in their own context. */
  wanted(): string | undefined {
    const wanted: unknown = typeof this.#wanted === 'function' ? this.#wanted() : this.#wanted
    if (wanted === undefined || wanted === null || typeof wanted === 'string') return wanted ?? undefined
    const got = wanted instanceof Promise ? 'a Promise' : `a ${typeof wanted}`
    throw new TaxirankError('bad_configuration', `sessionSetup must be or return a text, got ${got}`)
  }

  /**
   * Before the first query of whoever has it now. A promise if it can't go ahead of that in the same write: when it resolves
   * the client may be handed over.
   */
  prepare(pooled: LendableClient, wanted: string | undefined): Promise<void> | undefined {
    const statements = this.#aheadOf(pooled, wanted)
    if (statements.length === 0) return undefined
    const { client } = pooled
    if (!canSendAhead(client)) return runInTurn(client, statements)
    sendAhead(client, statements)
    return undefined
  }

  /** Its holder gives it back: what was not sent is not sent any more, and what the last one left is there still. */
  forget(pooled: LendableClient): void {
    const wasSent = !forgetAhead(pooled.client)
    if (wasSent && pooled.isUndoing) pooled.isSetUp = false
    pooled.isUndoing = false
  }

  #aheadOf(pooled: LendableClient, wanted: string | undefined): Ahead[] {
    const texts = this.#texts(pooled, wanted)
    const named = pooled.isBehindPooler && this.#isNaming && pooled.holding ? [nameOf(pooled.holding.site)] : []
    return [...named, ...texts.map((text) => ({ text, isNeeded: true, forgetsStatements: forgetting.test(text) }))]
  }

  /**
   * Each is a Query of its own: a reset such as DISCARD ALL runs in no transaction block, and ends the guard; and what can't
   * be parsed fails as a whole, before a guard in the same Query has taken effect.
   */
  #texts(pooled: LendableClient, wanted: string | undefined): string[] {
    const reset = pooled.isUsed ? this.#reset : undefined
    const undone = pooled.isSetUp && !reset && !wanted ? undoing : undefined
    if (wanted) pooled.isSetUp = true
    pooled.isUndoing = !wanted && (reset ?? undone) !== undefined
    const guarded = [reset, undone, wanted || undefined].flatMap((text) => (text === undefined ? [] : [guard, text]))
    return guarded.length > 0 ? [...guarded, unguard] : []
  }
}

/** For our own pooler, which answers it itself: the holder stands in its `SHOW HOLDERS`. */
function nameOf(site: string): Ahead {
  const text = `SET taxirank.holder = '${site.slice(-longestHolder).replaceAll("'", "''")}'`
  return { text, isNeeded: false, forgetsStatements: false }
}

const isNoGuard = ({ text }: Ahead): boolean => text !== guard && text !== unguard

/** One after the other, so nothing has to guard what comes behind. */
async function runInTurn(client: PgClient, statements: readonly Ahead[]): Promise<void> {
  for (const { text, isNeeded, forgetsStatements } of statements.filter(isNoGuard)) {
    if (forgetsStatements) forgetStatements(client)
    const ran = runStatement(client, text)
    await (isNeeded ? ran : ran.catch(() => undefined))
  }
}
