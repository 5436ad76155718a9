/**
 * What pg's own pool gets wrong, by the numbers of the list of its quirks: for each a promise, and whether a pool keeps it.
 * A scenario ends in time with either pool, and says so where what it waits for does not come.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { Socket } from 'node:net'
import { deadNetwork } from '../../src/relay/faults.ts'
import type { AnyPool, PoolClass } from './support/library.ts'
import { runChild } from './support/run-child.ts'
import { Taxirank } from './support/library.ts'
import type { Stage } from './support/stage.ts'
import { StubClient } from './support/stub-client.ts'
import { eventually, late, within } from './support/waiting.ts'

export interface Quirk {
  /** The process's end, which is not on the list, has none. */
  readonly number?: number
  readonly promise: string
  readonly isKept: (Pool: PoolClass, stage: Stage) => Promise<boolean>
}

/** Longer than anything that comes takes. */
const patienceMs = 1_500

export const quirks: readonly Quirk[] = [
  {
    number: 1,
    promise: 'serves those who wait before whoever comes when a place is free',
    async isKept(Pool, stage) {
      const pool = stage.pool(Pool, { max: 1 })
      const holder = await pool.connect()
      const served: string[] = []
      const ask = async (name: string): Promise<void> => {
        const client = await pool.connect()
        served.push(name)
        client.release()
      }
      const waiting = ask('who waits')
      holder.release(true)
      await within(patienceMs, Promise.all([waiting, ask('newcomer')]))
      return served[0] === 'who waits'
    },
  },
  {
    number: 2,
    promise: 'never has more connections than max, those that are being closed included',
    async isKept(Pool, stage) {
      const server = await stage.fakeServer({ lingerMs: 100 })
      const pool = stage.pool(Pool, { port: server.port, max: 2 })
      for (let round = 0; round < 5; round++) {
        const clients = await Promise.all([pool.connect(), pool.connect()])
        for (const client of clients) client.release(true)
      }
      return server.peak === 2
    },
  },
  {
    number: 2,
    promise: 'serves those who wait though a client that leads nowhere never says that it has ended',
    async isKept(Pool, stage) {
      const way = stage.way()
      const pool = stage.pool(Pool, { port: way.port, max: 1, closeTimeoutMillis: 200 })
      const holder = await pool.connect()
      way.hurt(deadNetwork)
      const waiting = pool.connect()
      holder.release(true)
      const client = await within(patienceMs, waiting)
      if (client === late) return false
      client.release()
      return true
    },
  },
  {
    number: 3,
    promise: 'serves whoever waits with the first client that is free, whichever was opened for them',
    async isKept(Pool, stage) {
      const server = await stage.fakeServer({ answers: (number) => number === 1 })
      const pool = stage.pool(Pool, { port: server.port, max: 2 })
      const holder = await pool.connect()
      const waiting = pool.connect()
      holder.release()
      return (await within(patienceMs, waiting)) === holder
    },
  },
  {
    number: 4,
    promise: 'does not dial once for each of 100 callers when the database is down',
    async isKept(Pool, stage) {
      const server = await stage.fakeServer({ isDown: true })
      const pool = stage.pool(Pool, { port: server.port, max: 10 })
      const callers = Array.from({ length: 100 }, () => pool.connect())
      const told = await within(patienceMs, Promise.allSettled(callers))
      return told !== late && told.every(({ status }) => status === 'rejected') && server.accepted < 20
    },
  },
  {
    number: 4,
    promise: 'pauses between attempts when the database is down and everybody asks again',
    async isKept(Pool, stage) {
      const server = await stage.fakeServer({ isDown: true })
      const pool = stage.pool(Pool, { port: server.port, max: 10 })
      const end = performance.now() + 500
      const caller = async (): Promise<void> => {
        while (performance.now() < end) await pool.connect().catch(() => undefined)
      }
      await within(patienceMs, Promise.all(Array.from({ length: 100 }, caller)))
      return server.accepted <= 20
    },
  },
  {
    number: 5,
    promise: 'tells those who wait that the pool has ended',
    async isKept(Pool, stage) {
      const pool = stage.pool(Pool, { max: 1 })
      const holder = await pool.connect()
      const waiting = pool.connect().catch((error: unknown) => (error as Error).message)
      const ended = pool.end()
      holder.release()
      await ended
      return (await within(500, waiting)) === 'Cannot use a pool after calling end on the pool'
    },
  },
  {
    number: 6,
    promise: 'lends on no client that runs a query of the one who gave it back',
    async isKept(Pool, stage) {
      const pool = stage.pool(Pool, { max: 1 })
      const holder = await pool.connect()
      await holder.query('select 1')
      const running = holder.query('select pg_sleep(0.5)').catch(() => undefined)
      await eventually('it runs', async () => (await stateOf(holder, stage)) === 'active')
      holder.release()
      const isIdle = await isNextIdle(pool, stage)
      await running
      return isIdle
    },
  },
  {
    number: 6,
    promise: 'lends on no client whose backend still works behind a query read timeout',
    async isKept(Pool, stage) {
      const pool = stage.pool(Pool, { max: 1, query_timeout: 100, resetTimeoutMillis: 200 })
      const holder = await pool.connect()
      await holder.query('select pg_sleep(1)').catch(() => undefined)
      holder.release()
      return isNextIdle(pool, stage)
    },
  },
  {
    number: 6,
    promise: 'ends what runs at PostgreSQL when a query of its own has taken too long',
    async isKept(Pool, stage) {
      const pool = stage.pool(Pool, { application_name: 'too long', query_timeout: 100 })
      await pool.query('select pg_sleep(1)').catch(() => undefined)
      const isOver = async (): Promise<boolean> => (await stage.backendsOf('too long')) === 0
      return eventually('its backend is gone', isOver, 500).then(
        () => true,
        () => false,
      )
    },
  },
  {
    number: 7,
    promise: 'lends on no transaction that somebody has left open',
    async isKept(Pool, stage) {
      const pool = stage.pool(Pool, { max: 1 })
      const holder = await pool.connect()
      await holder.query('begin')
      await holder.query('create temp table left_over ()')
      holder.release()
      const { rows } = await pool.query<{ left: string | null }>("select to_regclass('left_over')::text as left")
      return rows[0]?.left === null
    },
  },
  {
    number: 7,
    promise: 'lends on no transaction that has failed',
    async isKept(Pool, stage) {
      const pool = stage.pool(Pool, { max: 1 })
      const holder = await pool.connect()
      await holder.query('begin')
      await holder.query('select 1/0').catch(() => undefined)
      holder.release()
      return pool.query('select 1').then(
        () => true,
        () => false,
      )
    },
  },
  {
    number: 8,
    promise: 'says of a client whose lifetime is over only that it is removed',
    async isKept(Pool, stage) {
      const pool = stage.pool(Pool, { maxLifetimeSeconds: 0.2 })
      await pool.query('select 1')
      const said: string[] = []
      for (const event of ['connect', 'acquire', 'release', 'remove'])
        pool.on(event as 'acquire', () => said.push(event))
      await sleep(500)
      return said.join() === 'remove'
    },
  },
  {
    number: 9,
    promise: 'calls back in the asynchronous context of whoever asked, not of who gave a client back',
    async isKept(Pool, stage) {
      const pool = stage.pool(Pool, { max: 1 })
      const context = new AsyncLocalStorage<string>()
      const holder = await context.run('holder', () => pool.connect())
      const seen = context.run(
        'asking',
        () =>
          new Promise<string | undefined>((resolve) => {
            pool.connect((_error, client) => {
              client?.release()
              resolve(context.getStore())
            })
          }),
      )
      context.run('holder', () => holder.release())
      return (await seen) === 'asking'
    },
  },
  {
    number: 10,
    promise: 'sets no timer for each client that is given back',
    async isKept(Pool, stage) {
      const pool = stage.pool(Pool, { Client: StubClient })
      const count = await countTimers(async () => {
        for (let i = 0; i < 1_000; i++) await pool.query('select 1')
      })
      return count < 10
    },
  },
  {
    number: 11,
    promise: 'has the system look after connections that nobody uses',
    async isKept(Pool, stage) {
      const asked: unknown[] = []
      const stream = (): Socket => {
        const socket = new Socket()
        const own = socket.setKeepAlive.bind(socket) as (...args: unknown[]) => Socket
        socket.setKeepAlive = (...args: unknown[]) => {
          asked.push(args[0])
          return own(...args)
        }
        return socket
      }
      await stage.pool(Pool, { stream }).query('select 1')
      return asked.includes(true)
    },
  },
  {
    promise: 'lets the process live when the connection of a client that is lent dies',
    isKept: (Pool, stage) => goesOn('held', Pool, stage),
  },
  {
    promise: 'lets the process live when the connection of an idle client dies and nobody listens',
    isKept: (Pool, stage) => goesOn('idle', Pool, stage),
  },
]

/** Whether the backend of the client that is lent next does nothing yet, as PostgreSQL says. */
async function isNextIdle(pool: AnyPool, stage: Stage): Promise<boolean> {
  const next = await within(patienceMs, pool.connect())
  if (next === late) return false
  const state = await stateOf(next, stage)
  next.release(true)
  return state === 'idle'
}

async function stateOf(client: object, stage: Stage): Promise<unknown> {
  const { processID } = client as { processID: number }
  const [state] = await stage.ask('select state from pg_stat_activity where pid = $1', processID)
  return state
}

async function countTimers(work: () => Promise<void>): Promise<number> {
  const { setTimeout: own } = globalThis
  let count = 0
  const counting = (...args: Parameters<typeof own>): NodeJS.Timeout => {
    count++
    return own(...args)
  }
  globalThis.setTimeout = counting as typeof own
  try {
    await work()
  } finally {
    globalThis.setTimeout = own
  }
  return count
}

async function goesOn(scenario: string, Pool: PoolClass, stage: Stage): Promise<boolean> {
  const { code, said } = await runChild(scenario, Pool === Taxirank ? 'taxirank' : 'pg', stage.port)
  return code === 0 && said === 'goes on: 42'
}
