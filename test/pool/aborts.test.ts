/** Signals and deadlines: they end waits, and what runs at PostgreSQL. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Pool } from '../../src/pg/taxirank.ts'
import { Stage } from './support/stage.ts'
import { eventually } from './support/waiting.ts'

let stage: Stage

before(async () => {
  stage = await Stage.start()
})
afterEach(() => stage.clear())
after(() => stage.remove())

const poolOf = (options: object): Pool => stage.taxirank(options)
const enough = new Error('enough')
/** Enough after so long. */
function soon(ms: number): AbortSignal {
  const controller = new AbortController()
  setTimeout(() => controller.abort(enough), ms)
  return controller.signal
}
const isSleeping = async (): Promise<boolean> =>
  (
    await stage.ask(
      "select count(*)::int from pg_stat_activity where query like '%pg_sleep(%' and state = 'active' and pid <> pg_backend_pid()",
    )
  )[0] !== 0

describe('a signal', () => {
  it('that is aborted already has nothing asked for', async () => {
    const pool = poolOf({ max: 1 })
    const signal = AbortSignal.abort(enough)
    await assert.rejects(pool.connect({ signal }), enough)
    await assert.rejects(pool.query({ text: 'select 1', signal }), enough)
    assert.equal(pool.totalCount, 0)
  })

  it('keeps the stack of its reason, which is the caller’s', async () => {
    const pool = poolOf({ max: 1 })
    const { stack } = enough
    const holder = await pool.connect()
    await assert.rejects(pool.connect({ signal: soon(1) }), enough)
    await assert.rejects(pool.query({ text: 'select 1', signal: soon(1) }), enough)
    holder.release()
    await assert.rejects(pool.query({ text: 'select pg_sleep(60)', signal: soon(20) }), enough)
    assert.equal(enough.stack, stack)
  })

  it('ends a wait, and keeps nobody else from being served', async () => {
    const pool = poolOf({ max: 1 })
    const holder = await pool.connect()
    const aborted = pool.connect({ signal: soon(10) })
    const served = pool.query('select 2 as two')
    await assert.rejects(aborted, enough)
    holder.release()
    assert.deepEqual((await served).rows, [{ two: 2 }])
    assert.equal(pool.waitingCount, 0)
  })

  it('ends a query: at once for who asked, and at PostgreSQL; the client is lent on when that is over', async () => {
    const pool = poolOf({ max: 1 })
    const pid = (await pool.query('select pg_backend_pid() as pid')).rows
    await assert.rejects(pool.query({ text: 'select pg_sleep(60)', signal: soon(50) }), enough)
    await eventually('nothing sleeps', async () => !(await isSleeping()))
    assert.deepEqual((await pool.query('select pg_backend_pid() as pid')).rows, pid)
  })

  it('of a connect ends what its holder runs, and nothing once the client was given back', async () => {
    const pool = poolOf({ max: 1 })
    const controller = new AbortController()
    const client = await pool.connect({ signal: controller.signal })
    setTimeout(() => controller.abort(), 50)
    await assert.rejects(client.query('select pg_sleep(60)'), { code: '57014' })
    client.release()

    const later = new AbortController()
    const next = await pool.connect({ signal: later.signal })
    next.release()
    const sleeping = pool.query('select pg_sleep(0.1)')
    later.abort()
    await sleeping
  })

  it('leaves no listener behind', async () => {
    const pool = poolOf({ max: 1 })
    const controller = new AbortController()
    let listeners = 0
    const add = controller.signal.addEventListener.bind(controller.signal)
    const remove = controller.signal.removeEventListener.bind(controller.signal)
    Object.assign(controller.signal, {
      addEventListener: (...args: Parameters<typeof add>) => {
        listeners++
        add(...args)
      },
      removeEventListener: (...args: Parameters<typeof remove>) => {
        listeners--
        remove(...args)
      },
    })
    const { signal } = controller
    await Promise.all(Array.from({ length: 5 }, () => pool.query({ text: 'select 1', signal })))
    const client = await pool.connect({ signal })
    client.release()
    assert.equal(listeners, 0)
  })
})

describe('a deadline', () => {
  it('covers the wait and the query', async () => {
    const pool = poolOf({ max: 1 })
    await assert.rejects(pool.query({ text: 'select pg_sleep(60)', deadlineMillis: 50 }), { name: 'TimeoutError' })
    const client = await pool.connect()
    await assert.rejects(pool.query({ text: 'select 1', deadlineMillis: 50 }), { name: 'TimeoutError' })
    client.release()
    await pool.query('select 1')
  })

  it('of a transaction rolls it back', async () => {
    const pool = poolOf({ max: 1 })
    await pool.query('create table kept (id int)')
    const work = pool.transaction(
      async (client) => {
        await client.query('insert into kept values (1)')
        await client.query('select pg_sleep(60)')
      },
      { deadlineMillis: 100 },
    )
    await assert.rejects(work, { code: '57014' })
    assert.deepEqual((await pool.query('select count(*)::int as count from kept')).rows, [{ count: 0 }])
  })
})

describe('timeoutMillis', () => {
  it('is this caller’s patience, in pg’s words and with the figures', async () => {
    const pool = poolOf({ max: 1, leakDetectionMillis: 60_000 })
    const client = await pool.connect()
    const error = await pool.connect({ timeoutMillis: 20 }).then(
      () => assert.fail('it was served'),
      (reason: unknown) => reason as Error & { shortage: { reason: string; holders: { site: string }[] } },
    )
    client.release()
    assert.equal(error.message, 'timeout exceeded when trying to connect')
    assert.match((error.cause as Error).message, /^no client became free within 20 ms: 1 of 1 leased/)
    assert.equal(error.shortage.reason, 'exhausted')
    assert.match(error.shortage.holders[0]?.site ?? '', /aborts\.test\.[a-z]+:\d+$/)
  })
})
