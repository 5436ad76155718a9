/** What a rejection brings: the caller's frames, the caller's own reason, and nothing that nobody handles. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createPool, type Pool } from '../../src/pg/taxirank.ts'
import { runChild } from './support/run-child.ts'
import { Stage } from './support/stage.ts'

let stage: Stage

before(async () => {
  stage = await Stage.start()
})
afterEach(() => stage.clear())
after(() => stage.remove())

const poolOf = (options: object): Pool => stage.taxirank(options)
/** Bun keeps no frames of those who await. */
const isAwaiterSeen = !('Bun' in globalThis)

async function whoeverAsks(call: () => Promise<unknown>): Promise<Error> {
  try {
    await call()
  } catch (error) {
    return error as Error
  }
  throw new Error('it was not rejected')
}

const hasCaller = ({ stack = '' }: Error): boolean => stack.includes('whoeverAsks')

function abortWith(reason: unknown, ms: number): AbortSignal {
  const controller = new AbortController()
  setTimeout(() => controller.abort(reason), ms)
  return controller.signal
}

describe('the stack of a rejection', () => {
  it('has whoever waited for a client, and waited too long', async () => {
    const pool = poolOf({ max: 1 })
    const holder = await pool.connect()
    const errors = await Promise.all([
      whoeverAsks(() => pool.connect({ timeoutMillis: 1 })),
      whoeverAsks(() => pool.connect({ deadlineMillis: 1 })),
      whoeverAsks(() => pool.query({ text: 'select 1', timeoutMillis: 1 })),
      whoeverAsks(() => pool.query({ text: 'select 1', deadlineMillis: 1 })),
    ])
    holder.release()
    assert.deepEqual(
      errors.map(hasCaller),
      errors.map(() => isAwaiterSeen),
    )
  })

  it('has whoever waited for a client that could not be set up', async () => {
    const pool = poolOf({ max: 1, sessionSetup: 'select 1/0', pipeline: true })
    const calls = () => [whoeverAsks(() => pool.connect()), whoeverAsks(() => pool.query('select 1'))]
    const errors = await Promise.all([...calls(), ...calls()])
    assert.deepEqual(
      errors.map((error) => [hasCaller(error), error.message]),
      errors.map(() => [isAwaiterSeen, 'division by zero']),
    )
  })

  it('is no other caller’s, where createPool tells several the same', async () => {
    const pool = createPool({ open: () => ({}), max: 1 })
    const lease = await pool.acquire()
    const waits = [0, 1].map(() => whoeverAsks(() => pool.acquire()))
    const drained = pool.drain()
    const [first, second] = await Promise.all(waits)
    lease.release()
    await drained
    assert.equal(first, second)
    assert.equal(hasCaller(first as Error), false)
    assert.match(first?.stack ?? '', /drain/)
  })

  it('is that of the call, where createPool refuses at once', async () => {
    const pool = createPool({ open: () => ({}), max: 1 })
    assert.ok(hasCaller(await whoeverAsks(() => pool.acquire({ lane: 'none' }))))
    await pool.end()
  })
})

describe('a reason that is nothing', () => {
  it('rejects as an abort without a reason does', async () => {
    const pool = poolOf({ max: 1 })
    const running = await whoeverAsks(() => pool.query({ text: 'select pg_sleep(60)', signal: abortWith(null, 30) }))
    const holder = await pool.connect()
    const waiting = await Promise.all([
      whoeverAsks(() => pool.query({ text: 'select 1', signal: abortWith(0, 1) })),
      whoeverAsks(() => pool.connect({ signal: abortWith('', 1) })),
      whoeverAsks(() => pool.connect({ signal: AbortSignal.abort(null) })),
    ])
    holder.release()
    assert.deepEqual(
      [running, ...waiting].map(({ name }) => name),
      Array.from({ length: 4 }, () => 'AbortError'),
    )
  })

  it('rejects with just that in createPool, as fetch does', async () => {
    const pool = createPool({ open: () => ({}), max: 1 })
    const lease = await pool.acquire()
    assert.equal(await whoeverAsks(() => pool.acquire({ signal: abortWith(null, 1) })), null)
    lease.release()
    await pool.end()
  })
})

describe('a rejection', () => {
  it('is reported once where nobody handles it, and else never', async () => {
    assert.deepEqual(await runChild('rejected', 'taxirank', stage.port), {
      code: 0,
      said: [
        'nobody handles: timeout exceeded when trying to connect',
        'nobody handles: invalid input syntax for type integer: "not a number"',
        'goes on: 42',
      ].join('\n'),
    })
  })

  it('reaches a promise of another class, though it follows other promises later than the runtime’s own', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', note)
    const pool = poolOf({ max: 1, Promise: LatePromise })
    const { message } = await whoeverAsks(() => pool.query('select 1/0'))
    await sleep(10)
    process.off('unhandledRejection', note)
    assert.deepEqual([message, unhandled], ['division by zero', []])
  })
})

/** Follows what it is resolved with in a later turn of the event loop. */
class LatePromise<T> extends Promise<T> {
  constructor(executor: (resolve: (value: T | PromiseLike<T>) => void, reject: (error: unknown) => void) => void) {
    super((resolve, reject) => {
      executor((value) => {
        if (value instanceof Promise) setImmediate(() => void value.then(resolve as (value: T) => void, reject))
        else resolve(value)
      }, reject)
    })
  }
}
