/**
 * `pool.query('select 1')` on a real PostgreSQL. Two pools are compared in turns of a sixth of a second, each in its own
 * process: a whole run of one after a whole run of the other would mostly compare what else the machine was doing.
 */

import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { Client, Pool as PgPool } from 'pg'
import { Pool } from '../../src/pg/taxirank.ts'
import { median } from '../../src/metrics/statistics.ts'
import type { LenderName } from './lenders.ts'

const max = 10
const turnMs = 160
/** Of a turn: what is under way at its end is answered before the other's begins. */
const workMs = 140
const warmUpTurns = 3
const measuredTurns = 12
const warmUpMs = 300
const counted = 2_000
const countings = 5

export interface QueryOrder {
  readonly pool: LenderName
  readonly callers: number
  /** PostgreSQL's. */
  readonly port: number
}

/** Whose turn it is follows from the time of day, which both processes read. */
export interface Turns {
  readonly beginAtMs: number
  /** Of two. */
  readonly index: 0 | 1
}

interface QueryPool {
  connect(): Promise<{ release(): void }>
  query(text: string): Promise<unknown>
  end(): Promise<void>
}

/** Queries a second, `callers` at once over ten connections: the median of the turns. `isWarm`: ten are open before, not one. */
export async function queriesPerSecond(
  { pool: name, callers, port, turns }: QueryOrder & { readonly turns: Turns },
  isWarm: boolean,
): Promise<number> {
  const pool = createQueryPool(name, port)
  await (isWarm ? openAll(pool) : pool.query('select 1'))
  const unmeasured = isWarm ? warmUpTurns : 0
  const rates: number[] = []
  for (let turn = 0; turn < unmeasured + measuredTurns; turn++) {
    await sleep(Math.max(0, turns.beginAtMs + turnMs * placeOf(turn, turns.index) - Date.now()))
    const begin = performance.now()
    const answered = await queryFor(pool, callers, workMs)
    if (turn >= unmeasured) rates.push((1_000 * answered) / (performance.now() - begin))
  }
  await pool.end()
  return median(rates)
}

/** Of its n-th turn among all: A B, B A, A B … */
function placeOf(turn: number, index: number): number {
  return 2 * turn + (turn % 2 === 0 ? index : 1 - index)
}

/**
 * What a query allocates, its driver included: the slope of the heap over 2,000 queries without a collection in between,
 * the median of five. Only on Node with --expose-gc, and with a young generation that they don't fill.
 */
export async function bytesPerQuery({ pool: name, callers, port }: QueryOrder): Promise<number> {
  const pool = createQueryPool(name, port)
  await openAll(pool)
  await queryFor(pool, callers, warmUpMs)
  const slopes: number[] = []
  for (let done = 0; done < countings; done++) slopes.push(await slope(pool, callers))
  await pool.end()
  return median(slopes)
}

async function slope(pool: QueryPool, callers: number): Promise<number> {
  await nextTurn()
  ;(globalThis as { gc?: () => void }).gc?.()
  const before = process.memoryUsage().heapUsed
  await together(callers, async () => {
    for (let done = 0; done < counted / callers; done++) await pool.query('select 1')
  })
  return (process.memoryUsage().heapUsed - before) / counted
}

function createQueryPool(name: LenderName, port: number): QueryPool {
  const options = { host: '127.0.0.1', port, user: 'postgres', database: 'postgres', max, idleTimeoutMillis: 30_000 }
  return name === 'Pool' ? new Pool({ ...options, Client }) : new PgPool(options)
}

async function openAll(pool: QueryPool): Promise<void> {
  const clients = await Promise.all(Array.from({ length: max }, () => pool.connect()))
  for (const client of clients) client.release()
}

/** How many were answered in that time. */
async function queryFor(pool: QueryPool, callers: number, ms: number): Promise<number> {
  const until = performance.now() + ms
  let answered = 0
  await together(callers, async () => {
    while (performance.now() < until) {
      await pool.query('select 1')
      answered++
    }
  })
  return answered
}

async function together(callers: number, call: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: callers }, call))
}
