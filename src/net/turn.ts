/**
 * When queued bytes leave. What a callback of the runtime queues, for however many sockets, is flushed when the callback
 * returns: one write per socket, with no detour through the event loop (a `setImmediate` per turn was measured to cost
 * a quarter of the pooler's own time). The runtime reads a socket once per loop turn, and nobody is answered before they
 * have been read, so that is one write per socket and turn. What is queued outside of such a callback, by a timer or a
 * promise, leaves at the end of the turn. The time is read once per callback, too, and only if somebody asks.
 */

/** Something with bytes to send. */
export interface Flushable {
  /** Must not throw. May queue more, which is flushed as well. */
  flush(): void
}

/** The first `dirtyCount` wait for their flush. The array never shrinks: shrinking it costs more than the slots. */
const dirty: Flushable[] = []
let dirtyCount = 0
/** Callbacks nest: closing a socket reports its end from within. */
let callbackDepth = 0
let isScheduled = false
/** When the callback that runs now first asked; 0: it has not asked yet. */
let callbackTimeMs = 0

/** Milliseconds of a monotonic clock; all that one callback does happens at one instant. */
export function now(): number {
  if (callbackDepth === 0) return performance.now()
  if (callbackTimeMs === 0) callbackTimeMs = performance.now()
  return callbackTimeMs
}

/** `work.flush` is called soon, once. The caller sees to it that it asks once. */
export function flushSoon(work: Flushable): void {
  dirty[dirtyCount++] = work
  if (callbackDepth > 0 || isScheduled) return
  isScheduled = true
  setImmediate(endTurn)
}

/** Opens a callback of the runtime. `callbackEnded` must follow. */
export function callbackBegan(): void {
  callbackDepth++
}

/** Hot path. The outermost callback flushes what it, or one within it, has queued; also what the flushing queues. */
export function callbackEnded(): void {
  try {
    if (callbackDepth === 1) for (let index = 0; index < dirtyCount; index++) (dirty[index] as Flushable).flush()
  } finally {
    if (--callbackDepth === 0) {
      dirtyCount = 0
      callbackTimeMs = 0
    }
  }
}

function endTurn(): void {
  isScheduled = false
  callbackBegan()
  callbackEnded()
}
