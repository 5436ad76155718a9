/**
 * The time inside an application: monotonic, in milliseconds. Reading a clock costs up to 0.1 µs, more than lending does,
 * so in a burst (eight readings within 20 µs) one reading serves the next 64, or what is left of the turn of the event
 * loop. That is for figures; what a time-out depends on reads the clock.
 */

const readingsTogether = 8
const burstMs = 0.02
const servedByOne = 64

let readAtMs = performance.now()
/** How many more are served by the last reading. */
let left = 0
let readings = 0
let countedFromMs = readAtMs
let isTurnEnding = false

/** Hot path: for figures, and for whatever no time-out depends on. */
export function now(): number {
  if (left > 0) {
    left--
    return readAtMs
  }
  readAtMs = performance.now()
  if (++readings === readingsTogether) noteBurst()
  return readAtMs
}

/** The time as it is: a time-out begins with this, however long the turn has lasted. */
export function exactNow(): number {
  left = readings = 0
  readAtMs = countedFromMs = performance.now()
  return readAtMs
}

function noteBurst(): void {
  readings = 0
  if (readAtMs - countedFromMs < burstMs) {
    left = servedByOne
    // The next reading after that decides again.
    readings = readingsTogether - 1
    if (!isTurnEnding) {
      isTurnEnding = true
      setImmediate(endTurn)
    }
  }
  countedFromMs = readAtMs
}

function endTurn(): void {
  isTurnEnding = false
  left = readings = 0
}
