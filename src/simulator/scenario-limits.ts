/**
 * What is too much to be simulated: what would take hours, or all memory, is refused beforehand, with the numbers. What is
 * usual is far below all of it.
 */

import { TaxirankError } from '../errors.ts'
import { type ArrivalSpec, meanPerSecondOf } from './arrivals.ts'
import { meanMsOf } from './durations.ts'
import type { ApplicationSpec, DatabaseSpec, PoolerSpec, Scenario } from './scenario.ts'
import { sumOf } from './sum-of.ts'

const mostCallers = 10_000_000
/** Each takes some 50 kB, most of it for its histograms. */
const mostPools = 20_000
/** That pools keep open from the beginning. */
const mostKeptOpen = 1_000_000
/** Some 15 minutes of computing. */
const mostRequests = 1_000_000_000

/** Throws `bad_configuration`. */
export function checkLimits(scenario: Scenario): void {
  const { applications, poolers, durationMs, failures } = scenario
  for (const one of applications) checkProgress(one)
  const pooled = applications.flatMap(({ instances, pool }) => (pool ? [{ count: instances, pool }] : []))
  const pools = [...pooled, ...poolers]
  atMost(mostCallers, sumOf(applications, callersOf), 'callers')
  atMost(mostPools, sumOf(pools, countOf), 'pools, one in each instance with a pool_size and in each pooler')
  atMost(mostKeptOpen, sumOf(pools, keptOpenOf), 'connections that pools keep open (min_pool_size)')
  const requests = sumOf(applications, (one) => requestsOf(one, scenario))
  atMost(mostRequests, requests, 'requests (a shorter duration or lower rates make fewer)')
  const late = failures.find(({ atMs }) => atMs >= durationMs)
  if (late) throw wrong(`a failure (${late.kind}) at ${late.atMs} ms comes too late: the duration is ${durationMs} ms`)
}

function checkProgress({ name, load, service, away }: ApplicationSpec): void {
  if (load.kind === 'open') return
  const roundMs = [load.think, service, away].reduce((sum, spec) => sum + meanMsOf(spec), 0)
  if (roundMs > 0) return
  throw wrong(
    `${name}: service, away and think are all 0, so its callers would call again within the same instant, for ever`,
  )
}

function callersOf({ instances, load }: ApplicationSpec): number {
  return load.kind === 'closed' ? instances * load.callers : 0
}

function countOf({ count }: Pick<PoolerSpec, 'count' | 'pool'>): number {
  return count
}

function keptOpenOf({ count, pool }: Pick<PoolerSpec, 'count' | 'pool'>): number {
  return count * (pool.minSize ?? 0)
}

/** About, and rather too many: who waits for whom is not known beforehand. */
function requestsOf(application: ApplicationSpec, scenario: Scenario): number {
  const { load, service, away } = application
  const { durationMs, database } = scenario
  if (load.kind === 'open') return arrivalsIn(load.arrivals, durationMs)
  const workMs = meanMsOf(service)
  const heldMs = workMs + meanMsOf(away)
  const roundMs = heldMs + meanMsOf(load.think) + connectMsOf(application, scenario)
  return Math.min(
    (callersOf(application) * durationMs) / roundMs,
    heldMs > 0 ? (placesOf(application, scenario.poolers) * durationMs) / heldMs : Infinity,
    workMs > 0 ? (coresOf(database) * durationMs) / workMs : Infinity,
  )
}

/** Of each request. */
function connectMsOf({ connectsEachTime, via }: ApplicationSpec, { database, poolers }: Scenario): number {
  if (!connectsEachTime) return 0
  const through = poolers.find(({ name }) => name === via)
  return through ? meanMsOf(through.connect) : meanMsOf(database.connect) + database.connectWorkMs
}

/** How many may hold at a time. */
function placesOf({ instances, pool, via }: ApplicationSpec, poolers: readonly PoolerSpec[]): number {
  const through = poolers.find(({ name }) => name === via)
  return Math.min(
    pool ? instances * pool.maxSize : Infinity,
    through ? through.count * (through.pool.maxSize + (through.pool.reserveSize ?? 0)) : Infinity,
  )
}

/** How many statements' worth of work is done at a time at most. */
function coresOf({ cores, throughput }: DatabaseSpec): number {
  const [first] = throughput ?? []
  return throughput && first ? Math.max(...throughput.map(([, perSecond]) => perSecond)) / first[1] : cores
}

/** A change between calm and burst takes as long to be computed as somebody who comes. */
function arrivalsIn(arrivals: ArrivalSpec, durationMs: number): number {
  if (arrivals.kind === 'replayed') return arrivals.atMs.length
  const changes = arrivals.kind === 'bursty' ? (2 * durationMs) / (arrivals.calmMs + arrivals.burstMs) : 0
  return changes + (meanPerSecondOf(arrivals) * durationMs) / 1_000
}

function atMost(most: number, count: number, what: string): void {
  if (count > most) throw wrong(`about ${inWords(count)} ${what}, and at most ${inWords(most)} can be simulated`)
}

function inWords(count: number): string {
  return Math.round(count).toLocaleString('en')
}

function wrong(what: string): TaxirankError {
  return new TaxirankError('bad_configuration', `scenario: ${what}`)
}
