/**
 * Who reads much takes turns. The runtime reads every socket that has something once per loop turn, up to half a megabyte
 * each: two hundred large results at once would make everybody else wait for a hundred megabytes to be copied, turn
 * after turn. So of those who read in bulk only a few do so in the same turn; the others rest until it is theirs. Who
 * reads little is never touched, nor is anybody while few read much.
 */

/** What a socket reads at once from here on is in bulk. */
export const bulkBytes = 65_536

/** Copying two of the largest reads takes a few milliseconds. */
const readsPerTurn = 2

/** A socket that can be told not to read for a while. */
export interface Reader {
  rest(): void
  /** Ends the rest. May do nothing: a reader may have ended meanwhile. */
  readOn(): void
}

/** Those whose last read was in bulk, and who may read. */
const reading = new Set<Reader>()
/** Those who rest, the longest first. */
const resting = new Set<Reader>()
let readsInTurn = 0
let isScheduled = false

/** The reader has read in bulk. From the callback in which it did. */
export function readMuch(reader: Reader): void {
  reading.delete(reader)
  reading.add(reader)
  if (++readsInTurn >= readsPerTurn) restAll()
  schedule()
}

/** Somebody else had paused the reader, which reads in bulk. False: it rests until it is its turn. */
export function readAgain(reader: Reader): boolean {
  const mayRead = reading.size < readsPerTurn
  if (mayRead) reading.add(reader)
  else {
    resting.add(reader)
    schedule()
  }
  return mayRead
}

/** The reader has read little, is paused by somebody else, or has ended: it counts no more. */
export function readLittle(reader: Reader): void {
  reading.delete(reader)
  resting.delete(reader)
}

/** Who has read in this turn comes last. A reader that rests is not read any more, not in this turn either. */
function restAll(): void {
  for (const reader of reading) {
    resting.add(reader)
    reader.rest()
  }
  reading.clear()
}

function schedule(): void {
  if (isScheduled) return
  isScheduled = true
  setImmediate(endTurn)
}

/** The loop comes back at once while somebody rests, and reads in between. */
function endTurn(): void {
  isScheduled = false
  readsInTurn = 0
  let count = 0
  for (const reader of resting) {
    if (count++ === readsPerTurn) break
    resting.delete(reader)
    reading.add(reader)
    reader.readOn()
  }
  if (resting.size > 0) schedule()
}
