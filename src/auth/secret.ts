/**
 * What is stored for a user, in the auth_file or in pg_authid: a password, PostgreSQL's md5 of one, a SCRAM verifier, or
 * nothing. Secrets are objects whose bytes are private, so that no log, error or inspection of an object shows one.
 */

import { decodeBase64 } from './base64.ts'
import { areEqual } from './constant-time.ts'
import { keyBytes, type ScramKeys, ScramVerifier } from './scram-keys.ts'

/** Bounds of what is stored, and of what PostgreSQL may ask for. */
const longestPasswordBytes = 65_530
export const mostIterations = 600_000
export const longestSaltBytes = 1_024

export type Secret = NoSecret | PlainSecret | Md5Secret | ScramVerifier

/** Matches no password. */
export class NoSecret {
  readonly kind = 'none'
  /** What is wrong with the text that was stored, or why there is none, for people; never a part of it. */
  readonly problem: string

  constructor(problem: string) {
    this.problem = problem
  }
}

export class PlainSecret {
  readonly kind = 'plain'
  readonly #password: Buffer

  constructor(password: Buffer) {
    this.#password = password
  }

  get password(): Buffer {
    return this.#password
  }
}

export class Md5Secret {
  readonly kind = 'md5'
  readonly #hash: Buffer

  /** `md5` and 32 hexadecimal digits. */
  constructor(hash: Buffer) {
    this.#hash = hash
  }

  get hash(): Buffer {
    return this.#hash
  }
}

const scramPrefix = 'SCRAM-SHA-256$'
const md5Form = /^md5[0-9a-f]{32}$/
const scramForm = /^SCRAM-SHA-256\$(\d{1,10}):([^$:]*)\$([^$:]*):([^$:]*)$/

/**
 * Reads what is stored, the text's bytes. As in PostgreSQL and PgBouncer, what begins with `md5` but is not of the form of
 * an md5 secret is a password. Otherwise than there, so is not what begins with `SCRAM-SHA-256$`: nobody's password does,
 * and a damaged verifier would let in whoever has read it. It matches nothing, as does an empty text.
 */
export function parseSecret(stored: Buffer): Secret {
  if (stored.length === 0) return new NoSecret('the password is empty')
  if (stored.length > longestPasswordBytes) {
    return new NoSecret(
      `the password has ${grouped(stored.length)} bytes; allowed: up to ${grouped(longestPasswordBytes)}`,
    )
  }
  if (stored.includes(0)) return new NoSecret('the password has a NUL in it')
  const text = stored.toString('latin1')
  if (text.startsWith(scramPrefix)) return parseVerifier(text)
  return md5Form.test(text) ? new Md5Secret(Buffer.from(stored)) : new PlainSecret(Buffer.from(stored))
}

function parseVerifier(text: string): ScramVerifier | NoSecret {
  const damaged = (what: string): NoSecret => new NoSecret(`the SCRAM secret is damaged: ${what}`)
  const match = scramForm.exec(text)
  if (!match) return damaged('it is not of the form SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey')
  const iterations = Number(match[1])
  if (iterations < 1 || iterations > mostIterations) {
    return damaged(`${grouped(iterations)} iterations; allowed: 1 to ${grouped(mostIterations)}`)
  }
  const [salt, storedKey, serverKey] = match.slice(2).map((part) => decodeBase64(part))
  if (!salt || !storedKey || !serverKey) return damaged('salt and keys must be base64')
  if (salt.length === 0 || salt.length > longestSaltBytes) {
    return damaged(`the salt has ${grouped(salt.length)} bytes; allowed: 1 to ${grouped(longestSaltBytes)}`)
  }
  if (storedKey.length !== keyBytes || serverKey.length !== keyBytes) return damaged('a key must have 32 bytes')
  return new ScramVerifier({ salt, iterations }, storedKey, serverKey)
}

function grouped(count: number): string {
  return count.toLocaleString('en-US')
}

/** What logs in to PostgreSQL as a user. */
export type Credentials = NoSecret | PlainSecret | Md5Secret | ScramKeys

/**
 * What a server of the user can be logged in with: what is stored if that will do, else the keys that a client of that very
 * user has proved. Never hand in the keys of another user.
 */
export function credentialsOf(secret: Secret, keys: ScramKeys | undefined): Credentials {
  if (secret.kind !== 'scram') return secret
  return keys ?? new NoSecret('only a SCRAM secret is stored, and no client has logged in with its password yet')
}

/** Whether these log in wherever those do, or let in whoever those do. */
export function areSameCredentials(these: Secret | Credentials, those: Secret | Credentials): boolean {
  switch (these.kind) {
    case 'none':
      return those.kind === 'none'
    case 'plain':
      return those.kind === 'plain' && areEqual(these.password, those.password)
    case 'md5':
      return those.kind === 'md5' && areEqual(these.hash, those.hash)
    case 'scram':
      return those.kind === 'scram' && these.equals(those)
    case 'scram-keys':
      return those.kind === 'scram-keys' && these.equals(those)
  }
}
