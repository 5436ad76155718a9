/** What the advisor says: plain values that survive JSON. `advise` makes them out of readings; docs/guide/sizing.md explains them. */

import type { DatabaseReading } from './database-reading.ts'
import type { Missing } from './missing.ts'
import type { PoolerReading } from './pooler-reading.ts'

export interface Advice {
  /** Of this shape: fields may be added to it, but none changes its meaning or goes. */
  readonly version: 1
  readonly watchedMs: number
  /** Of the database; absent: not known, and then nothing is said of what it can use. */
  readonly cores?: number
  readonly coresFrom?: 'told' | 'this machine'
  /** Share of the holds, as they were measured, that others on the same cores make longer: `taxirank simulate --on-core`. */
  readonly onCore?: number
  /** The pooler's pools, the busiest first; or, without a pooler, the database's connections as one. */
  readonly pools: readonly PoolAdvice[]
  /** Of all pools together. */
  readonly total: TotalAdvice
  /** In sentences: what to do first, first. */
  readonly findings: readonly Finding[]
  /** For pgbouncer.ini: the sizes that are advised. */
  readonly iniFragment: string
  readonly notSeen: readonly Missing[]
  readonly readings: { readonly database: DatabaseReading; readonly pooler?: PoolerReading }
}

export interface PoolAdvice {
  /** `shop/app`: database and user. Without a pooler: `all connections`. */
  readonly name: string
  readonly database: string
  readonly user: string
  /** Absent: not known, or there is no pool. */
  readonly sizeNow?: number
  /** Absent: not enough was seen. */
  readonly sizeAdvised?: number
  /** What decides it: what is asked for, what the database's cores can do, or how many connections it takes. */
  readonly decidedBy?: 'demand' | 'cores' | 'limit'
  readonly arrivalsPerSecond?: number
  readonly meanHeldMs?: number
  /** Connections that were lent. */
  readonly busyMean: number
  readonly busyPeak: number
  /** Of `sizeNow`: above 1, if a reserve was lent, too. */
  readonly utilisationMean?: number
  readonly utilisationPeak?: number
  /** At the advised size, as it is expected. */
  readonly utilisationAdvised?: number
  /** Arrivals a second at which the present size would be in use by 80 %, if each is held for as long. */
  readonly perSecondAt80?: number
  readonly waitP99NowMs?: number
  /** By the simulator, at the present size: how far it can be believed. */
  readonly waitP99SimulatedMs?: number
  /** By the simulator, at the advised size. */
  readonly waitP99AdvisedMs?: number
  /** Nearly all were always lent, and somebody waited: what is asked for may be more than can be seen. */
  readonly isSaturated: boolean
  /** The database's cores were used. */
  readonly isDatabaseFull: boolean
  readonly areCoresKnown: boolean
  /** Its clients keep their servers while they do nothing: it gets no size. */
  readonly isSession: boolean
}

export interface TotalAdvice {
  /** `max_connections` less what is reserved. Absent: not known. */
  readonly available?: number
  /** At most at any one time. */
  readonly connectionsPeak?: number
  /** What all pools may open together, as they are now and as is advised. */
  readonly configured?: number
  readonly advised?: number
  /** More than the database can use at once is of no use: for all pools together. */
  readonly useful?: number
  /** What each backend takes. */
  readonly bytesEach: readonly [least: number, most: number]
  readonly bytesEachFrom: 'measured' | 'common'
  /** What each instance's own pool would need, and whether the sum of those is too large. */
  readonly perInstance?: number
  readonly needsPooler?: boolean
}

export type Level = 'problem' | 'warning' | 'advice' | 'fine'

export interface Finding {
  /** For programs: `pool_size`, `utilisation`, `total`, …; several may have the same. */
  readonly code: string
  readonly level: Level
  /** One or more sentences. */
  readonly text: string
  /** The numbers behind them. */
  readonly figures: Readonly<Record<string, number>>
}
