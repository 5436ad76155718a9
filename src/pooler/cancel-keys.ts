import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { PooledClient } from './pooled-client.ts'

/** What a client is given at login and repeats to cancel: 63 random bits. */
export interface CancelKey {
  /** Positive: some drivers take it for a signed number. Unique among live clients. */
  readonly processId: number
  readonly secret: Buffer
}

const keyBytes = 8
const randomAtOnce = 4096

/** Who holds which cancel key. */
export class CancelKeys {
  readonly #holders = new Map<number, { readonly secret: Buffer; readonly client: PooledClient }>()

  #random: Buffer = Buffer.alloc(0)
  #usedRandom = 0

  issue(client: PooledClient): CancelKey {
    for (;;) {
      const random = this.#nextRandom()
      const processId = random.readUInt32BE(0) & 0x7fff_ffff
      if (processId === 0 || this.#holders.has(processId)) continue
      const secret = random.subarray(4)
      this.#holders.set(processId, { secret, client })
      return { processId, secret }
    }
  }

  /** Eight bytes that nobody has had. Asking for many at once costs as much as asking for few. */
  #nextRandom(): Buffer {
    if (this.#usedRandom === this.#random.length) {
      this.#random = randomBytes(randomAtOnce)
      this.#usedRandom = 0
    }
    this.#usedRandom += keyBytes
    return this.#random.subarray(this.#usedRandom - keyBytes, this.#usedRandom)
  }

  revoke(key: CancelKey): void {
    this.#holders.delete(key.processId)
  }

  /** The client whose key this is, compared in constant time; undefined for a key that nobody holds. */
  find(processId: number, secret: Buffer): PooledClient | undefined {
    const holder = this.#holders.get(processId)
    if (!holder || secret.length !== holder.secret.length) return undefined
    return timingSafeEqual(secret, holder.secret) ? holder.client : undefined
  }
}
