/** Random numbers from a seed, the same on every machine: xoshiro128**, its state filled by splitmix32. */

const twoTo32 = 0x1_0000_0000

export class Random {
  readonly #seed: number
  readonly #state: Uint32Array

  /** `seed`: any integer up to 2^53. */
  constructor(seed: number) {
    this.#seed = mix((seed >>> 0) ^ mix(Math.floor(seed / twoTo32) >>> 0))
    this.#state = Uint32Array.of(...[1, 2, 3, 4].map((n) => mix(this.#seed + Math.imul(n, 0x9e3779b9))))
  }

  /** Uniform over all 32-bit unsigned integers. */
  uint32(): number {
    const s = this.#state as unknown as [number, number, number, number]
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0
    const shifted = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= shifted
    s[3] = rotate(s[3], 11)
    return result
  }

  /** Uniform from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor((this.uint32() / twoTo32) * (most - least + 1))
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    return this.uint32() / twoTo32
  }

  chance(probability: number): boolean {
    return this.uint32() < probability * twoTo32
  }

  /** One of `items`, which must not be empty. */
  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)] as T
  }

  /** A generator of its own: depends on this one's seed and on `stream`, not on what has been drawn so far. */
  fork(stream: number): Random {
    return new Random(mix(this.#seed ^ mix(stream + 1)))
  }
}

/** One step of splitmix32. */
function mix(value: number): number {
  let mixed = (value + 0x9e3779b9) >>> 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
  return (mixed ^ (mixed >>> 15)) >>> 0
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}
