import assert from 'node:assert/strict'
import { AsyncResource } from 'node:async_hooks'
import { it } from 'node:test'
import { Supply, turn } from '../../test/support/supply.ts'
import { currentTask } from './tasks.ts'

/** How many tasks are remembered: the current one, what it is within, and so on. */
function depth(): number {
  let deep = 0
  for (let task = currentTask(); task; task = task.parent) deep++
  return deep
}

it('a loop that hands on what it acquires is within those that hold something still, and remembers no others', async () => {
  const pool = new Supply().pool({ max: 3, deadlockDetectionMillis: 60_000 })
  const deepest = await new AsyncResource('LOOP').runInAsyncScope(async () => {
    for (let job = 0; job < 100; job++) {
      const lease = await pool.acquire()
      void turn().then(() => lease.release())
    }
    return depth()
  })
  // Three that held a lease when the last one asked, and that one.
  assert.ok(deepest <= 4, `${deepest} tasks for three leases`)
})
