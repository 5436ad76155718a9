/** One acquire that could not be answered at once: who waits, until when, and who must be told. */

import type { Lease } from '../engine/lease.ts'
import { type Caller, Waiter } from '../engine/waiter.ts'
import type { TaxirankError } from '../errors.ts'
import type { Deadline } from '../time.ts'
import { rejected } from './callers-stack.ts'
import type { Entry, Holding } from './entry.ts'
import type { Span } from './telemetry.ts'

/** Who hears that an acquire is over, before its caller does. */
export interface AcquireDesk<E extends Entry> {
  granted(acquire: Acquire<E>, lease: Lease<E>): void
  refused(acquire: Acquire<E>, error: TaxirankError): unknown
}

export abstract class Acquire<E extends Entry> implements Caller<E> {
  readonly waiter: Waiter<E>
  holding: Holding | undefined = undefined
  signal: AbortSignal | undefined = undefined
  /** It was given more than the pool's own settings, or is named: good for one wait. */
  isParticular = false
  stopListening: (() => void) | undefined = undefined
  /** Looks for a deadlock now and then. */
  suspicion: Deadline | undefined = undefined
  span: Span | undefined = undefined
  /** Its wait has begun, and isn't over. */
  isWaiting = false
  readonly #desk: AcquireDesk<E>
  #outcome: Outcome<E> | undefined = undefined
  #isAsked = false

  constructor(desk: AcquireDesk<E>) {
    this.#desk = desk
    this.waiter = new Waiter<E>(this)
  }

  /** Called once for each wait: `error` says why there is no lease. Must not throw. */
  protected abstract answer(error: unknown, lease: Lease<E> | undefined): void

  /** The outcome is there, and nobody has asked for it yet. */
  get isDecided(): boolean {
    return this.#outcome !== undefined
  }

  /** From now on it is answered: at once, if the outcome is there. */
  ask(): void {
    this.#isAsked = true
    if (this.#outcome) this.#answerKept(this.#outcome)
  }

  #answerKept({ error, lease }: Outcome<E>): void {
    this.#outcome = undefined
    this.#answerOnce(error, lease)
  }

  /** Hot path under load. */
  granted(lease: Lease<E>): void {
    this.#desk.granted(this, lease)
    this.#settle(undefined, lease)
  }

  refused(error: TaxirankError): void {
    this.fail(this.#desk.refused(this, error))
  }

  /** Ends it with an error, where it is in no queue any more. */
  fail(error: unknown): void {
    this.#settle(error, undefined)
  }

  #settle(error: unknown, lease: Lease<E> | undefined): void {
    if (this.#isAsked) this.#answerOnce(error, lease)
    else this.#outcome = { error, lease }
  }

  /** It may be used for another wait from then on. */
  #answerOnce(error: unknown, lease: Lease<E> | undefined): void {
    this.#isAsked = false
    this.answer(error, lease)
  }
}

interface Outcome<E extends Entry> {
  readonly error: unknown
  readonly lease: Lease<E> | undefined
}

/** An acquire that is answered by a promise, with what `lent` makes of the lease. */
export abstract class PromisedAcquire<E extends Entry, L> extends Acquire<E> {
  #resolve: (lent: L | PromiseLike<L>) => void = unasked

  /** May give the acquire back for another wait. */
  protected abstract lent(lease: Lease<E>): L | PromiseLike<L>

  /** `PromiseClass`: the runtime's own, or one that is handed in. */
  promise(PromiseClass: PromiseConstructor = Promise): Promise<L> {
    const promise = new PromiseClass<L>((resolve) => void (this.#resolve = resolve))
    this.ask()
    return promise
  }

  protected override answer(error: unknown, lease: Lease<E> | undefined): void {
    this.#resolve(lease ? this.lent(lease) : this.refusal(error))
  }

  /** A promise that is rejected, or will be. */
  protected refusal(error: unknown): Promise<never> {
    return rejected(error)
  }
}

const unasked = (): void => undefined
