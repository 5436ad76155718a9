/**
 * For the rejection of a promise that a caller awaits: an error from a socket or a timer gets the caller's frames in its stack,
 * as pg's own promises do.
 */
export function withCallersStack(error: unknown): never {
  if (error instanceof Error && Object.isExtensible(error)) Error.captureStackTrace(error)
  throw error
}
