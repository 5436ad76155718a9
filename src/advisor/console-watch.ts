/**
 * What a console has shown in a watch, condensed. It counts by database: where several users share one, how its load divides
 * among their pools is not known.
 */

import type { ConsoleDatabase, ConsolePool, ConsoleSample, ConsoleTotals } from './console-sample.ts'
import { type Distribution, Tally } from './distribution.ts'
import type { DatabaseLoad, PooledDatabase, PoolMode, PoolReading } from './pooler-reading.ts'

/** What the watch has seen of one pool. */
interface Seen {
  last: ConsolePool
  readonly lent: Tally
  clientsPeak: number
  serversPeak: number
  waitingPeak: number
  longestWaitMs: number
}

export interface ConsoleSetup {
  readonly databases: readonly ConsoleDatabase[]
  /** `default_pool_size` and `reserve_pool_size`: of a pool whose database is gone. */
  readonly usual: { readonly size: number; readonly reserve: number }
}

/** A transaction that is longer than this share of the watch is seen better by samples. */
const longShare = 0.1

export class ConsoleWatch {
  readonly #isWaitInTransactions: boolean
  readonly #first: ConsoleSample
  #last: ConsoleSample
  readonly #pools = new Map<string, Seen>()
  #samples = 0
  #connectedPeak = 0

  /** `isWaitInTransactions`: the time of a transaction begins when its client asks, as PgBouncer counts it. */
  constructor(first: ConsoleSample, isWaitInTransactions = false) {
    this.#isWaitInTransactions = isWaitInTransactions
    this.#first = first
    this.#last = first
    this.add(first)
  }

  get samples(): number {
    return this.#samples
  }

  get connectedPeak(): number {
    return this.#connectedPeak
  }

  get watchedMs(): number {
    return this.#last.atMs - this.#first.atMs
  }

  /** Databases whose load can't be told apart by pool. */
  get sharedDatabases(): readonly string[] {
    const pools = Map.groupBy(this.#pools.values(), ({ last }) => last.database)
    return [...pools].filter(([, all]) => all.length > 1).map(([database]) => database)
  }

  /** The pooler, or its counters, have begun anew. */
  get hasBegunAnew(): boolean {
    return [...this.#last.totals].some(([database, { transactions }]) => {
      return transactions < (this.#first.totals.get(database)?.transactions ?? 0)
    })
  }

  add(sample: ConsoleSample): void {
    this.#samples++
    this.#last = sample
    this.#connectedPeak = Math.max(this.#connectedPeak, sumOf(sample.pools.map(clientsOf)))
    for (const pool of sample.pools) notePeaks(this.#seenOf(pool), pool)
  }

  #seenOf(pool: ConsolePool): Seen {
    const key = JSON.stringify([pool.database, pool.user])
    const seen = this.#pools.get(key) ?? {
      last: pool,
      lent: new Tally(),
      clientsPeak: 0,
      serversPeak: 0,
      waitingPeak: 0,
      longestWaitMs: 0,
    }
    this.#pools.set(key, seen)
    return seen
  }

  pools({ databases, usual }: ConsoleSetup): PoolReading[] {
    const sizes = new Map(databases.map((one) => [one.name, one]))
    const shared = new Set(this.sharedDatabases)
    return [...this.#pools.values()].map((seen) => {
      const { database } = seen.last
      const growth = shared.has(database) ? undefined : this.#growthOf(database)
      return poolReading(seen, sizes.get(database) ?? usual, seen.lent.over(this.#samples), growth)
    })
  }

  databases({ databases }: ConsoleSetup): PooledDatabase[] {
    return databases.map(({ name, servers, maxServers }) => {
      const growth = this.#growthOf(name)
      return { name, servers, ...(maxServers > 0 && { maxServers }), ...(growth && { load: loadOf(growth) }) }
    })
  }

  /** Undefined: no time has passed, or nothing is known of it. One that is new began with nothing. */
  #growthOf(database: string): Growth | undefined {
    const later = this.#last.totals.get(database)
    const earlier = this.#first.totals.get(database)
    if (!later || this.watchedMs <= 0 || this.hasBegunAnew) return undefined
    const transactions = later.transactions - (earlier?.transactions ?? 0)
    const leases = later.assignments === undefined ? {} : { leases: later.assignments - (earlier?.assignments ?? 0) }
    const grown = (name: 'transactionMs' | 'waitMs'): number => later[name] - (earlier?.[name] ?? 0)
    const waitMs = grown('waitMs')
    const transactionMs = Math.max(0, grown('transactionMs') - (this.#isWaitInTransactions ? waitMs : 0))
    return { overMs: this.watchedMs, transactions, ...leases, transactionMs, waitMs }
  }
}

interface Growth extends Omit<ConsoleTotals, 'assignments'> {
  readonly overMs: number
  readonly leases?: number
}

function notePeaks(seen: Seen, pool: ConsolePool): void {
  seen.last = pool
  seen.lent.add(pool.serversActive)
  seen.clientsPeak = Math.max(seen.clientsPeak, clientsOf(pool))
  seen.serversPeak = Math.max(seen.serversPeak, serversOf(pool))
  seen.waitingPeak = Math.max(seen.waitingPeak, pool.clientsWaiting)
  seen.longestWaitMs = Math.max(seen.longestWaitMs, pool.longestWaitMs)
}

function poolReading(
  { last, clientsPeak, serversPeak, waitingPeak, longestWaitMs }: Seen,
  { size, reserve }: ConsoleSetup['usual'],
  lent: Distribution,
  growth: Growth | undefined,
): PoolReading {
  return {
    database: last.database,
    user: last.user,
    mode: modeOf(last.mode),
    size,
    reserve,
    clients: { connected: clientsOf(last), waiting: last.clientsWaiting },
    servers: { active: last.serversActive, idle: last.serversIdle, all: serversOf(last) },
    clientsPeak,
    serversPeak,
    waitingPeak,
    longestWaitMs,
    ...(size > 0 && { utilisation: { from: 'samples', mean: lent.mean / size, peak: lent.max / size } }),
    ...(growth && ratesOf(growth, modeOf(last.mode), size, lent)),
  }
}

/** In session mode a lease is longer than its transactions, and its end is not counted. */
function ratesOf(growth: Growth, mode: PoolMode, size: number, lent: Distribution): Partial<PoolReading> {
  const { overMs, transactions, transactionMs, waitMs } = growth
  const leases = growth.leases ?? (mode === 'session' ? undefined : transactions)
  const arrivals = leases === undefined ? {} : { arrivalsPerSecond: (leases * 1_000) / overMs }
  const waits = leases ? { meanWaitMs: waitMs / leases } : {}
  if (mode === 'session' || transactions === 0) return { ...arrivals, ...waits }
  const meanHeldMs = transactionMs / transactions
  if (size === 0 || meanHeldMs > overMs * longShare) return { ...arrivals, ...waits, meanHeldMs }
  const mean = transactionMs / (overMs * size)
  const utilisation = { from: 'transactions', mean, peak: Math.max(mean, lent.max / size) } as const
  return { ...arrivals, ...waits, meanHeldMs, utilisation }
}

function loadOf({ overMs, transactions, leases = transactions, transactionMs, waitMs }: Growth): DatabaseLoad {
  return {
    transactionsPerSecond: (transactions * 1_000) / overMs,
    ...(transactions > 0 && { meanTransactionMs: transactionMs / transactions }),
    ...(leases > 0 && { meanWaitMs: waitMs / leases }),
  }
}

function modeOf(mode: string): PoolMode {
  return mode === 'session' || mode === 'statement' ? mode : 'transaction'
}

function clientsOf({ clientsActive, clientsWaiting }: ConsolePool): number {
  return clientsActive + clientsWaiting
}

function serversOf({ serversActive, serversIdle, serversLogin }: ConsolePool): number {
  return serversActive + serversIdle + serversLogin
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0)
}
