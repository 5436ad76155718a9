/** The client's role in SCRAM-SHA-256: we log in, and insist that the server knows our verifier. */

import { TaxirankError } from '../errors.ts'
import type { ScramKeys } from './scram-keys.ts'
import * as scram from './scram-messages.ts'

/** No channel binding, and none was on offer. */
const gs2Header = 'n,,'

export class ScramClientRole {
  /** What opens the exchange. */
  readonly clientFirst: Buffer
  readonly #nonce: string
  readonly #bare: string

  /** `nonce`: made by `makeNonce`. */
  constructor(nonce: string) {
    this.#nonce = nonce
    this.#bare = scram.clientFirstBare(nonce)
    this.clientFirst = Buffer.from(gs2Header + this.#bare, 'latin1')
  }

  /** Reads the server's first message. Throws `protocol_violation`, before any work, if it asks for too much. */
  readServerFirst(bytes: Buffer): ScramChallenge {
    const text = bytes.toString('latin1')
    return new ScramChallenge(this.#bare, text, scram.readServerFirst(text, this.#nonce))
  }
}

/** After the server's first message. */
export class ScramChallenge {
  readonly #serverFirst: scram.ServerFirst
  readonly #withoutProof: string
  readonly #authMessage: Buffer

  constructor(bare: string, serverFirstText: string, serverFirst: scram.ServerFirst) {
    this.#serverFirst = serverFirst
    this.#withoutProof = scram.clientFinalWithoutProof(gs2Header, serverFirst.nonce)
    this.#authMessage = scram.authMessage(bare, serverFirstText, this.#withoutProof)
  }

  get salt(): Buffer {
    return this.#serverFirst.salt
  }

  get iterations(): number {
    return this.#serverFirst.iterations
  }

  /** What answers it. The keys must fit salt and iterations. */
  clientFinal(keys: ScramKeys): Buffer {
    return Buffer.from(scram.clientFinal(this.#withoutProof, keys.proof(this.#authMessage)), 'latin1')
  }

  /** Reads the server's last message. Throws unless it proves that the server knows our verifier. */
  verify(keys: ScramKeys, serverFinal: Buffer): void {
    const final = scram.readServerFinal(serverFinal.toString('latin1'))
    if (final.name === 'error') {
      throw new TaxirankError('authentication_failed', `SCRAM error: ${final.text}`, { sqlState: '28P01' })
    }
    if (!keys.isServerSignature(final.signature, this.#authMessage)) {
      throw new TaxirankError(
        'protocol_violation',
        'the server does not know the password: its SCRAM signature is wrong',
      )
    }
  }
}
