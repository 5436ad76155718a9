import { createHmac, randomBytes } from 'node:crypto'
import { keyBytes, ScramVerifier, type ScramSalt } from './scram-keys.ts'

/** As long as PostgreSQL's. */
const saltBytes = 16

/**
 * What is not stored and must be shown nevertheless: the SCRAM salt of who has a plain password, or does not exist. The same
 * for a name as long as the process lives, because a salt that changes tells that it was made up.
 */
export class MadeUpSecrets {
  readonly #key: Buffer
  readonly #iterations: number

  /** `iterations`: `scram_iterations`. `key`: random; whoever knows it can tell which salts are made up. */
  constructor(iterations: number, key: Buffer = randomBytes(32)) {
    this.#key = key
    this.#iterations = iterations
  }

  /** `user` is a byte string. */
  saltOf(user: string): ScramSalt {
    return { salt: this.#bytes('salt', user).subarray(0, saltBytes), iterations: this.#iterations }
  }

  /** Nobody has the password to it. */
  verifierOf(user: string): ScramVerifier {
    const [storedKey, serverKey] = [this.#bytes('StoredKey', user), this.#bytes('ServerKey', user)]
    return new ScramVerifier(this.saltOf(user), storedKey, serverKey)
  }

  /** 32 bytes that are as good as random, to compare an answer with. */
  bytesOf(user: string): Buffer {
    return this.#bytes('nobody', user)
  }

  #bytes(purpose: string, user: string): Buffer {
    const bytes = createHmac('sha256', this.#key).update(`${purpose}\0${user}`, 'latin1').digest()
    return bytes.subarray(0, keyBytes)
  }
}
