/**
 * What the lab has found, as results.json holds it (docs/lab-results.md): plain values that survive JSON, NaN as null. Pages
 * and summaries are made from nothing else.
 */

import type { Figure } from '../report/figure.ts'
import type { Table } from '../report/page.ts'

export interface LabResults {
  /** Of these fields and their meaning. */
  readonly format: 1
  /** Its version. */
  readonly taxirank: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly tookMs: number
  readonly isQuick: boolean
  /** False: it was interrupted, or an experiment failed. */
  readonly isComplete: boolean
  readonly machine: MachineFacts
  readonly database: DatabaseFacts
  readonly experiments: readonly ExperimentResult[]
}

export interface MachineFacts {
  readonly cores: number
  readonly processor: string
  readonly memoryBytes: number
  /** `Linux 6.1.0`. */
  readonly system: string
  /** Over the minute before, by which the numbers may be off. */
  readonly loadAverage: number
  /** `Bun 1.4.5`. */
  readonly runtime: string
  /** `pg 8.23.1`: who speaks with PostgreSQL. */
  readonly driver: string
}

export interface DatabaseFacts {
  readonly kind: 'embedded' | 'given'
  /** Without a password. */
  readonly address: string
  /** `18.4`. */
  readonly version: string
  /** Its processes are this machine's: memory, context switches and processor time can be seen. */
  readonly isLocal: boolean
  /** Null: not known. */
  readonly cores: number | null
  readonly maxConnections: number
  /** Of them, kept from whom the lab connects as, if that is no superuser: `superuser_reserved_connections` and `reserved_connections`. */
  readonly reservedConnections: number
  /** Of the user, or of the database, if that is fewer; null: there is none. */
  readonly connectionLimit: number | null
  /** That others had when the run began. */
  readonly otherConnections: number
  /** Those that numbers depend on, as PostgreSQL shows them. */
  readonly settings: Readonly<Record<string, string>>
}

/** How many connections experiments may have beside the lab's own one, if others keep what they have. */
export function freeConnections(facts: DatabaseFacts): number {
  const { maxConnections, reservedConnections, otherConnections, connectionLimit } = facts
  return Math.min(maxConnections - reservedConnections - otherConnections, connectionLimit ?? Infinity) - 1
}

export interface ExperimentResult extends Findings {
  readonly name: string
  readonly title: string
  readonly question: string
  /** What the articles say. */
  readonly articles: string
  readonly state: 'measured' | 'failed' | 'interrupted'
  /** Why it isn't measured; null: it is. */
  readonly problem: string | null
  readonly tookMs: number
  /** Made before anything was measured; null: it didn't come to that. */
  readonly prediction: Prediction | null
}

export interface Prediction {
  /** In plain words: what will be found, and which formula says so. */
  readonly text: string
  /** By the name of the measurement that each foretells, in its unit. */
  readonly figures: Readonly<Record<string, number | null>>
}

export interface Findings {
  /** The one thing that was found, in a short sentence: what a list of experiments says of this one. Empty: nothing. */
  readonly headline: string
  /** What was found, in some sentences. Empty: nothing. */
  readonly answer: string
  /** Where it came otherwise than predicted, or than the articles say, and why. */
  readonly surprises: readonly string[]
  /** What else a reader must know: how it was measured, what is left out. */
  readonly remarks: readonly string[]
  /** How it was measured: `{ "clients": 8, "rounds": 3, "warm-up": "100 ms" }`. */
  readonly setup: Readonly<Record<string, string | number>>
  readonly measurements: readonly Measurement[]
  readonly tables: readonly Table[]
  /** A coordinate or value that is NaN, null in JSON, is a gap. */
  readonly plots: readonly Figure[]
}

export interface Measurement {
  /** For programs, unique within an experiment: `pooled lookup p50`. */
  readonly name: string
  readonly unit: Unit
  /** One for each round, in their order; null: nothing was measured in it. */
  readonly rounds: readonly (number | null)[]
  /** Of the rounds; null: of none. */
  readonly median: number | null
  readonly lowest: number | null
  readonly highest: number | null
}

/** `share`: 0 to 1. `count`: how many. */
export type Unit = 'ms' | '1/s' | 'bytes' | 'count' | 'share' | 'ratio'
