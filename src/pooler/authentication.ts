/**
 * Who may log in, and how they prove it: finds what is stored for a user, in the userlist or through auth_query, and takes
 * a client through the exchange that follows from it. What is found out about a user before the exchange is over shows in
 * nothing that the client gets.
 */

import { ClientExchange, type ClientAuthMethod, type ClientStep, wrongPassword } from '../auth/client-exchange.ts'
import type { Derivation, Derivations, DerivationWaiter } from '../auth/derivations.ts'
import type { MadeUpSecrets } from '../auth/made-up-secrets.ts'
import {
  areSameCredentials,
  type Credentials,
  credentialsOf,
  NoSecret,
  parseSecret,
  type Secret,
} from '../auth/secret.ts'
import type { Client } from '../client/client.ts'
import { TaxirankError } from '../errors.ts'
import type { AuthAnswer } from './auth-server.ts'
import type { AuthQuery, Lookup } from './auth-query.ts'

export interface AuthenticationOptions {
  readonly method: ClientAuthMethod
  /** What is stored, by user; names are byte strings. Absent: everybody is let in who need not prove anything. */
  readonly secrets?: ReadonlyMap<string, Secret>
  /** For those who are not stored. */
  readonly madeUp: MadeUpSecrets
}

/** How a login ended: with what logs in to PostgreSQL as that user, or with the error that the client is to be told. */
export type LoginResult =
  | { readonly name: 'accepted'; readonly credentials: Credentials }
  | { readonly name: 'refused'; readonly error: TaxirankError }

const nobodyStored = new NoSecret('no password is stored for this user')

/** What logs in to PostgreSQL as a user who need not prove anything; undefined: who has to, or isn't stored. */
export function unprovenCredentials(user: string, { method, secrets }: AuthenticationOptions): Credentials | undefined {
  if (method !== 'trust' && method !== 'any') return undefined
  const secret = secrets ? secrets.get(user) : nobodyStored
  return secret || method === 'any' ? credentialsOf(secret ?? nobodyStored, undefined) : undefined
}

/** Whether both decide in the same way who is `user`. */
export function decideAlike(user: string, one: AuthenticationOptions, other: AuthenticationOptions): boolean {
  const isSameKind = one.method === other.method && (one.secrets === undefined) === (other.secrets === undefined)
  if (!isSameKind) return false
  const [secret, another] = [one.secrets?.get(user), other.secrets?.get(user)]
  return secret && another ? areSameCredentials(secret, another) : secret === another
}

/** What an authentication needs of the pooler. */
export interface AuthenticationOwner {
  /** What it goes by has been changed since it began; `isLookedUp`: auth_query is a part of that. */
  isOutdated(isLookedUp: boolean): boolean
  /** Called once, unless it is abandoned. */
  decided(result: LoginResult): void
}

/** One client on its way through an exchange. */
export class Authentication implements DerivationWaiter {
  readonly #client: Client
  readonly #user: string
  readonly #options: AuthenticationOptions
  readonly #derivations: Derivations
  readonly #owner: AuthenticationOwner
  #lookup: Lookup | undefined
  #exchange: ClientExchange | undefined
  #secret: Secret | undefined
  #isLookedUp = false
  #isOver = false

  constructor(
    client: Client,
    user: string,
    options: AuthenticationOptions,
    derivations: Derivations,
    owner: AuthenticationOwner,
  ) {
    this.#client = client
    this.#user = user
    this.#options = options
    this.#derivations = derivations
    this.#owner = owner
  }

  /** `authQuery`: where users are looked up who are not stored, or whose password isn't. */
  begin(authQuery: AuthQuery | undefined): void {
    const { method, secrets } = this.#options
    const secret = secrets ? secrets.get(this.#user) : nobodyStored
    const isStored = secret !== undefined && (secret.kind !== 'none' || method === 'trust')
    if (isStored || !authQuery || method === 'any') return this.#exchangeWith(secret)
    this.#isLookedUp = true
    this.#lookup = authQuery.lookUp(this.#user, (answer) => this.#found(answer))
  }

  /** The client has left. */
  abandon(): void {
    this.#isOver = true
    this.#lookup?.abandon()
    this.#derivations.abandon(this)
  }

  derived(saltedPassword: Buffer): void {
    if (this.#exchange) this.#take(this.#exchange.derived(saltedPassword))
  }

  derivationFailed(error: TaxirankError): void {
    this.#end({ name: 'refused', error })
  }

  #found(answer: AuthAnswer): void {
    this.#lookup = undefined
    switch (answer.name) {
      case 'found':
        return this.#exchangeWith(parseSecret(Buffer.from(answer.secret, 'latin1')))
      case 'unknown':
        return this.#exchangeWith(undefined)
      case 'failed':
        return this.#end({ name: 'refused', error: lookupFailed(answer.error) })
    }
  }

  #exchangeWith(secret: Secret | undefined): void {
    const { method, madeUp } = this.#options
    this.#secret = secret
    this.#exchange = new ClientExchange({ method, user: this.#user, secret, madeUp })
    this.#take(this.#exchange.begin())
  }

  #take(step: ClientStep): void {
    switch (step.name) {
      case 'send':
        return this.#client.ask(step.bytes, (answer) => {
          if (this.#exchange && !this.#isOver) this.#take(this.#exchange.received(answer))
        })
      case 'derive':
        return this.#derive(step.derivation)
      case 'accepted':
        if (this.#owner.isOutdated(this.#isLookedUp)) return this.#end({ name: 'refused', error: wrongPassword() })
        if (step.bytes.length > 0) this.#client.write(step.bytes, 0)
        return this.#end({ name: 'accepted', credentials: credentialsOf(this.#secret ?? nobodyStored, step.keys) })
      case 'refused':
        return this.#end(step)
    }
  }

  #derive(derivation: Derivation): void {
    try {
      const known = this.#derivations.derive(derivation, this)
      if (known) this.derived(known)
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      this.derivationFailed(error)
    }
  }

  #end(result: LoginResult): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#owner.decided(result)
  }
}

/** What is wrong is the operator's to know, and in the log. */
function lookupFailed(cause: TaxirankError): TaxirankError {
  return new TaxirankError('server_connect_failed', 'the pooler could not look up this user', { cause })
}
