/** Requests with and without a connection of their own: what is measured of them, and its numbers. */

import { mediansOf, type RequestParts, wholeMs } from '../../fresh-connection.ts'
import { failed, latencyMs, type Load, perSecond } from '../../load.ts'
import { loadMeasurements } from '../../load-measurements.ts'
import { measurement, medianOf } from '../../measurement.ts'
import type { Measurement } from '../../results.ts'

/** The first word of measurements. */
export const ways = ['per request', 'pooled', 'per request to the pooler', 'kept to the pooler'] as const
export type WayName = (typeof ways)[number]
export const queries = ['lookup', '1 ms'] as const
export type QueryName = (typeof queries)[number]

export interface Variant {
  readonly way: WayName
  readonly query: QueryName
  /** One request; of those that open a connection, the parts. */
  readonly ask: (worker: number) => Promise<RequestParts | undefined>
}

export interface Round {
  readonly load: Load
  /** Of those that opened a connection. */
  readonly parts: readonly RequestParts[]
  /** Of PostgreSQL's processes, for each request; NaN: not known. */
  readonly cpuMs: number
  /** How many cores the lab's own process used. */
  readonly ownCores: number
}

export interface Measured {
  readonly variant: Variant
  readonly rounds: readonly Round[]
}

/** What a request takes that has the machine for itself. */
export type Alone = Readonly<Record<QueryName, Readonly<Record<WayName, RequestParts>>>>

export interface Found {
  readonly measured: readonly Measured[]
  readonly alone: Alone
  readonly workers: number
  /** Of the pool, and of the pooler. */
  readonly poolSize: number
  readonly measureMs: number
  readonly warmUpMs: number
}

/** Medians of all rounds. */
export interface Row {
  readonly way: WayName
  readonly query: QueryName
  readonly p50Ms: number
  readonly p99Ms: number
  readonly perSecond: number
  /** NaN: none was opened. */
  readonly openingShare: number
  /** NaN: as above. */
  readonly parts: RequestParts
  /** NaN: not known. */
  readonly cpuMs: number
  readonly ownCores: number
  readonly failed: number
}

export function rowOf({ variant: { way, query }, rounds }: Measured): Row {
  const of = (value: (round: Round) => number): number => medianOf(rounds.map(value))
  return {
    way,
    query,
    p50Ms: of(({ load }) => latencyMs(load, 50)),
    p99Ms: of(({ load }) => latencyMs(load, 99)),
    perSecond: of(({ load }) => perSecond(load)),
    openingShare: of(openingShareOf),
    parts: mediansOf(rounds.flatMap(({ parts }) => parts)),
    cpuMs: of(({ cpuMs }) => cpuMs),
    ownCores: of(({ ownCores }) => ownCores),
    failed: rounds.reduce((sum, { load }) => sum + failed(load), 0),
  }
}

export function throughputOf({ way, query }: Pick<Row, 'way' | 'query'>): string {
  return `${way} ${query} throughput`
}

function openingShareOf({ parts }: Round): number {
  const sum = (of: (one: RequestParts) => number): number => parts.reduce((total, one) => total + of(one), 0)
  return sum(({ openMs }) => openMs) / sum(wholeMs)
}

export function measurementsOf({ variant: { way, query }, rounds }: Measured): readonly Measurement[] {
  const name = `${way} ${query}`
  const of = (value: (round: Round) => number): number[] => rounds.map(value)
  const opens = rounds.some(({ parts }) => parts.length > 0)
  const isCpuKnown = rounds.some(({ cpuMs }) => Number.isFinite(cpuMs))
  return [
    ...loadMeasurements(
      name,
      rounds.map(({ load }) => load),
    ),
    ...(opens ? [measurement(`${name} opening`, 'share', of(openingShareOf))] : []),
    ...(isCpuKnown
      ? [
          measurement(
            `${name} processor time`,
            'ms',
            of(({ cpuMs }) => cpuMs),
          ),
        ]
      : []),
  ]
}

export function find(rows: readonly Row[], way: WayName, query: QueryName): Row {
  return rows.find((row) => row.way === way && row.query === query) as Row
}
