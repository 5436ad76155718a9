/** What the library looks like to TypeScript. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compile } from './support/compile.ts'

const both = `
import pg from 'pg'
import Default, { createPool, type Holder, Pool, type PoolClient, type PoolSnapshot, TaxirankError } from 'taxirank'
`

const asPgs = `${both}
interface Row { readonly id: number }
const pool = new Pool({ connectionString: 'postgres://localhost/test', max: 5, leakDetectionMillis: 1_000 })
const taken: pg.Pool = pool
const same: typeof Pool = Default

export async function rows(): Promise<number> {
  const { rows, fields } = await pool.query<Row>('SELECT $1 AS id', [1])
  const id: number | undefined = rows[0]?.id
  // @ts-expect-error: the row has no such column
  rows[0]?.name
  const { rows: tuples } = await pool.query<[number]>({ text: 'SELECT 1', rowMode: 'array' })
  const one: number | undefined = tuples[0]?.[0]
  const client: PoolClient = await pool.connect()
  const lent: pg.PoolClient = client
  lent.release(true)
  return (id ?? 0) + (one ?? 0) + fields.length
}

pool.query('SELECT 1', (error, result) => [error.message, result.rows])
pool.connect((error, client, release) => [error?.message, client?.query('SELECT 1'), release()])
pool.on('error', (error, client) => [error.message, client.release()]).on('connect', (client) => client.query('SET x = 1'))
export const all: unknown[] = [taken, same, pool.totalCount, pool.idleCount, pool.waitingCount, await pool.end()]
`

const own = `${both}
const pool = new Pool({ deadlockDetectionMillis: 100, prewarm: true })
export async function work(signal: AbortSignal): Promise<string> {
  await using client = await pool.connect({ signal, timeoutMillis: 10, lane: 'batch' })
  await client.query('SELECT 1')
  await pool.query({ text: 'SELECT 1', signal })
  return pool.transaction(async (client) => (await client.query<{ name: string }>('SELECT 1')).rows[0]?.name ?? '', {
    retries: 2,
  })
}
pool.on('leak', (holder: Holder) => holder.site)
const snapshot: PoolSnapshot = pool.snapshot()
pool.resize({ max: 3 })
pool.record(1_000)
const bytes: Uint8Array | undefined = pool.recording()
pool.record(0)
// @ts-expect-error: it is a number of entries
pool.record('all')
// @ts-expect-error: a number it must be
new Pool({ leakDetectionMillis: '1' })
// @ts-expect-error: there is no such option
new Pool({ leakDetectionMilis: 1 })
export const { stragglers } = await pool.drain({ deadline: 1_000, waiting: 'serve' })
export const all = [snapshot.waiting, pool.prometheus(), bytes?.length, await pool.ready(), pool.isReady]
`

const subclass = `${both}
class Traced extends Pool {
  readonly seen: string[] = []
  constructor(readonly label: string, max: number) {
    super({ max })
  }
  async first<R extends pg.QueryResultRow>(text: string): Promise<R | undefined> {
    this.seen.push(text)
    return (await this.query<R>(text)).rows[0]
  }
}
const traced = new Traced('orders', 3)
const taken: pg.Pool = traced
export const first: { id: number } | undefined = await traced.first<{ id: number }>('SELECT 1 AS id')
export const all: unknown[] = [taken, traced.label, traced.snapshot().name]
`

const things = `${both}
const pool = createPool({
  open: async (signal) => ({ name: 'thing', isOver: signal.aborted }),
  close: ({ name }, reason) => [name, reason],
  check: ({ isOver }) => !isOver,
  max: 2,
})
export const name: string = await pool.use(({ name }) => name)
export async function held(): Promise<boolean> {
  await using lease = await pool.acquire({ timeoutMillis: 10 })
  const [holder] = pool.holders()
  return lease.resource.isOver && holder?.site === ''
}
pool.on('leak', ({ heldMillis }) => heldMillis.toFixed(1))
pool.record(0)
export const bytes: Uint8Array | undefined = pool.recording()
// @ts-expect-error: something must be opened
createPool({ max: 1 })
// @ts-expect-error: what is closed is what was opened
createPool({ open: () => 1, close: (text: string) => text })
const error = new TaxirankError('acquire_timeout', 'too late')
export const { shortage, retryable } = error
// @ts-expect-error: there is no such error
export const isWrong = error.code === 'acquire_time_out'
`

const required = `
import taxirank = require('taxirank')
import pg = require('pg')
const { Pool, createPool, TaxirankError } = taxirank
class Traced extends Pool {}
const pools: pg.Pool[] = [new Pool({ max: 1 }), new Traced(), new taxirank.default()]
export = { pools, things: createPool({ open: () => 1 }), TaxirankError }
`

const sizing = `
import {
  type Demand, type ErrorCode, erlangC, type Fleet, fleet, gg1, mmc, type Queue, type QueueFigures, serversFor, TaxirankError,
  usefulConnections, utilisationToPlanFor, type Variability, waitPercentileMs,
} from 'taxirank/sizing'
import { TaxirankError as OfPool } from 'taxirank'
const demand: Demand = { arrivalsPerSecond: 900, serviceMs: 10 }
const queue: Queue = { ...demand, servers: 10 }
const varied: Variability = { arrivalScv: 1, serviceScv: 4 }
const figures: QueueFigures = mmc(queue)
const sum: Fleet = fleet({ instances: 10, poolSize: usefulConnections({ cores: 4 }), maxConnections: 100 })
const same: typeof OfPool = TaxirankError
export const wait: number = figures.meanWaitMs + gg1({ ...demand, arrivalsPerSecond: 90, ...varied }).meanWaitMs
export const servers: number = serversFor({ ...demand, mostUtilisation: utilisationToPlanFor }) * erlangC(10, 9)
export const code: ErrorCode = new same('out_of_range', '').code
export const all: unknown[] = [sum.mostPerPool, waitPercentileMs({ ...queue, serviceScv: 4 }, 99)]
// @ts-expect-error: servers of which there are how many?
mmc(demand)
// @ts-expect-error: there is no such option
serversFor({ ...demand, mostUse: 0.7 })
`

describe('the types that are published', () => {
  const modules: [what: string, name: string, text: string][] = [
    ['a pool that stands wherever pg’s stands, and answers as that does', 'as-pgs.mts', asPgs],
    ['what only this pool has', 'own.mts', own],
    ['a class that others can extend', 'subclass.mts', subclass],
    ['a pool of anything', 'things.mts', things],
    ['the same for require', 'required.cts', required],
    ['the arithmetic of sizing', 'sizing.mts', sizing],
  ]
  const said = compile(Object.fromEntries(modules.map(([, name, text]) => [name, text])), 'nodenext').split('\n')
  for (const [what, name] of modules) {
    it(`are of ${what}`, () => {
      assert.deepEqual(
        said.filter((line) => line.startsWith(name)),
        [],
      )
    })
  }

  it('have nothing in themselves that is wrong', () => {
    const names = modules.map(([, name]) => name)
    assert.deepEqual(
      said.filter((line) => line !== '' && !names.some((name) => line.startsWith(name))),
      [],
    )
  })

  it('are found by bundlers, too', () => {
    assert.equal(compile({ 'as-pgs.ts': asPgs, 'things.ts': things, 'sizing.ts': sizing }, 'preserve'), '')
  })
})
