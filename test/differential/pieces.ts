/** In how many writes a step is sent, and where it is cut for that. */

import { edgesAndSome, everyByte, headerLength, messagesIn } from '../cuts/cut.ts'
import { Random } from '../../src/random.ts'
import { cutAt } from '../support/splits.ts'
import type { Step } from '../support/step.ts'

/** `cut`: in two, at the place of that number; a step with fewer places begins with its first again. */
export type Cutting =
  | { readonly kind: 'whole' }
  | { readonly kind: 'bytewise' }
  | { readonly kind: 'cut'; readonly place: number }

/** Longer steps are not cut at every byte. */
export const mostBytes = 700
export const edgeBytes = 150
export const insideBytes = 40
/** Of a long step, how many messages from its beginning and from its end have their headers cut everywhere. */
export const edgeMessages = 30

export function piecesOf(bytes: Buffer, cutting: Cutting): Buffer[] {
  if (cutting.kind === 'whole' || bytes.length < 2) return [bytes]
  const places = placesIn(bytes)
  if (cutting.kind === 'bytewise') return cutAt(bytes, places)
  return cutAt(bytes, [places[cutting.place % places.length] as number])
}

/** How many cuts it takes until every step was cut at each of its places. */
export function countPlaces(steps: readonly Step[]): number {
  return Math.max(0, ...steps.map(([bytes]) => (bytes.length < 2 ? 0 : placesIn(bytes).length)))
}

const known = new WeakMap<Buffer, readonly number[]>()

/** Where a step may be cut: at every byte of a short one; of a long one see above. */
function placesIn(bytes: Buffer): readonly number[] {
  const places = known.get(bytes) ?? (bytes.length <= mostBytes ? inside(everyByte(bytes.length), bytes) : some(bytes))
  known.set(bytes, places)
  return places
}

/** At the first and last bytes, around the headers of the first and last messages, and at some others. */
function some(bytes: Buffer): number[] {
  const edges = edgesAndSome(bytes.length, edgeBytes, insideBytes, new Random(bytes.length))
  let end = 0
  const ends = messagesIn(bytes).map((length) => (end += length))
  const chosen = ends.length <= 2 * edgeMessages ? ends : [...ends.slice(0, edgeMessages), ...ends.slice(-edgeMessages)]
  const headers = chosen.flatMap((at) => Array.from({ length: headerLength + 3 }, (_, n) => at - 1 + n))
  return inside([...new Set([...edges, ...headers])], bytes).toSorted((a, b) => a - b)
}

function inside(places: readonly number[], { length }: Buffer): number[] {
  return places.filter((at) => at > 0 && at < length)
}
