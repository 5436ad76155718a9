/** Sees every byte of one connection, for the trace. Counts and reasons are those of docs/trace.md. */
export interface Traffic {
  /** Bytes came from the socket. */
  read(bytes: Uint8Array): void
  /** Bytes were handed to the socket; `source` is the id of the connection they were read from, 0 for our own. */
  wrote(bytes: Uint8Array, source: number): void
  /** The next `count` bytes read stand as `bytes` from here on. */
  replaced(count: number, bytes: Uint8Array): void
  /** The next `count` bytes read have been used up and go nowhere. */
  usedUp(count: number, reason: number): void
  /** The next `count` bytes read stand as `bytes` from here on. Call right before `wrote` hands these on. */
  replaced(count: number, bytes: Uint8Array): void
}
