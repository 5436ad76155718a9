/**
 * Who holds which cancel key, in buckets of chained keys. A Map would do the same, but one that grows and shrinks with every
 * connection is made anew every few dozen of them, and each old one, if a generation of the garbage collector has
 * outlived it, keeps the next one and all its clients alive: with a connection per query that was most of the collector's work.
 */

import { randomBytes, timingSafeEqual } from 'node:crypto'

/** Whoever has a key: a client of a pool, or of the console. */
export interface CancelTarget {
  readonly id: number
  /** A cancel for it is on nobody's way to PostgreSQL yet. Absent: no. */
  readonly isCancelHeldBack?: boolean
  /** Cancels what it waits for. `done` is called when nothing of that is under way any more. */
  cancel(done: () => void): void
}

/** What a client is given at login and repeats to cancel: 63 random bits, or 287 where the protocol allows. */
export interface CancelKey {
  /** Positive: some drivers take it for a signed number. Unique among live clients. */
  readonly processId: number
  readonly secret: Buffer
  readonly secretBytes: number
  readonly target: CancelTarget
  /** For `CancelKeys`: the next in the same bucket. */
  next: CancelKey | undefined
}

/** Every client keeps one: a buffer of its own for the secret would be a twentieth of what an idle client costs. */
class IssuedKey implements CancelKey {
  readonly processId: number
  readonly secretBytes: number
  readonly target: CancelTarget
  next: CancelKey | undefined = undefined
  readonly #random: Buffer
  readonly #at: number

  constructor(processId: number, target: CancelTarget, random: Buffer, at: number, secretBytes: number) {
    this.processId = processId
    this.target = target
    this.#random = random
    this.#at = at
    this.secretBytes = secretBytes
  }

  get secret(): Buffer {
    return this.#random.subarray(this.#at, this.#at + this.secretBytes)
  }
}

const processIdBytes = 4
const randomAtOnce = 4_096
/** A power of two; with more clients a bucket has more than one key. */
const bucketCount = 4_096

export class CancelKeys {
  readonly #buckets = Array.from({ length: bucketCount }, (): CancelKey | undefined => undefined)
  #random: Buffer = Buffer.alloc(0)
  #usedRandom = 0

  /** `secretBytes`: 4 in protocol 3.0. */
  issue(target: CancelTarget, secretBytes: number): CancelKey {
    for (;;) {
      const at = this.#nextRandom(processIdBytes + secretBytes)
      const processId = this.#random.readUInt32BE(at) & 0x7fff_ffff
      if (processId === 0 || this.#keyOf(processId)) continue
      const bucket = bucketOf(processId)
      const key = new IssuedKey(processId, target, this.#random, at + processIdBytes, secretBytes)
      key.next = this.#buckets[bucket]
      this.#buckets[bucket] = key
      return key
    }
  }

  /** Where so many bytes begin that nobody has had. Asking for many at once costs as much as asking for few. */
  #nextRandom(bytes: number): number {
    if (this.#usedRandom + bytes > this.#random.length) {
      this.#random = randomBytes(randomAtOnce)
      this.#usedRandom = 0
    }
    this.#usedRandom += bytes
    return this.#usedRandom - bytes
  }

  revoke(key: CancelKey): void {
    const bucket = bucketOf(key.processId)
    const first = this.#buckets[bucket]
    let before = first === key ? undefined : first
    while (before && before.next !== key) before = before.next
    if (before) before.next = key.next
    else if (first === key) this.#buckets[bucket] = key.next
    key.next = undefined
  }

  /** Whose key this is, compared in constant time; undefined for a key that nobody holds. */
  find(processId: number, secret: Buffer): CancelTarget | undefined {
    const key = this.#keyOf(processId)
    if (!key || secret.length !== key.secretBytes) return undefined
    return timingSafeEqual(secret, key.secret) ? key.target : undefined
  }

  #keyOf(processId: number): CancelKey | undefined {
    let key = this.#buckets[bucketOf(processId)]
    while (key && key.processId !== processId) key = key.next
    return key
  }
}

function bucketOf(processId: number): number {
  return processId & (bucketCount - 1)
}
