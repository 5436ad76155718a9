/** What PostgreSQL says between our startup packet and its first ReadyForQuery, and what we answer. */

import type { Derivations, DerivationWaiter } from '../auth/derivations.ts'
import { ServerExchange, type ServerStep } from '../auth/server-exchange.ts'
import { TaxirankError } from '../errors.ts'
import { Framer } from '../wire/framer.ts'
import { Backend, backendLoginRules } from '../wire/messages.ts'
import { readBackendKey, readErrorFields, readParameterStatus } from '../wire/read.ts'
import type { ServerTarget } from './target.ts'

export interface LoginDesk {
  write(bytes: Buffer): void
  /** Bytes of a message were read. */
  usedUp(length: number): void
  /** The login is over. Nothing is called afterwards. */
  loggedIn(login: ServerLogin): void
  /** `isFinal`: PostgreSQL answered, and asking again soon would not help. Nothing is called afterwards. */
  refused(error: TaxirankError, isFinal: boolean): void
}

/** PostgreSQL is there but can't take us now: starting up or shutting down, or out of connections. */
const temporary = new Set(['57P03', '57P01', '53300'])

export class ServerLogin implements DerivationWaiter {
  readonly parameters = new Map<string, string>()
  /** Process id and secret, as a cancel request repeats them. */
  key: Buffer = Buffer.alloc(0)
  readonly #framer = new Framer(backendLoginRules)
  readonly #exchange: ServerExchange
  readonly #derivations: Derivations
  readonly #desk: LoginDesk
  #isOver = false
  #isAccepted = false
  #isDeriving = false

  constructor(target: ServerTarget, derivations: Derivations, desk: LoginDesk) {
    this.#exchange = new ServerExchange(target.startup.get('user') ?? '', target.credentials())
    this.#derivations = derivations
    this.#desk = desk
  }

  /** What came behind the login. */
  takeRest(): Buffer {
    return this.#framer.takeRest()
  }

  /** Throws `protocol_violation`. */
  received(bytes: Buffer): void {
    if (this.#isDeriving) throw unexpected('a message while it was to wait for ours')
    this.#framer.push(bytes)
    while (!this.#isOver && this.#framer.next()) {
      this.#desk.usedUp(this.#framer.length)
      this.#read(this.#framer)
    }
  }

  abandon(): void {
    this.#isOver = true
    this.#derivations.abandon(this)
  }

  derived(saltedPassword: Buffer): void {
    this.#isDeriving = false
    this.#take(this.#exchange.derived(saltedPassword))
  }

  derivationFailed(error: TaxirankError): void {
    this.#end(error, false)
  }

  #read(framer: Framer): void {
    switch (framer.type) {
      case Backend.authentication:
        return this.#take(this.#exchange.received(framer))
      case Backend.errorResponse:
        return this.#gotError(readErrorFields(framer))
      case Backend.noticeResponse:
      case Backend.negotiateProtocolVersion:
        return
      default:
        this.#readSession(framer)
    }
  }

  /** What tells of the session: only once we are let in. */
  #readSession(framer: Framer): void {
    if (!this.#isAccepted) throw unexpected(`message '${String.fromCharCode(framer.type)}' before AuthenticationOk`)
    switch (framer.type) {
      case Backend.parameterStatus: {
        const { name, value } = readParameterStatus(framer)
        this.parameters.set(name, value)
        return
      }
      case Backend.backendKeyData:
        this.key = readBackendKey(framer).key
        return
      default:
        this.#isOver = true
        this.#desk.loggedIn(this)
    }
  }

  #take(step: ServerStep): void {
    switch (step.name) {
      case 'send':
        return this.#desk.write(step.bytes)
      case 'wait':
        return
      case 'derive':
        return this.#derive(step.derivation)
      case 'accepted':
        this.#isAccepted = true
        return
      case 'failed':
        this.#end(step.error, true)
    }
  }

  #derive(derivation: Parameters<Derivations['derive']>[0]): void {
    try {
      const known = this.#derivations.derive(derivation, this)
      if (known) this.#take(this.#exchange.derived(known))
      else this.#isDeriving = true
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      this.#end(error, false)
    }
  }

  #gotError(fields: ReadonlyMap<string, string>): void {
    // A server that is no PostgreSQL may leave out what PostgreSQL never does.
    const sqlState = /^[0-9A-Z]{5}$/.exec(fields.get('C') ?? '')?.[0] ?? '08006'
    const error = new TaxirankError('server_connect_failed', fields.get('M') ?? 'login refused', { sqlState })
    this.#end(error, !temporary.has(sqlState))
  }

  #end(error: TaxirankError, isFinal: boolean): void {
    if (this.#isOver) return
    this.abandon()
    this.#desk.refused(error, isFinal)
  }
}

function unexpected(what: string): TaxirankError {
  return new TaxirankError('protocol_violation', what)
}
