/**
 * How a client proves who it is, step by step and without I/O: each call says what to do next. Which exchange there is
 * follows from `auth_type`; the kind of secret has a say only where md5 meets a SCRAM secret. A user that doesn't exist, or
 * has no password, goes through the exchange that its `auth_type` asks for and is refused at its end, like a wrong password.
 */

import { randomBytes } from 'node:crypto'
import { assert } from '../assert.ts'
import { TaxirankError } from '../errors.ts'
import * as wire from '../wire/authentication.ts'
import type { MessageBytes } from '../wire/read.ts'
import { areEqual } from './constant-time.ts'
import { Derivation } from './derivations.ts'
import type { MadeUpSecrets } from './made-up-secrets.ts'
import { md5Answer, md5Secret } from './md5.ts'
import { saslprep } from './saslprep.ts'
import { ScramVerifier, type ScramKeys, type ScramSalt } from './scram-keys.ts'
import { checkClaim, makeNonce, type ScramClaim, scramMechanism, ScramServerRole } from './scram-server-role.ts'
import type { Secret } from './secret.ts'

/** `auth_type`, as far as it is about passwords. */
export type ClientAuthMethod = 'trust' | 'any' | 'plain' | 'md5' | 'scram-sha-256'

export interface ClientLogin {
  readonly method: ClientAuthMethod
  /** Who it says it is: a byte string. */
  readonly user: string
  /** What is stored for that user; undefined: there is no such user. */
  readonly secret: Secret | undefined
  readonly madeUp: MadeUpSecrets
}

export type ClientStep =
  /** Send the bytes and wait for the next message of type `p`. */
  | { readonly name: 'send'; readonly bytes: Buffer }
  /** Have it derived and give the result to `derived`. The client has nothing to say meanwhile. */
  | { readonly name: 'derive'; readonly derivation: Derivation }
  /**
   * It is who it says. The bytes, perhaps none, go ahead of AuthenticationOk. `keys`: where a SCRAM secret is stored, what
   * logs in to PostgreSQL as that user, and as no other.
   */
  | { readonly name: 'accepted'; readonly bytes: Buffer; readonly keys: ScramKeys | undefined }
  /** FATAL: send the error and close. */
  | { readonly name: 'refused'; readonly error: TaxirankError }

type Phase =
  | { readonly name: 'new' }
  | { readonly name: 'password' }
  | { readonly name: 'md5'; readonly salt: Buffer }
  | { readonly name: 'sasl-initial' }
  | { readonly name: 'sasl-final'; readonly role: ScramServerRole }
  /** A password is derived, to be compared with the verifier. */
  | { readonly name: 'deriving-claim'; readonly verifier: ScramVerifier }
  /** The stored password is derived, to check a proof with. */
  | { readonly name: 'deriving-verifier'; readonly claim: ScramClaim; readonly salt: ScramSalt }
  | { readonly name: 'over' }

const noBytes = Buffer.alloc(0)

export class ClientExchange {
  readonly #login: ClientLogin
  #phase: Phase = { name: 'new' }

  constructor(login: ClientLogin) {
    this.#login = login
  }

  /** Call it once, first. */
  begin(): ClientStep {
    assert(this.#phase.name === 'new', 'an exchange begun twice')
    const { method, secret } = this.#login
    switch (method) {
      case 'any':
        return this.#accept(noBytes, undefined)
      case 'trust':
        return secret ? this.#accept(noBytes, undefined) : this.#refuse(unknownToTrust())
      case 'plain':
        return this.#ask({ name: 'password' }, wire.authenticationCleartextPassword)
      case 'md5':
        return secret?.kind === 'scram' ? this.#offerScram() : this.#challenge()
      case 'scram-sha-256':
        return this.#offerScram()
    }
  }

  /** A whole message of type `p` came, as answer to a `send`. Never throws for what a client can send. */
  received(message: MessageBytes): ClientStep {
    return this.#guard(() => this.#received(message))
  }

  /** The derivation that was asked for is done. */
  derived(saltedPassword: Buffer): ClientStep {
    const phase = this.#phase
    switch (phase.name) {
      case 'deriving-claim': {
        const keys = phase.verifier.keysDerivedFrom(saltedPassword)
        return keys ? this.#accept(noBytes, keys) : this.#refuse(wrongPassword())
      }
      case 'deriving-verifier':
        return this.#decide(ScramVerifier.fromSaltedPassword(phase.salt, saltedPassword), phase.claim, true)
      default:
        throw new Error(`taxirank bug: derived in phase ${phase.name}`)
    }
  }

  #received(message: MessageBytes): ClientStep {
    const phase = this.#phase
    switch (phase.name) {
      case 'password':
        return this.#checkPassword(wire.readPassword(message))
      case 'md5':
        return this.#checkMd5(wire.readPassword(message), phase.salt)
      case 'sasl-initial':
        return this.#answerScram(wire.readSaslInitialResponse(message))
      case 'sasl-final':
        return this.#checkScram(phase.role.readClientFinal(wire.readSaslResponse(message)))
      default:
        throw new TaxirankError('protocol_violation', 'a password message that nobody asked for')
    }
  }

  // In clear text.

  #checkPassword(password: Buffer): ClientStep {
    const { secret, user, madeUp } = this.#login
    if (password.length === 0) return this.#refuse(wrongPassword())
    switch (secret?.kind) {
      case 'plain':
        return this.#conclude(areEqual(password, secret.password))
      case 'md5':
        return this.#conclude(areEqual(md5Secret(password, user), secret.hash))
      case 'scram':
        this.#phase = { name: 'deriving-claim', verifier: secret }
        return { name: 'derive', derivation: new Derivation(saslprep(password), secret, false) }
      default:
        areEqual(password, madeUp.bytesOf(user))
        return this.#refuse(wrongPassword())
    }
  }

  // md5.

  #challenge(): ClientStep {
    const salt = randomBytes(4)
    return this.#ask({ name: 'md5', salt }, wire.authenticationMd5Password(salt))
  }

  #checkMd5(answer: Buffer, salt: Buffer): ClientStep {
    const { secret, user, madeUp } = this.#login
    const hasHash = secret?.kind === 'plain' || secret?.kind === 'md5'
    const hash =
      secret?.kind === 'md5' ? secret.hash : md5Secret(hasHash ? secret.password : madeUp.bytesOf(user), user)
    const isRight = areEqual(answer, md5Answer(hash, salt))
    return this.#conclude(isRight && hasHash)
  }

  // SCRAM.

  #offerScram(): ClientStep {
    return this.#ask({ name: 'sasl-initial' }, wire.authenticationSasl([scramMechanism]))
  }

  #answerScram({ mechanism, data }: { mechanism: string; data: Buffer }): ClientStep {
    if (mechanism !== scramMechanism) {
      throw new TaxirankError('protocol_violation', `only ${scramMechanism} was offered, and another mechanism chosen`)
    }
    const { secret, user, madeUp } = this.#login
    const role = new ScramServerRole(data, secret?.kind === 'scram' ? secret : madeUp.saltOf(user), makeNonce())
    return this.#ask({ name: 'sasl-final', role }, wire.authenticationSaslContinue(role.serverFirst))
  }

  #checkScram(claim: ScramClaim): ClientStep {
    const { secret, user, madeUp } = this.#login
    switch (secret?.kind) {
      case 'scram':
        return this.#decide(secret, claim, true)
      case 'plain': {
        const salt = madeUp.saltOf(user)
        this.#phase = { name: 'deriving-verifier', claim, salt }
        return { name: 'derive', derivation: new Derivation(saslprep(secret.password), salt, true) }
      }
      default:
        return this.#decide(madeUp.verifierOf(user), claim, false)
    }
  }

  /** `isReal`: the verifier is somebody's. */
  #decide(verifier: ScramVerifier, claim: ScramClaim, isReal: boolean): ClientStep {
    const proved = checkClaim(verifier, claim)
    if (!proved || !isReal) return this.#refuse(wrongProof())
    const keys = this.#login.secret?.kind === 'scram' ? proved.keys : undefined
    return this.#accept(wire.authenticationSaslFinal(proved.serverFinal), keys)
  }

  // Steps.

  #ask(phase: Phase, bytes: Buffer): ClientStep {
    this.#phase = phase
    return { name: 'send', bytes }
  }

  #conclude(isRight: boolean): ClientStep {
    return isRight ? this.#accept(noBytes, undefined) : this.#refuse(wrongPassword())
  }

  #accept(bytes: Buffer, keys: ScramKeys | undefined): ClientStep {
    this.#phase = { name: 'over' }
    return { name: 'accepted', bytes, keys }
  }

  #refuse(error: TaxirankError): ClientStep {
    this.#phase = { name: 'over' }
    return { name: 'refused', error }
  }

  #guard(step: () => ClientStep): ClientStep {
    try {
      return step()
    } catch (error) {
      if (error instanceof TaxirankError) return this.#refuse(error)
      throw error
    }
  }
}

// PgBouncer's sentences, under PostgreSQL's SQLSTATEs for them.

function unknownToTrust(): TaxirankError {
  return new TaxirankError('authentication_failed', '"trust" authentication failed')
}

export function wrongPassword(): TaxirankError {
  return new TaxirankError('authentication_failed', 'password authentication failed', { sqlState: '28P01' })
}

function wrongProof(): TaxirankError {
  return new TaxirankError('authentication_failed', 'SASL authentication failed', { sqlState: '28P01' })
}
