/** Makes a scenario out of what a file says (docs/guide/simulating.md). Names are PgBouncer's where it has them. */

import type { ArrivalSpec } from './arrivals.ts'
import type { DurationSpec } from './durations.ts'
import { FieldReader, type ReadHolds } from './field-reader.ts'
import type { ApplicationSpec, DatabaseSpec, FailureSpec, LoadSpec, PoolerSpec, Scenario } from './scenario.ts'
import { checkLimits } from './scenario-limits.ts'
import type { PoolSpec } from './simulated-pool.ts'

/** What a recording can give a scenario. */
export interface RecordedLoad {
  /** When each caller came, ascending, from 0 on. */
  readonly atMs: Float64Array
  /** How long each held its connection, in the same order. */
  readonly holdsMs: Float64Array
}

export type ReadRecorded = (file: string) => RecordedLoad

const most = 10_000_000
const mostInstances = 100_000
const ms = (time: number): DurationSpec => ({ kind: 'fixed', ms: time })

/** Reads a parsed TOML or JSON file. Throws `bad_configuration`: what is wrong, where, and what is allowed. */
export function readScenario(value: unknown, readRecorded: ReadRecorded): Scenario {
  const reader = new FieldReader(value, '')
  const durationMs = reader.time('duration', 60_000)
  const scenario: Scenario = {
    seed: reader.whole('seed', 0, Number.MAX_SAFE_INTEGER, 1),
    durationMs,
    warmUpMs: reader.time('warm_up', durationMs / 10),
    database: readDatabase(reader.table('database'), holdsFrom(readRecorded)),
    poolers: reader.tables('poolers').map((table) => readPooler(table, holdsFrom(readRecorded))),
    applications: reader.tables('applications').map((table) => readApplication(table, readRecorded)),
    failures: reader.tables('failures').map(readFailure),
  }
  reader.end()
  checkTimes(scenario, reader)
  checkNames(scenario, reader)
  checkLimits(scenario)
  return scenario
}

function holdsFrom(readRecorded: ReadRecorded): ReadHolds {
  return (file) => readRecorded(file).holdsMs
}

function readDatabase(table: FieldReader, readHolds: ReadHolds): DatabaseSpec {
  const maxConnections = table.whole('max_connections', 1, most, 100)
  const throughput = table.has('throughput') && table.pairs('throughput', (value) => positiveOf(value, table))
  const spec = {
    cores: throughput ? table.number('cores', 1, mostInstances, 1) : table.number('cores', 1, mostInstances),
    maxConnections,
    reservedConnections: table.whole('reserved_connections', 0, maxConnections - 1, Math.min(3, maxConnections - 1)),
    connect: table.durations('connect', readHolds, ms(10)),
    connectWorkMs: table.time('connect_work', 1),
    ...(throughput && { throughput }),
  }
  if (throughput && throughput[0]?.[0] !== 1) throw table.refuse('throughput must begin with one statement: [1, …]')
  table.end()
  return spec
}

function positiveOf(value: unknown, table: FieldReader): number {
  if (typeof value === 'number' && value > 0 && value < Infinity) return value
  throw table.refuse(`throughput must be above 0 everywhere, got ${JSON.stringify(value)}`)
}

function readPooler(table: FieldReader, readHolds: ReadHolds): PoolerSpec {
  const spec = {
    name: table.text('name'),
    count: table.whole('count', 1, mostInstances, 1),
    pool: readPool(table, { waitTimeoutMs: 120_000, idleTimeoutMs: 600_000, lifetimeMs: 3_600_000 }),
    connect: table.durations('connect', readHolds, ms(1)),
  }
  table.end()
  return spec
}

/** What a pool is like if nothing is said: as PgBouncer's pools, and as those of pg. */
function readPool(
  table: FieldReader,
  otherwise: { waitTimeoutMs: number; idleTimeoutMs: number; lifetimeMs: number },
): PoolSpec {
  const maxSize = table.whole('pool_size', 1, mostInstances)
  const reserveSize = table.whole('reserve_pool_size', 0, mostInstances, 0)
  const reserveAfterMs = table.time('reserve_pool_timeout', 5_000)
  return {
    maxSize,
    minSize: table.whole('min_pool_size', 0, maxSize, 0),
    ...(reserveSize > 0 && reserveAfterMs > 0 && { reserveSize, reserveAfterMs }),
    waitTimeoutMs: table.time('wait_timeout', otherwise.waitTimeoutMs),
    maxWaiting: table.whole('max_waiting', 0, most, 0),
    idleTimeoutMs: table.time('idle_timeout', otherwise.idleTimeoutMs),
    lifetimeMs: table.time('lifetime', otherwise.lifetimeMs),
  }
}

function readApplication(table: FieldReader, readRecorded: ReadRecorded): ApplicationSpec {
  const readHolds = holdsFrom(readRecorded)
  const pool = table.has('pool_size')
    ? readPool(table, { waitTimeoutMs: 0, idleTimeoutMs: 10_000, lifetimeMs: 0 })
    : undefined
  const via = table.has('via') ? table.text('via') : undefined
  const spec = {
    name: table.text('name'),
    instances: table.whole('instances', 1, mostInstances, 1),
    ...readLoad(table, readRecorded),
    away: table.durations('away', readHolds, ms(0)),
    connectsEachTime: connectsEachTime(table, pool !== undefined, via !== undefined),
    ...(pool && { pool }),
    ...(via !== undefined && { via }),
  }
  table.end()
  return spec
}

function connectsEachTime(table: FieldReader, hasPool: boolean, hasPooler: boolean): boolean {
  const connect = table.choice('connect', ['once', 'each time'], hasPool || hasPooler ? 'once' : 'each time')
  if (connect === 'each time' && hasPool) throw table.refuse('has a pool_size: it does not connect each time')
  if (connect === 'once' && !hasPool && !hasPooler) {
    throw table.refuse('connects once, and needs a pool_size for that, or poolers to go through: via')
  }
  return connect === 'each time'
}

/** Recorded arrivals bring what each of them held, unless something else is said. */
function readLoad(table: FieldReader, readRecorded: ReadRecorded): Pick<ApplicationSpec, 'load' | 'service'> {
  const readHolds = holdsFrom(readRecorded)
  if (!table.has('arrivals')) {
    if (!table.has('callers')) throw table.refuse('needs arrivals, or callers')
    const callers = table.whole('callers', 1, most)
    const load: LoadSpec = { kind: 'closed', callers, think: table.durations('think', readHolds, ms(0)) }
    return { load, service: table.durations('service', readHolds) }
  }
  if (table.has('callers')) throw table.refuse('has arrivals and callers, and only one of them is possible')
  const balance = table.choice('balance', ['random', 'round robin'], 'random')
  const { arrivals, holdsMs } = readArrivals(table.table('arrivals'), readRecorded)
  const otherwise: DurationSpec | undefined = holdsMs && { kind: 'sequence', values: holdsMs }
  return { load: { kind: 'open', arrivals, balance }, service: table.durations('service', readHolds, otherwise) }
}

const arrivalKinds = ['poisson', 'regular', 'bursty', 'diurnal', 'recorded'] as const

function readArrivals(
  table: FieldReader,
  readRecorded: ReadRecorded,
): { arrivals: ArrivalSpec; holdsMs?: Float64Array } {
  const kind = table.choice('kind', arrivalKinds)
  const read = kind === 'recorded' ? recorded(table, readRecorded) : { arrivals: drawnArrivals(table, kind) }
  table.end()
  return read
}

function recorded(table: FieldReader, readRecorded: ReadRecorded): { arrivals: ArrivalSpec; holdsMs: Float64Array } {
  const { atMs, holdsMs } = readRecorded(table.text('file'))
  return { arrivals: { kind: 'replayed', atMs }, holdsMs }
}

function drawnArrivals(table: FieldReader, kind: 'poisson' | 'regular' | 'bursty' | 'diurnal'): ArrivalSpec {
  const perSecond = table.number('per_second', kind === 'bursty' ? 0 : 1e-6, 1e9)
  if (kind === 'bursty') {
    const burstPerSecond = table.number('burst_per_second', 1e-6, 1e9)
    return { kind, perSecond, burstPerSecond, calmMs: table.timeAbove0('calm'), burstMs: table.timeAbove0('burst') }
  }
  if (kind !== 'diurnal') return { kind, perSecond }
  const peakPerSecond = table.number('peak_per_second', perSecond, 2 * perSecond)
  return { kind, perSecond, peakPerSecond, periodMs: table.timeAbove0('period') }
}

function readFailure(table: FieldReader): FailureSpec {
  const kind = table.choice('kind', ['database down', 'restart'])
  const times = { atMs: table.time('at'), lastsMs: table.time('lasts') }
  const failure: FailureSpec =
    kind === 'restart'
      ? { kind, ...times, application: table.text('application'), share: table.number('share', 0, 1, 1) }
      : { kind, ...times }
  table.end()
  return failure
}

function checkTimes({ durationMs, warmUpMs }: Scenario, reader: FieldReader): void {
  if (durationMs === 0) throw reader.refuse('duration must be above 0')
  if (warmUpMs >= durationMs) throw reader.refuse(`warm_up must be shorter than duration, which is ${durationMs} ms`)
}

function checkNames({ applications, poolers, failures }: Scenario, reader: FieldReader): void {
  if (applications.length === 0) throw reader.refuse('there are no applications: [[applications]]')
  const names = [...applications, ...poolers].map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice !== undefined) throw reader.refuse(`two are called "${twice}"`)
  const lost = applications.find(({ via }) => via !== undefined && !poolers.some(({ name }) => name === via))
  if (lost) throw reader.refuse(`${lost.name}.via names "${lost.via ?? ''}", and there are no poolers of that name`)
  for (const failure of failures) {
    if (failure.kind === 'database down' || applications.some(({ name }) => name === failure.application)) continue
    throw reader.refuse(`a restart names "${failure.application}", and there is no application of that name`)
  }
}
