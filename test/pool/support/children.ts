/** What must be seen from outside a process: `children SCENARIO pg|taxirank PORT`. */

import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type PoolClient } from 'pg'
import { type AnyPool, PgPool, Taxirank } from './library.ts'

const [scenario = '', kind = '', port = ''] = process.argv.slice(2)
const address = { host: '127.0.0.1', port: Number(port), user: 'postgres', database: 'postgres' }
const Pool = kind === 'pg' ? PgPool : Taxirank

async function terminate(client: PoolClient): Promise<void> {
  const control = new Client(address)
  await control.connect()
  const { processID } = client as unknown as { processID: number }
  await control.query('select pg_terminate_backend($1, 5000)', [processID])
  await control.end()
}

async function goOn(pool: AnyPool): Promise<void> {
  await sleep(200)
  const { rows } = await pool.query<{ answer: number }>('select 42 answer')
  console.log(`goes on: ${rows[0]?.answer}`)
}

function within(pool: AnyPool, timeoutMillis: number): Promise<unknown> {
  return (pool.connect as (options: object) => Promise<unknown>)({ timeoutMillis })
}

const scenarios: Readonly<Record<string, (pool: AnyPool) => Promise<void>>> = {
  /** Nobody listens for errors, neither at the pool nor at the client. */
  async held(pool) {
    const client = await pool.connect()
    await terminate(client)
    await sleep(200)
    client.release()
    await goOn(pool)
  },

  async idle(pool) {
    const client = await pool.connect()
    client.release()
    await terminate(client)
    await goOn(pool)
  },

  /** Ends when the event loop is empty. */
  async answered(pool) {
    await goOn(pool)
  },

  /** Each once, of those that nobody handles. */
  async rejected(pool) {
    process.on('unhandledRejection', (error: Error) => console.log(`nobody handles: ${error.message}`))
    await pool.query('select 1/0').catch(() => undefined)
    await pool
      .query({ text: 'select 1', signal: AbortSignal.abort(new Error('too late')) } as unknown as string)
      .catch(() => undefined)
    const holders = await Promise.all(Array.from({ length: 10 }, () => pool.connect()))
    await Promise.all([within(pool, 1).catch(() => undefined), within(pool, 1).catch(() => undefined)])
    void pool.query("select 'not a number'::int")
    void within(pool, 1)
    await sleep(50)
    for (const holder of holders) holder.release()
    await goOn(pool)
  },

  async 'held for ever'(pool) {
    await pool.connect()
    console.log('holds')
  },
}

const isToEnd = scenario === 'held' || scenario === 'idle'
const pool = new Pool({ ...address, idleTimeoutMillis: 30_000, allowExitOnIdle: !isToEnd })
await scenarios[scenario]?.(pool)
if (isToEnd) await pool.end()
