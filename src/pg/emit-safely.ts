export interface Emitter {
  emit(event: string, ...args: unknown[]): boolean
  listenerCount(event: string): number
}

/** What listeners throw goes to the process, as from a socket's own callback, and not into the pool's work. */
export function emitSafely(emitter: Emitter, event: string, ...args: unknown[]): void {
  if (emitter.listenerCount(event) === 0) return
  try {
    emitter.emit(event, ...args)
  } catch (error) {
    throwLater(error)
  }
}

export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
