/**
 * What a look at a live database has shown, over a while: plain frozen values that survive JSON. A field that is absent could
 * not be seen, and `missing` says why. Names end with their unit; times of day are milliseconds since the epoch.
 *
 * No text of a running statement is in it, since those contain values; the texts of pg_stat_statements are without, and those that
 * may hold a password are left out.
 */

import type { Distribution } from './distribution.ts'
import type { Missing } from './missing.ts'

export interface DatabaseReading {
  /** Without the password. */
  readonly address: string
  /** When the watch began, by our clock. */
  readonly takenAtMs: number
  /** Between the first look and the last one. */
  readonly watchedMs: number
  readonly server?: ServerReading
  /** The address is a pooler's. Absent: PostgreSQL's own. */
  readonly pooler?: PoolerInFront
  readonly own: OwnUse
  readonly settings?: DatabaseSettings
  readonly activity?: ActivityReading
  readonly locks?: LocksReading
  readonly counters?: CountersReading
  readonly statements?: StatementsReading
  readonly backendMemory?: BackendMemory
  readonly machine?: MachineReading
  readonly missing: readonly Missing[]
}

export interface PoolerInFront {
  /** `other`: the process id that the login told is not the backend's. */
  readonly kind: 'taxirank' | 'other'
  /** Of Taxirank. */
  readonly version?: string
}

/** What this reading has asked itself, which a pooler in between counts among the rest. */
export interface OwnUse {
  /** As they are called in the address. */
  readonly database: string
  readonly user: string
  /** Of the connections that were lent, at most so many were for this, on average: 0 to 1. */
  readonly busyMean: number
}

export interface ServerReading {
  /** 180004: 18.4. */
  readonly versionNumber: number
  /** As PostgreSQL says it: `18.4`. */
  readonly version: string
  readonly startedAtMs: number
  readonly isStandby: boolean
  /** The current ones. */
  readonly database: string
  readonly user: string
  /** Whether the user may see what others do: superuser, or member of pg_read_all_stats (pg_monitor is). */
  readonly seesAll: boolean
  /** Its processes are this machine's and can be seen from here. False also where that can't be known. */
  readonly isLocal: boolean
  /** What it may use: absent unless `coresFrom` says from where. */
  readonly cores?: number
  readonly coresFrom?: 'this machine'
}

/** As sessions of this user in this database begin with; a limit or time-out of 0 is none. */
export interface DatabaseSettings {
  readonly maxConnections: number
  readonly superuserReservedConnections: number
  /** From PostgreSQL 16 on. */
  readonly reservedConnections?: number
  /** Connections of the current database and of the current user; absent: no limit. */
  readonly databaseConnectionLimit?: number
  readonly userConnectionLimit?: number
  readonly sharedBuffersBytes: number
  readonly workMemBytes: number
  readonly hashMemMultiplier?: number
  readonly maintenanceWorkMemBytes: number
  readonly effectiveCacheSizeBytes: number
  /** 4 is for disks that turn, about 1.1 for others. */
  readonly randomPageCost: number
  readonly statementTimeoutMs: number
  readonly lockTimeoutMs: number
  readonly idleInTransactionSessionTimeoutMs: number
  /** From PostgreSQL 14 and 17 on. */
  readonly idleSessionTimeoutMs?: number
  readonly transactionTimeoutMs?: number
  readonly maxWalSenders: number
  readonly maxWorkerProcesses: number
  readonly maxParallelWorkers: number
  readonly maxParallelWorkersPerGather: number
  readonly autovacuumMaxWorkers: number
  readonly maxPreparedTransactions: number
  /** track_activities: off, states are not known. */
  readonly tracksActivities: boolean
}

/** pg_stat_activity, sampled: client backends, without the one that answers us. */
export interface ActivityReading {
  readonly samples: number
  readonly everyMs: number
  readonly connections: Distribution
  /** Not waiting for anything, as far as PostgreSQL knows: on a CPU, or ready for one. */
  readonly activeOnCpu: Distribution
  /** In a statement, all of them: on a CPU or waiting. */
  readonly active: Distribution
  /** In a statement and waiting, by wait_event_type: Lock, LWLock, IO, Client, IPC, Timeout (pg_sleep), …. Only those that were seen. */
  readonly activeWaiting: Readonly<Record<string, Distribution>>
  readonly idle: Distribution
  /** Both kinds. */
  readonly idleInTransaction: Distribution
  /** Of them: (aborted). */
  readonly idleInAbortedTransaction: Distribution
  /** What they do can't be seen: others', without the right to; or track_activities is off there. */
  readonly hidden: Distribution
  /** Not client backends, but they use CPU for them. */
  readonly parallelWorkers: Distribution
  /** Of them: not waiting for anything. */
  readonly workersOnCpu: Distribution
  readonly walSenders: Distribution
  /** Connections from another machine than the server's; those whose address is hidden are not in it. */
  readonly remote: Distribution
  /** Prepared transactions that wait for their end. They have no connection, but may hold locks. */
  readonly preparedTransactions: number
  /** The one that had been idle in its transaction for longest, of all samples. */
  readonly longestIdleInTransaction?: LongIdleInTransaction
  /** By user, database and application, most connections first; the first 50. */
  readonly groups: readonly ConnectionGroup[]
  /** Beyond those; 1,000 are told apart. */
  readonly moreGroups: number
}

export interface LongIdleInTransaction {
  readonly pid: number
  readonly database: string
  readonly user: string
  readonly application: string
  /** Since its last statement, and since its transaction began. */
  readonly idleMs: number
  readonly transactionMs: number
}

export interface ConnectionGroup {
  readonly database: string
  readonly user: string
  readonly application: string
  readonly connections: Distribution
  readonly active: Distribution
  readonly idleInTransaction: Distribution
  readonly hidden: Distribution
  /** The most different addresses from which it was connected at once: instances, or poolers. 0: unix sockets, or hidden. */
  readonly addresses: number
  /** At the end of the watch: idle, and nothing has run there since before it began. */
  readonly unused: number
  /** For how long the least idle of those had been; absent if there is none. */
  readonly unusedForAtLeastMs?: number
}

/** pg_locks, in those samples where somebody waited for a lock; else nobody waits. */
export interface LocksReading {
  readonly samples: number
  readonly notGranted: Distribution
  /** Backends that wait for others, at most 20 looked at, and by how many different ones they are blocked. */
  readonly blocked: Distribution
  readonly blockers: Distribution
}

/** pg_stat_database, its growth over the watch. */
export interface CountersReading {
  /** Between the two readings, by the server's clock. */
  readonly overMs: number
  /** Backends report once a second and at the end of a transaction, so each figure may be off by what happens in this time. */
  readonly lagMs: number
  /** The watch was at least ten times as long as that. If it is false, take nothing from rates. */
  readonly isReliable: boolean
  /** Of our own, in the current database: they are in `commits`, and not in the rates. */
  readonly ownTransactions: number
  /** Sums over all databases. */
  readonly all: DatabaseGrowth
  readonly current?: NamedGrowth
  /** Those with most transactions first, at most 50. */
  readonly databases: readonly NamedGrowth[]
}

/** What pg_stat_database counts. */
export interface DatabaseCounts {
  readonly commits: number
  readonly rollbacks: number
  readonly blocksHit: number
  readonly blocksRead: number
  readonly deadlocks: number
  /** From PostgreSQL 14 on: sessions that began; times of all sessions, added up. */
  readonly sessions?: number
  readonly sessionMs?: number
  readonly activeMs?: number
  readonly idleInTransactionMs?: number
}

export interface DatabaseGrowth extends DatabaseCounts {
  /** Commits and rollbacks, without our own. Absent if no time has passed. */
  readonly transactionsPerSecond?: number
  readonly rollbacksPerSecond?: number
  readonly sessionsPerSecond?: number
}

export interface NamedGrowth extends DatabaseGrowth {
  readonly name: string
}

/** pg_stat_statements, without our own statements. */
export interface StatementsReading {
  /** `reset`: the watch has seen fewer than 100 calls, so this is since the statistics were reset. */
  readonly since: 'watch' | 'reset'
  /** How long that is; absent: not known, before PostgreSQL 14. */
  readonly overMs?: number
  /** Of all statements, not only those below. */
  readonly calls: number
  readonly totalMs: number
  /** By total time, the longest first, at most 10. */
  readonly top: readonly StatementReading[]
}

export interface StatementReading {
  readonly database: string
  readonly calls: number
  readonly totalMs: number
  readonly meanMs: number
  readonly rows: number
  /** Of `totalMs` of all, 0 to 1. */
  readonly share: number
  /** Normalised, white space in one, the first 200 characters; absent: hidden. */
  readonly text?: string
}

/** Of client backends that were there at the end of the watch, by /proc. */
export interface BackendMemory {
  /** How many were measured, at most 20. */
  readonly backends: number
  /** Medians. Private: what nobody else has; proportional: and its share of what is shared, without shared buffers. */
  readonly privateBytes: number
  readonly proportionalBytes: number
  readonly largestPrivateBytes: number
}

/** The database's machine, where it is this one. */
export interface MachineReading {
  /** Of all processors' time, 0 to 1: by whomever. */
  readonly busy: number
  /** Threads that ran or were ready to, of whomever but us. */
  readonly ready: Distribution
}
