import { types } from 'node:util'

/** Also one of another realm: a test runner that gives each file a context of its own makes the runtime's own errors such. */
export function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || types.isNativeError(thrown)
}

export function asError(thrown: unknown): Error {
  return isError(thrown) ? thrown : new Error(String(thrown))
}
