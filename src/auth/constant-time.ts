import { createHash, timingSafeEqual } from 'node:crypto'

/** Compares secrets. How long it takes says nothing about where they differ, nor, but for hashing it, how long one is. */
export function areEqual(a: Buffer, b: Buffer): boolean {
  return timingSafeEqual(sha256(a), sha256(b))
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}
