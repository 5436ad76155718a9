/** The rhythm of a watch. */

import { setTimeout as sleep } from 'node:timers/promises'

export interface Rhythm {
  readonly watchMs: number
  readonly everyMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Calls `look` at the beginning, every `everyMs` and at the end of the watch, once if that is no time at all; never two at a
 * time: who takes longer than the rhythm is called less often. It stops early when `look` gives false. Rejects as `look` does,
 * and with the signal's reason. Resolves with how many times it has looked.
 */
export async function watch({ watchMs, everyMs, signal }: Rhythm, look: () => Promise<boolean>): Promise<number> {
  const beganAtMs = performance.now()
  const passedMs = (): number => performance.now() - beganAtMs
  let looks = 1
  for (let dueMs = 0; (await look()) && dueMs < watchMs; looks++) {
    dueMs = Math.min(watchMs, Math.max(dueMs + everyMs, passedMs()))
    await pause(dueMs - passedMs(), signal)
  }
  return looks
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(Math.max(0, ms), undefined, { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
