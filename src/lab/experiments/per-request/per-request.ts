/**
 * A connection for each request against connections that are kept, in the process and in a pooler: the same few workers ask the same
 * two questions in four ways. What is said of it stands in per-request-findings.ts.
 */

import type { Client } from 'pg'
import { timeText } from '../../../report/number-text.ts'
import { mostHeldMs, mostPerSecond } from '../../../sizing/littles-law.ts'
import type { Experiment } from '../../experiment.ts'
import { askAfresh, mediansOf, type RequestParts, wholeMs } from '../../fresh-connection.ts'
import { inTurns } from '../../in-turns.ts'
import { closedLoad } from '../../load.ts'
import { watchOwnCores } from '../../own-cores.ts'
import type { Findings } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import type { Statement } from '../../work.ts'
import { findings } from './per-request-findings.ts'
import {
  type Alone,
  queries,
  type QueryName,
  type Round,
  type Variant,
  type WayName,
  ways,
} from './per-request-measured.ts'

const workers = 8
const poolSize = 4
const warmUpMs = 40

export const perRequest: Experiment = {
  name: 'per-request',
  title: 'A connection for each request, or one that is kept',
  question:
    'What does a request cost that opens a connection, asks one question and closes it, beside one that is lent a connection?',
  articles:
    'A query of 1 ms takes about 35 ms on a fresh connection and about 1 ms on a pooled one: 97% of the time is set-up. Overhead of 8 ms ' +
    'at 1,000 requests a second is 8 s of processor time in every second.',
  seconds: { quick: 5, usual: 25 },
  run,
}

async function run(rig: Rig): Promise<Findings> {
  const rounds = rig.pace({ quick: 3, usual: 5 })
  const measureMs = rig.pace({ quick: 120, usual: 520 })
  const { variants, alone } = await setUp(rig)
  predict(rig, alone)
  const measured = variants.map((variant) => ({ variant, rounds: [] as Round[] }))
  for (const { item: one, share } of inTurns(measured, rounds)) {
    const { way, query } = one.variant
    rig.progress(share, `${way}, ${query}`)
    one.rounds.push(await measure(rig, one.variant, measureMs))
  }
  return findings(rig, { measured, alone, workers, poolSize, measureMs, warmUpMs })
}

interface SetUp {
  readonly variants: readonly Variant[]
  readonly alone: Alone
}

type Asks = Readonly<Record<WayName, Variant['ask']>>

async function setUp(rig: Rig): Promise<SetUp> {
  const database = 'transaction'
  const pooler = await rig.pooler([{ name: database, mode: 'transaction', size: poolSize }])
  const toPooler = pooler.way(database)
  const pool = rig.pool({ max: poolSize })
  const kept = await Promise.all(Array.from({ length: workers }, () => rig.connect(toPooler)))
  const asksOf = (query: QueryName): Asks => {
    const next = statementsOf(rig, query)
    return {
      'per request': () => askAfresh(rig, rig.direct, next()),
      pooled: () => askOn(pool, next()),
      'per request to the pooler': () => askAfresh(rig, toPooler, next()),
      'kept to the pooler': (worker) => askOn(kept[worker] as Client, next()),
    }
  }
  const asks = { lookup: asksOf('lookup'), '1 ms': asksOf('1 ms') }
  return {
    variants: queries.flatMap((query) => ways.map((way) => ({ way, query, ask: asks[query][way] }))),
    alone: { lookup: await timeAlone(rig, asks.lookup), '1 ms': await timeAlone(rig, asks['1 ms']) },
  }
}

async function timeAlone(rig: Rig, asks: Asks): Promise<Alone[QueryName]> {
  const runs = rig.pace({ quick: 15, usual: 60 })
  const timeOf = async (way: WayName): Promise<RequestParts> => {
    const found: RequestParts[] = []
    for (let count = 0; count < runs; count++) {
      const atMs = performance.now()
      const parts = await asks[way](0)
      found.push(parts ?? { openMs: 0, queryMs: performance.now() - atMs, closeMs: 0 })
    }
    return mediansOf(found)
  }
  return {
    'per request': await timeOf('per request'),
    pooled: await timeOf('pooled'),
    'per request to the pooler': await timeOf('per request to the pooler'),
    'kept to the pooler': await timeOf('kept to the pooler'),
  }
}

function statementsOf(rig: Rig, query: QueryName): () => Statement {
  if (query === '1 ms') return () => rig.work.busy(1)
  let asked = 0
  return () => rig.work.lookup(1 + ((asked++ * 7_919) % rig.work.accounts))
}

async function askOn(
  on: { query(text: string, values: unknown[]): Promise<unknown> },
  { text, values }: Statement,
): Promise<undefined> {
  await on.query(text, [...values])
}

/** As many are worked on at once as there are cores, for on one machine all of a request is some core's work. */
function predict(rig: Rig, alone: Alone): void {
  const { cores, isLocal } = rig.facts
  const most = isLocal && cores !== null ? cores : workers
  const figures: Record<string, number> = {}
  for (const query of queries) {
    for (const way of ways) {
      const time = alone[query][way]
      const throughput = mostPerSecond(Math.min(workers, most, way === 'pooled' ? poolSize : workers), wholeMs(time))
      figures[`${way} ${query} throughput`] = throughput
      figures[`${way} ${query} p50`] = mostHeldMs(workers, throughput)
      if (time.openMs > 0) figures[`${way} ${query} opening`] = time.openMs / wholeMs(time)
    }
  }
  const of = (way: WayName): string => timeText(wholeMs(alone.lookup[way]))
  rig.predict(
    `Alone, one after the other, a lookup takes ${of('per request')} with a connection of its own, ${of('pooled')} on one that is kept, ` +
      `${of('per request to the pooler')} with a connection to the pooler and ${of('kept to the pooler')} on a kept one to the pooler. ` +
      (most < workers
        ? `If ${most} cores can work on ${most} requests at once and on no more, each way serves ${most} in that time, and ${workers} workers share it.`
        : `If none of ${workers} workers slows another, each way serves ${workers} in that time.`),
    figures,
  )
}

async function measure(rig: Rig, { ask }: Variant, measureMs: number): Promise<Round> {
  const parts: RequestParts[] = []
  let calls = 0
  const cpuMs = rig.processes?.cpuMs() ?? Number.NaN
  const ownCores = watchOwnCores()
  const load = await closedLoad({ workers, warmUpMs, measureMs, signal: rig.signal }, async (worker) => {
    calls++
    const one = await ask(worker)
    if (one) parts.push(one)
  })
  return { load, parts, cpuMs: ((rig.processes?.cpuMs() ?? Number.NaN) - cpuMs) / calls, ownCores: ownCores() }
}
