/**
 * Limits of a client's time: of a request, of a transaction, between two requests of one, and without any. Only for
 * clients that have one of these limits.
 *
 * There is one deadline a client, and using a connection doesn't touch it: what happens only notes the time. When the
 * deadline comes, it is seen what is due and when, and it runs on until then, if that is not now.
 */

import { type ErrorCode, TaxirankError } from '../errors.ts'
import { Deadline, type Deadlines } from '../time.ts'
import { TransactionStatus } from '../wire/messages.ts'
import type { ClientLimits } from './client-limits.ts'

/** Texts are PgBouncer's, SQLSTATEs those of PostgreSQL's own limits. */
const texts = {
  query_timeout: 'query timeout',
  idle_transaction_timeout: 'idle transaction timeout',
  transaction_timeout: 'transaction timeout',
  client_idle_timeout: 'client_idle_timeout',
} as const satisfies Partial<Record<ErrorCode, string>>

type Phase = 'asking' | 'in transaction' | 'idle'

/** What ends each of them. */
const limitOf = {
  asking: ['query_timeout', 'queryTimeoutMs'],
  'in transaction': ['idle_transaction_timeout', 'idleTransactionTimeoutMs'],
  idle: ['client_idle_timeout', 'clientIdleTimeoutMs'],
} as const satisfies Record<Phase, readonly [keyof typeof texts, keyof ClientLimits]>

export interface TimingOwner {
  readonly deadlines: Deadlines
  readonly now: () => number
  /** The client waits for a server or for an answer. */
  readonly isAsking: boolean
  timedOut(error: TaxirankError): void
}

export class ClientTiming {
  #limits: ClientLimits
  readonly #owner: TimingOwner
  readonly #deadline = new Deadline((now) => this.#wake(now))
  #phase: Phase = 'idle'
  #isInBlock = false
  #sinceMs: number
  /** When its transaction began; Infinity outside of one. */
  #transactionSinceMs = Infinity
  #isOver = false

  /** The client has logged in now. */
  constructor(limits: ClientLimits, owner: TimingOwner) {
    this.#limits = limits
    this.#owner = owner
    this.#sinceMs = owner.now()
    this.#watch()
  }

  /** Other limits count from now on. */
  relimit(limits: ClientLimits): void {
    this.#limits = limits
    if (!this.#isOver) this.#watch()
  }

  /** A message of a request came. */
  asked(): void {
    if (this.#phase === 'asking' || this.#isOver) return
    this.#move('asking')
  }

  /** A request was answered with this status; `owed` are still to be. */
  answered(status: number, owed: number): void {
    if (this.#isOver) return
    this.#isInBlock = status !== TransactionStatus.idle
    if (!this.#isInBlock) this.#transactionSinceMs = Infinity
    if (owed > 0) this.#move('asking')
    else this.#rest()
  }

  /** It holds no server and asks for none. */
  rested(): void {
    if (this.#phase === 'idle' || this.#isOver) return
    this.#isInBlock = false
    this.#transactionSinceMs = Infinity
    this.#rest()
  }

  #rest(): void {
    if (!this.#isInBlock) this.#transactionSinceMs = Infinity
    this.#move(this.#isInBlock ? 'in transaction' : 'idle')
  }

  /** The client is gone, or about to be. */
  end(): void {
    this.#isOver = true
    this.#owner.deadlines.stop(this.#deadline)
  }

  #move(phase: Phase): void {
    this.#phase = phase
    this.#sinceMs = this.#owner.now()
    if (phase !== 'idle' && this.#transactionSinceMs === Infinity) this.#transactionSinceMs = this.#sinceMs
    this.#watch()
  }

  /** The deadline may run out too early, but never too late. */
  #watch(): void {
    const atMs = Math.min(this.#phaseEndsAtMs, this.#transactionEndsAtMs)
    if (atMs < this.#deadline.atMs) this.#owner.deadlines.start(this.#deadline, atMs)
  }

  get #phaseEndsAtMs(): number {
    const limitMs = this.#limits[limitOf[this.#phase][1]]
    return limitMs === 0 ? Infinity : this.#sinceMs + limitMs
  }

  get #transactionEndsAtMs(): number {
    const limitMs = this.#limits.transactionTimeoutMs
    return limitMs === 0 ? Infinity : this.#transactionSinceMs + limitMs
  }

  #wake(now: number): void {
    // What it sent may have been no request: a Flush, say, or what belongs to a COPY that is over.
    if (this.#phase === 'asking' && !this.#owner.isAsking) return this.#rest()
    const isPhaseOver = this.#phaseEndsAtMs <= now
    if (!isPhaseOver && this.#transactionEndsAtMs > now) return this.#watch()
    const code = isPhaseOver ? limitOf[this.#phase][0] : 'transaction_timeout'
    this.end()
    this.#owner.timedOut(new TaxirankError(code, texts[code]))
  }
}

/** Whether a client with these limits needs to be watched. */
export function isTimed(limits: ClientLimits): boolean {
  const { queryTimeoutMs, idleTransactionTimeoutMs, transactionTimeoutMs, clientIdleTimeoutMs } = limits
  return queryTimeoutMs + idleTransactionTimeoutMs + transactionTimeoutMs + clientIdleTimeoutMs > 0
}
