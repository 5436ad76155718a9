export interface Emitter {
  emit(event: string, ...args: unknown[]): boolean
  listenerCount(event: string): number
}

/** Hot path. What listeners throw goes to the process, as from a socket's own callback, and not into the pool's work. */
export function emitSafely(emitter: Emitter, event: string, first: unknown, second?: unknown): void {
  if (emitter.listenerCount(event) > 0) emitToListeners(emitter, event, first, second)
}

function emitToListeners(emitter: Emitter, event: string, first: unknown, second: unknown): void {
  try {
    // As pg's pool does it: no argument that is not there.
    if (second === undefined) emitter.emit(event, first)
    else emitter.emit(event, first, second)
  } catch (error) {
    throwLater(error)
  }
}

export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
