/**
 * The arithmetic of SCRAM-SHA-256 (RFC 5802, section 3), and what is kept of a password: by whoever checks it a verifier,
 * by whoever has proved it the keys. All of it comes from the salted password, which takes PBKDF2 and is derived elsewhere.
 */

import { createHash, createHmac } from 'node:crypto'
import { assert } from '../assert.ts'
import { areEqual } from './constant-time.ts'

export const keyBytes = 32

/** PBKDF2's input: what has to be derived to know a salted password. */
export interface ScramSalt {
  readonly salt: Buffer
  readonly iterations: number
}

/** Lets check a proof, and prove that one could; not log in with it. PostgreSQL stores it for a user. */
export class ScramVerifier implements ScramSalt {
  readonly kind = 'scram'
  readonly salt: Buffer
  readonly iterations: number
  readonly #storedKey: Buffer
  readonly #serverKey: Buffer

  constructor({ salt, iterations }: ScramSalt, storedKey: Buffer, serverKey: Buffer) {
    assert(storedKey.length === keyBytes && serverKey.length === keyBytes, 'a SCRAM key of another length')
    this.salt = salt
    this.iterations = iterations
    this.#storedKey = storedKey
    this.#serverKey = serverKey
  }

  static fromSaltedPassword(salt: ScramSalt, saltedPassword: Buffer): ScramVerifier {
    return ScramKeys.fromSaltedPassword(salt, saltedPassword).verifier
  }

  /** As PostgreSQL stores it: `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`. A secret. */
  get text(): string {
    const [salt, storedKey, serverKey] = [this.salt, this.#storedKey, this.#serverKey].map((b) => b.toString('base64'))
    return `SCRAM-SHA-256$${this.iterations}:${salt}$${storedKey}:${serverKey}`
  }

  /** The keys of whoever made this proof of 32 bytes over `authMessage`; undefined if it proves nothing. */
  keysProvedBy(proof: Buffer, authMessage: Buffer): ScramKeys | undefined {
    const clientKey = xor(proof, hmac(this.#storedKey, authMessage))
    return areEqual(sha256(clientKey), this.#storedKey) ? new ScramKeys(this, clientKey, this.#serverKey) : undefined
  }

  /** The keys that the salted password gives; undefined if they are others than this verifier's. */
  keysDerivedFrom(saltedPassword: Buffer): ScramKeys | undefined {
    const keys = ScramKeys.fromSaltedPassword(this, saltedPassword)
    return keys.verifier.equals(this) ? keys : undefined
  }

  /** What proves to a client that we know its verifier. */
  serverSignature(authMessage: Buffer): Buffer {
    return hmac(this.#serverKey, authMessage)
  }

  /** Of the same password, under the same salt. */
  equals(other: ScramVerifier): boolean {
    const isStored = areEqual(this.#storedKey, other.#storedKey)
    return areEqual(this.#serverKey, other.#serverKey) && isStored
  }
}

/** What logs in as a user by SCRAM wherever salt and iterations are these: as good as the password there. */
export class ScramKeys implements ScramSalt {
  readonly kind = 'scram-keys'
  readonly salt: Buffer
  readonly iterations: number
  readonly #clientKey: Buffer
  readonly #serverKey: Buffer

  constructor({ salt, iterations }: ScramSalt, clientKey: Buffer, serverKey: Buffer) {
    this.salt = salt
    this.iterations = iterations
    this.#clientKey = clientKey
    this.#serverKey = serverKey
  }

  static fromSaltedPassword(salt: ScramSalt, saltedPassword: Buffer): ScramKeys {
    return new ScramKeys(salt, hmac(saltedPassword, 'Client Key'), hmac(saltedPassword, 'Server Key'))
  }

  get verifier(): ScramVerifier {
    return new ScramVerifier(this, sha256(this.#clientKey), this.#serverKey)
  }

  proof(authMessage: Buffer): Buffer {
    return xor(this.#clientKey, hmac(sha256(this.#clientKey), authMessage))
  }

  /** Whether PostgreSQL knows the verifier, so is who we mean. */
  isServerSignature(signature: Buffer, authMessage: Buffer): boolean {
    return areEqual(signature, hmac(this.#serverKey, authMessage))
  }

  /** Whether they are of use where PostgreSQL names this salt and these iterations. */
  fit({ salt, iterations }: ScramSalt): boolean {
    return iterations === this.iterations && salt.equals(this.salt)
  }

  equals(other: ScramKeys): boolean {
    return this.fit(other) && areEqual(this.#clientKey, other.#clientKey)
  }
}

function hmac(key: Buffer, data: Buffer | string): Buffer {
  return createHmac('sha256', key).update(data).digest()
}

function sha256(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest()
}

function xor(a: Buffer, b: Buffer): Buffer {
  assert(a.length === b.length, 'xor of different lengths')
  return Buffer.from(a.map((byte, index) => byte ^ (b[index] as number)))
}
