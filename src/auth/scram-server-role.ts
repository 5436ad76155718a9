/**
 * The server's role in SCRAM-SHA-256: we check a client. Two messages come, two go. Whether the client is who it says is
 * only known after its second; a verifier that was made up for nobody is treated like any other until then.
 */

import { randomBytes } from 'node:crypto'
import { TaxirankError } from '../errors.ts'
import type { ScramKeys, ScramSalt, ScramVerifier } from './scram-keys.ts'
import * as scram from './scram-messages.ts'

export const scramMechanism = 'SCRAM-SHA-256'
const nonceBytes = 18

/** A proof that is well-formed and belongs to this exchange, not checked yet. */
export interface ScramClaim {
  readonly proof: Buffer
  readonly authMessage: Buffer
}

/** 24 printable characters, as many as PostgreSQL takes. */
export function makeNonce(): string {
  return randomBytes(nonceBytes).toString('base64')
}

/** After the client's first message. */
export class ScramServerRole {
  /** Answers it. */
  readonly serverFirst: Buffer
  readonly #clientFirst: scram.ClientFirst
  readonly #nonce: string
  readonly #serverFirst: string

  /** `ownNonce`: made by `makeNonce`. Throws `protocol_violation` or `feature_not_supported`. */
  constructor(clientFirst: Buffer, salt: ScramSalt, ownNonce: string) {
    this.#clientFirst = scram.readClientFirst(clientFirst.toString('latin1'))
    this.#nonce = this.#clientFirst.nonce + ownNonce
    this.#serverFirst = scram.serverFirst(this.#nonce, salt)
    this.serverFirst = Buffer.from(this.#serverFirst, 'latin1')
  }

  /** Reads the client's second message. Throws `protocol_violation`. */
  readClientFinal(clientFinal: Buffer): ScramClaim {
    const { channelBinding, nonce, proof, withoutProof } = scram.readClientFinal(clientFinal.toString('latin1'))
    const header = Buffer.from(this.#clientFirst.gs2Header, 'latin1').toString('base64')
    if (channelBinding !== header) throw mismatch('channel binding')
    if (nonce !== this.#nonce) throw mismatch('nonce')
    return { proof, authMessage: scram.authMessage(this.#clientFirst.bare, this.#serverFirst, withoutProof) }
  }
}

/** Whether the claim holds: then the client's keys, and what answers its second message. */
export function checkClaim(
  verifier: ScramVerifier,
  { proof, authMessage }: ScramClaim,
): { keys: ScramKeys; serverFinal: Buffer } | undefined {
  const keys = verifier.keysProvedBy(proof, authMessage)
  const serverFinal = Buffer.from(scram.serverFinal(verifier.serverSignature(authMessage)), 'latin1')
  return keys && { keys, serverFinal }
}

function mismatch(what: string): TaxirankError {
  return new TaxirankError('protocol_violation', `invalid SCRAM response: the ${what} does not match`)
}
