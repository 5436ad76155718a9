/**
 * How we prove to PostgreSQL who we are, step by step and without I/O. The server is not trusted: it may ask once, for what
 * is spoken here and no more work than allowed, and after SCRAM it has to prove that it knows our verifier before its
 * AuthenticationOk counts.
 */

import { TaxirankError } from '../errors.ts'
import {
  passwordMessage,
  readAuthenticationRequest,
  saslInitialResponse,
  saslResponse,
} from '../wire/authentication.ts'
import type { AuthenticationRequest } from '../wire/authentication.ts'
import type { MessageBytes } from '../wire/read.ts'
import { Derivation } from './derivations.ts'
import { md5Answer, md5Secret } from './md5.ts'
import { saslprep } from './saslprep.ts'
import { type ScramChallenge, ScramClientRole } from './scram-client-role.ts'
import { ScramKeys } from './scram-keys.ts'
import { makeNonce, scramMechanism } from './scram-server-role.ts'
import type { Credentials } from './secret.ts'

export type ServerStep =
  /** Send the bytes and wait for the next Authentication message. */
  | { readonly name: 'send'; readonly bytes: Buffer }
  /** Nothing to send: the next message is awaited. */
  | { readonly name: 'wait' }
  /** Have it derived and give the result to `derived`. PostgreSQL has nothing to say meanwhile. */
  | { readonly name: 'derive'; readonly derivation: Derivation }
  /** AuthenticationOk. */
  | { readonly name: 'accepted' }
  /** Close. Asking again would not help. */
  | { readonly name: 'failed'; readonly error: TaxirankError }

type Phase =
  | { readonly name: 'new' }
  /** A password was sent. */
  | { readonly name: 'answered' }
  | { readonly name: 'scram-begun'; readonly role: ScramClientRole }
  | { readonly name: 'deriving'; readonly challenge: ScramChallenge }
  | { readonly name: 'proved'; readonly challenge: ScramChallenge; readonly keys: ScramKeys }
  /** The server has proved itself, too. */
  | { readonly name: 'verified' }
  | { readonly name: 'over' }

export class ServerExchange {
  readonly #user: string
  readonly #credentials: Credentials
  #phase: Phase = { name: 'new' }

  /** `user`, a byte string: who the startup packet named. */
  constructor(user: string, credentials: Credentials) {
    this.#user = user
    this.#credentials = credentials
  }

  /** A whole Authentication message came. Never throws for what a server can send. */
  received(message: MessageBytes): ServerStep {
    return this.#guard(() => this.#received(readAuthenticationRequest(message)))
  }

  /** The derivation that was asked for is done. */
  derived(saltedPassword: Buffer): ServerStep {
    const phase = this.#phase
    if (phase.name !== 'deriving') throw new Error(`taxirank bug: derived in phase ${phase.name}`)
    return this.#prove(phase.challenge, ScramKeys.fromSaltedPassword(phase.challenge, saltedPassword))
  }

  #received(request: AuthenticationRequest): ServerStep {
    const phase = this.#phase
    switch (request.name) {
      case 'ok':
        return this.#finish()
      case 'cleartext-password':
        this.#requireNew()
        return this.#answer(this.#plainPassword())
      case 'md5-password':
        this.#requireNew()
        return this.#answer(md5Answer(this.#md5Hash(), request.salt))
      case 'sasl':
        this.#requireNew()
        return this.#beginScram(request.mechanisms)
      case 'sasl-continue':
        if (phase.name !== 'scram-begun') throw outOfOrder()
        return this.#takeUp(phase.role.readServerFirst(request.data))
      case 'sasl-final':
        if (phase.name !== 'proved') throw outOfOrder()
        phase.challenge.verify(phase.keys, request.data)
        this.#phase = { name: 'verified' }
        return { name: 'wait' }
      case 'unsupported':
        throw failure(`PostgreSQL asks for authentication by ${request.kind}, which is not supported`)
    }
  }

  /** Without being asked for a password (trust, peer, a certificate), or after the answer that was asked for. */
  #finish(): ServerStep {
    const { name } = this.#phase
    if (name === 'scram-begun' || name === 'deriving' || name === 'proved') {
      throw violation('the server ended SCRAM without proving that it knows the password')
    }
    if (name === 'over') throw outOfOrder()
    this.#phase = { name: 'over' }
    return { name: 'accepted' }
  }

  #requireNew(): void {
    if (this.#phase.name !== 'new') throw outOfOrder()
  }

  #answer(password: Buffer): ServerStep {
    this.#phase = { name: 'answered' }
    return { name: 'send', bytes: passwordMessage(password) }
  }

  // What we have, and what is asked for.

  #plainPassword(): Buffer {
    const credentials = this.#credentials
    if (credentials.kind === 'plain') return credentials.password
    throw wrongKind('a clear-text password', 'it needs a plain password', credentials)
  }

  #md5Hash(): Buffer {
    const credentials = this.#credentials
    if (credentials.kind === 'plain') return md5Secret(credentials.password, this.#user)
    if (credentials.kind === 'md5') return credentials.hash
    throw wrongKind('an md5 password', 'it needs a plain password or an md5 secret', credentials)
  }

  // SCRAM.

  #beginScram(mechanisms: readonly string[]): ServerStep {
    if (!mechanisms.includes(scramMechanism)) {
      throw failure(`PostgreSQL offers no SASL mechanism that is supported: it must be ${scramMechanism}`)
    }
    const { kind } = this.#credentials
    if (kind !== 'plain' && kind !== 'scram-keys') {
      const needed =
        'it needs a plain password, or the same SCRAM secret as PostgreSQL and a client that logs in with it'
      throw wrongKind(scramMechanism, needed, this.#credentials)
    }
    const role = new ScramClientRole(makeNonce())
    this.#phase = { name: 'scram-begun', role }
    return { name: 'send', bytes: saslInitialResponse(scramMechanism, role.clientFirst) }
  }

  #takeUp(challenge: ScramChallenge): ServerStep {
    const credentials = this.#credentials
    if (credentials.kind === 'plain') {
      this.#phase = { name: 'deriving', challenge }
      return { name: 'derive', derivation: new Derivation(saslprep(credentials.password), challenge, true) }
    }
    if (credentials.kind === 'scram-keys' && credentials.fit(challenge)) return this.#prove(challenge, credentials)
    throw failure(
      'the SCRAM secret stored here has another salt or number of iterations than PostgreSQL’s: ' +
        'store the one that pg_authid has now, or a plain password',
    )
  }

  #prove(challenge: ScramChallenge, keys: ScramKeys): ServerStep {
    this.#phase = { name: 'proved', challenge, keys }
    return { name: 'send', bytes: saslResponse(challenge.clientFinal(keys)) }
  }

  #guard(step: () => ServerStep): ServerStep {
    try {
      return step()
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      this.#phase = { name: 'over' }
      return { name: 'failed', error }
    }
  }
}

const kinds = {
  none: 'has none',
  plain: 'has a plain password',
  md5: 'has an md5 secret',
  'scram-keys': 'has the SCRAM keys of a client',
} as const satisfies Record<Credentials['kind'], string>

function wrongKind(asked: string, needed: string, credentials: Credentials): TaxirankError {
  const reason = credentials.kind === 'none' ? ` (${credentials.problem})` : ''
  const has = `the pooler ${kinds[credentials.kind]} for this user${reason}`
  return failure(`wrong password type: PostgreSQL asks for ${asked}, ${has}; ${needed}`)
}

function failure(text: string): TaxirankError {
  return new TaxirankError('server_connect_failed', `server login failed: ${text}`, { sqlState: '28P01' })
}

function outOfOrder(): TaxirankError {
  return violation('an Authentication message that does not belong here')
}

function violation(text: string): TaxirankError {
  return new TaxirankError('protocol_violation', text)
}
