/**
 * The end of a loop turn. The runtime reports every socket that became readable, one callback each; what those callbacks
 * queue is flushed once, after the last of them (`setImmediate` runs after all callbacks of a turn). So a socket costs
 * one write a turn however many messages were queued for it.
 */

/** Something with work left for the end of the turn. */
export interface Flushable {
  /** Must not throw. May queue more work, which is done before the turn ends. */
  flush(): void
}

let dirty: Flushable[] = []
let spare: Flushable[] = []
let isScheduled = false
const afterwards: (() => void)[] = []

/** `work.flush` is called once at the end of this turn. The caller sees to it that it asks once. */
export function flushAtTurnEnd(work: Flushable): void {
  dirty.push(work)
  if (isScheduled) return
  isScheduled = true
  setImmediate(endTurn)
}

/** `callback` runs at the end of every turn in which something was flushed, after the flushing. */
export function afterEveryTurn(callback: () => void): void {
  afterwards.push(callback)
}

function endTurn(): void {
  isScheduled = false
  while (dirty.length > 0) {
    const batch = dirty
    dirty = spare
    for (const work of batch) work.flush()
    batch.length = 0
    spare = batch
  }
  for (const callback of afterwards) callback()
}
