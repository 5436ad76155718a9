/**
 * A URL shortener, end to end: requests over HTTP, a service, and a database some milliseconds away, reached with a connection for
 * each request, by a pool in the service, and by a pooler beside it. What is said of it stands in shortener-findings.ts.
 */

import { percentText, timeText } from '../../../report/number-text.ts'
import { mostHeldMs, mostPerSecond } from '../../../sizing/littles-law.ts'
import type { Experiment } from '../../experiment.ts'
import { askAfresh, mediansOf, type RequestParts, wholeMs } from '../../fresh-connection.ts'
import { inTurns } from '../../in-turns.ts'
import { closedLoad } from '../../load.ts'
import { medianOf } from '../../measurement.ts'
import { watchOwnCores } from '../../own-cores.ts'
import type { Findings } from '../../results.ts'
import type { Way } from '../../openings.ts'
import type { Rig } from '../../rig.ts'
import { follow, type RedirectService, startRedirectService } from './redirect-service.ts'
import { findings, type Measured, type Round, strategies, type StrategyName } from './shortener-findings.ts'

interface Link {
  readonly url: string
}

interface Found {
  readonly url: string | undefined
  readonly parts: RequestParts
}

/** A service that looks links up in one way, and what its requests took since they were last forgotten. */
interface Shortener {
  readonly name: StrategyName
  readonly service: RedirectService
  readonly parts: RequestParts[]
}

/** One request that has all for itself. */
interface Alone {
  readonly requestMs: number
  readonly parts: RequestParts
  /** Without the way to the database. */
  readonly nearMs: number
}

interface AloneOf extends Alone {
  readonly one: Shortener
}

const database = 'links'
const mostWorkers = 16
const roundTripMs = 4
const warmUpMs = 60
const calibrations = 12

export const shortener: Experiment = {
  name: 'shortener',
  title: 'A URL shortener, end to end',
  question: 'What part of a whole HTTP request is the connection to the database?',
  articles:
    'A URL shortener on 50 servers with 20 threads each needs 1,000 connections; of the 200 ms of a request 150 are the overhead of connecting.',
  seconds: { quick: 4, usual: 20 },
  run,
}

async function run(rig: Rig): Promise<Findings> {
  const rounds = rig.pace({ quick: 3, usual: 5 })
  const measureMs = rig.pace({ quick: 220, usual: 1_150 })
  // One each in the pool and in the pooler, so that nobody waits for one: what is measured is opening them.
  const workers = Math.max(1, Math.min(mostWorkers, Math.floor(rig.freeConnections / 3)))
  const finds = await findsOf(rig, workers)
  const shorteners = strategies.map((name) => start(name, finds[name]))
  try {
    const alone = await timeAll(rig, shorteners)
    predict(rig, alone, workers)
    const measured = alone.map(({ one, nearMs }) => ({ one, nearMs, rounds: [] as Round[] }))
    for (const { item, share } of inTurns(measured, rounds)) {
      rig.progress(share, item.one.name)
      item.rounds.push(await load(rig, item.one, workers, measureMs))
    }
    const found = measured.map(({ one, ...rest }): Measured => ({ name: one.name, ...rest }))
    return findings(rig, found, { workers, roundTripMs, measureMs, warmUpMs })
  } finally {
    await Promise.all(shorteners.map(({ service }) => service.stop()))
  }
}

type Find = (code: string) => Promise<Found>

async function findsOf(rig: Rig, poolSize: number): Promise<Readonly<Record<StrategyName, Find>>> {
  const far = rig.relay(roundTripMs)
  const pooler = await rig.pooler([{ name: database, mode: 'transaction', size: poolSize }], { over: far })
  const pool = rig.pool({ max: poolSize }, far)
  const afresh = async (way: Way, code: string): Promise<Found> => {
    const { rows, ...parts } = await askAfresh<Link>(rig, way, rig.work.url(code))
    return { url: rows[0]?.url, parts }
  }
  return {
    'per request': (code) => afresh(far, code),
    pooled: (code) => findPooled(rig, pool, code),
    'through the pooler': (code) => afresh(pooler.way(database), code),
  }
}

async function findPooled(rig: Rig, pool: ReturnType<Rig['pool']>, code: string): Promise<Found> {
  const { text, values } = rig.work.url(code)
  const atMs = performance.now()
  const client = await pool.connect()
  const gotMs = performance.now()
  try {
    const { rows } = await client.query<Link>(text, [...values])
    return { url: rows[0]?.url, parts: { openMs: gotMs - atMs, queryMs: performance.now() - gotMs, closeMs: 0 } }
  } finally {
    client.release()
  }
}

function start(name: StrategyName, find: Find): Shortener {
  const book: RequestParts[] = []
  const service = startRedirectService(async (code) => {
    const { url, parts } = await find(code)
    book.push(parts)
    return url
  })
  return { name, service, parts: book }
}

async function timeAll(rig: Rig, shorteners: readonly Shortener[]): Promise<AloneOf[]> {
  const all: AloneOf[] = []
  for (const one of shorteners) all.push({ one, ...(await timeAlone(rig, one)) })
  return all
}

function predict(rig: Rig, all: readonly AloneOf[], workers: number): void {
  const { cores, isLocal } = rig.facts
  const figures: Record<string, number> = {}
  const texts: string[] = []
  for (const { one, requestMs, parts, nearMs } of all) {
    const byWaiting = mostPerSecond(workers, requestMs)
    const throughput = isLocal && cores !== null ? Math.min(byWaiting, mostPerSecond(cores, nearMs)) : byWaiting
    figures[`${one.name} throughput`] = throughput
    figures[`${one.name} p50`] = mostHeldMs(workers, throughput)
    figures[`${one.name} opening`] = parts.openMs / wholeMs(parts)
    figures[`${one.name} overhead`] = 1 - parts.queryMs / wholeMs(parts)
    texts.push(`${timeText(requestMs)} (${one.name}; overhead ${percentText(1 - parts.queryMs / wholeMs(parts))})`)
  }
  const most = isLocal && cores !== null ? `, or as ${cores} cores can do all of it but the way` : ''
  rig.predict(
    `Alone, a request takes ${texts.join(', ')}: with a connection of its own it goes the way of ${roundTripMs} ms to the database and back for the login, the query and ` +
      `the end, otherwise for the query only. ${workers} workers are answered as often as that allows${most}.`,
    figures,
  )
}

async function timeAlone(rig: Rig, one: Shortener): Promise<Alone> {
  const times: number[] = []
  const near: RequestParts[] = []
  one.parts.length = 0
  for (let count = 1; count <= calibrations; count++) {
    const atMs = performance.now()
    await visit(rig, one, count)
    times.push(performance.now() - atMs)
    if (one.name === 'per request') near.push(await askAfresh(rig, rig.direct, rig.work.url(rig.work.link(count).code)))
  }
  const parts = mediansOf(one.parts)
  const requestMs = medianOf(times)
  const wayMs = one.name === 'per request' ? wholeMs(parts) - wholeMs(mediansOf(near)) : roundTripMs
  return { requestMs, parts, nearMs: Math.max(0.05, requestMs - wayMs) }
}

async function load(rig: Rig, one: Shortener, workers: number, measureMs: number): Promise<Round> {
  let visits = 0
  let ownCores = watchOwnCores()
  const begun = (): void => {
    one.parts.length = 0
    ownCores = watchOwnCores()
  }
  const found = await closedLoad({ workers, warmUpMs, measureMs, signal: rig.signal, begun }, () =>
    visit(rig, one, ++visits),
  )
  return { load: found, parts: [...one.parts], ownCores: ownCores() }
}

/** Another link each time, all over the table. */
async function visit(rig: Rig, { service }: Shortener, number: number): Promise<void> {
  const { code, url } = rig.work.link(1 + ((number * 7_919) % rig.work.links))
  await follow(service.url + code, url)
}
