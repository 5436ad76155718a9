/**
 * Many may wait for the abort of one signal, a process-wide one perhaps: it gets one listener of ours for all of them, so
 * that the runtime takes them for no leak.
 */

import { TaxirankError } from '../errors.ts'

const callbacksOf = new WeakMap<AbortSignal, Set<() => void>>()

/** Calls back once, unless what it returns was called before. For a signal that isn't aborted yet. */
export function whenAborted(signal: AbortSignal, callback: () => void): () => void {
  const callbacks = callbacksOf.get(signal) ?? listenTo(signal)
  callbacks.add(callback)
  return () => {
    callbacks.delete(callback)
    if (callbacks.size > 0 || callbacksOf.get(signal) !== callbacks) return
    callbacksOf.delete(signal)
    signal.removeEventListener('abort', fire)
  }
}

/** Throws `bad_configuration`: a controller in the place of its signal would never abort anything. */
export function checkSignal(signal: AbortSignal | null | undefined): void {
  if (!signal || (typeof signal.addEventListener === 'function' && typeof signal.aborted === 'boolean')) return
  throw new TaxirankError('bad_configuration', 'signal must be an AbortSignal')
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>()
  callbacksOf.set(signal, callbacks)
  signal.addEventListener('abort', fire, { once: true })
  return callbacks
}

function fire({ target }: Event): void {
  const callbacks = callbacksOf.get(target as AbortSignal) ?? []
  callbacksOf.delete(target as AbortSignal)
  for (const callback of callbacks) callback()
}
