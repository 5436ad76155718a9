/** Ways in which a byte stream may arrive, for tests that must not depend on it. */

import { Random } from '../../src/random.ts'

/** At most this many streams are cut in two places everywhere; longer ones in as many places drawn at random. */
const mostPairs = 5_000
const randomSplits = 50

/** The stream whole, byte by byte, cut once and twice in every place, and cut at random. A chunk is never empty. */
export function* everySplit(bytes: Buffer): Generator<Buffer[]> {
  yield [bytes]
  yield cutAt(
    bytes,
    Array.from({ length: bytes.length }, (_, at) => at),
  )
  for (let at = 1; at < bytes.length; at++) yield cutAt(bytes, [at])
  yield* twoCuts(bytes)
  const random = new Random(bytes.length)
  for (let made = 0; made < randomSplits; made++) yield cutAt(bytes, cutsAtRandom(bytes, random))
}

function* twoCuts(bytes: Buffer): Generator<Buffer[]> {
  const places = bytes.length - 1
  if ((places * places) / 2 <= mostPairs) {
    for (let first = 1; first < places; first++) {
      for (let second = first + 1; second <= places; second++) yield cutAt(bytes, [first, second])
    }
    return
  }
  const random = new Random(places)
  for (let made = 0; made < mostPairs; made++) {
    const pair = [random.integer(1, places), random.integer(1, places)]
    yield cutAt(
      bytes,
      pair.sort((a, b) => a - b),
    )
  }
}

function cutsAtRandom(bytes: Buffer, random: Random): number[] {
  const oneIn = random.integer(2, 40)
  return Array.from({ length: bytes.length }, (_, at) => at).filter(() => random.chance(1 / oneIn))
}

/** The bytes in pieces, none of them empty, that begin at these places. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const bounds = [0, ...places, bytes.length]
  const chunks = bounds.slice(1).map((end, index) => Buffer.from(bytes.subarray(bounds[index], end)))
  return chunks.filter((chunk) => chunk.length > 0)
}
