import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createPool } from './resource-pool.ts'

/** As users write it who keep open, close, check and reset in a class of their own. */
class Factory {
  readonly checkAfterIdleMillis = 1
  readonly called: string[] = []
  #opened = 0

  open(): number {
    this.called.push('open')
    return ++this.#opened
  }

  close(): void {
    this.called.push('close')
  }

  check(): void {
    this.called.push('check')
  }

  reset(): void {
    this.called.push('reset')
  }
}

it('all functions are called as those of the object that they were given in', async () => {
  const factory = new Factory()
  const pool = createPool(factory)
  await pool.use(() => undefined)
  await sleep(10)
  await pool.use(() => undefined)
  await pool.end()
  assert.deepEqual(factory.called, ['open', 'reset', 'check', 'reset', 'close'])
})
