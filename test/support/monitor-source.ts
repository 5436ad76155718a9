/** What a monitor looks at, made by hand: whole figures, of which a test says what is different. */

import { Counters, type PoolCounters } from '../../src/metrics/counters.ts'
import { Histogram, type HistogramSnapshot } from '../../src/metrics/histogram.ts'
import type { PoolSnapshot } from '../../src/metrics/snapshot.ts'
import type { MonitorSource } from '../../src/monitor/monitor-snapshot.ts'
import type {
  DatabaseCounters,
  DatabaseFigures,
  DatabaseStats,
  PoolFigures,
  RecordingFigures,
} from '../../src/pooler/figures.ts'

export function histogramOf(...durations: number[]): HistogramSnapshot {
  const histogram = new Histogram()
  for (const ms of durations) histogram.record(ms)
  return histogram.snapshot()
}

export function countersOf(counted: Partial<PoolCounters> = {}): PoolCounters {
  return { ...new Counters().snapshot(), ...counted }
}

export function engineSnapshot(different: Partial<PoolSnapshot> = {}): PoolSnapshot {
  return {
    name: 'shop.app',
    takenAtMs: 5_000,
    state: 'open',
    maxSize: 20,
    minSize: 2,
    reserveSize: 5,
    slots: { opening: 1, checking: 0, idle: 4, leased: 6, shared: 0, resetting: 0, closing: 0 },
    waiting: 3,
    longestWaitMs: 12.3,
    lanes: [{ name: '', reserved: 0, waiting: 3, leased: 6 }],
    counters: countersOf({ leases: 1_000, immediate: 900 }),
    heldMs: 0,
    waitMs: histogramOf(0, 12.3),
    holdMs: histogramOf(2),
    openMs: histogramOf(),
    ...different,
  }
}

export function poolFigures(different: Partial<PoolFigures> = {}): PoolFigures {
  return {
    database: 'shop',
    user: 'app',
    mode: 'transaction',
    loadBalanceHosts: undefined,
    clients: { idle: 40, active: 6, waiting: 3, active_cancel_req: 0, waiting_cancel_req: 1 },
    servers: { login: 1, idle: 3, used: 1, tested: 0, active: 6, active_cancel: 0, being_canceled: 0 },
    longestWaitMs: 12.3,
    pinned: 2,
    maxPinned: 19,
    pinnedMs: 4_500,
    listeners: 3,
    snapshot: engineSnapshot(),
    ...different,
  }
}

export function databaseFigures(different: Partial<DatabaseFigures> = {}): DatabaseFigures {
  return {
    name: 'shop',
    host: 'db.internal',
    port: 5432,
    database: 'shop_production',
    forcedUser: undefined,
    poolSize: 20,
    minPoolSize: 2,
    reservePoolSize: 5,
    serverLifetimeMs: 3_600_000,
    mode: undefined,
    loadBalanceHosts: undefined,
    maxServers: 0,
    servers: 11,
    maxClients: 100,
    clients: 50,
    isPaused: false,
    isDisabled: true,
    ...different,
  }
}

export function recordingFigures(different: Partial<RecordingFigures> = {}): RecordingFigures {
  return { database: 'shop', user: 'app', entries: 3, capacity: 10, overwritten: 0, recordedMs: 5_000, ...different }
}

const total: DatabaseCounters = {
  assignments: 1_000,
  transactions: 990,
  queries: 2_970,
  receivedBytes: 123_456,
  sentBytes: 7_654_321,
  transactionMs: 2_500.5,
  queryMs: 2_000,
  waitMs: 12.3,
  clientParses: 5,
  serverParses: 2,
  binds: 50,
  logins: 60,
}

export interface Fake {
  readonly pools: readonly PoolFigures[]
  readonly databases: readonly DatabaseFigures[]
  readonly stats: readonly DatabaseStats[]
  readonly recordings: readonly RecordingFigures[]
  readonly isListening: boolean
  readonly isPaused: boolean
  readonly isDraining: boolean
}

/** `fake`: what is different, or a function that says what is different now. */
export function fakeSource(fake: Partial<Fake> | (() => Partial<Fake>) = {}): MonitorSource {
  const now = typeof fake === 'function' ? fake : () => fake
  return {
    version: '0.1.0',
    figures: {
      pools: () => [...(now().pools ?? [poolFigures()])],
      pins: () => [],
      holders: () => [],
      audit: () => [],
      recordings: () => [...(now().recordings ?? [])],
      recording: (database, user) => new TextEncoder().encode(`of ${user} in ${database}`),
      databases: () => [...(now().databases ?? [databaseFigures()])],
      stats: () => [...(now().stats ?? [{ database: 'shop', total, average: total }])],
      lists: () => ({
        databases: 1,
        users: 1,
        pools: 1,
        clients: 52,
        loggingIn: 2,
        servers: 11,
        dnsNames: 0,
        dnsPending: 0,
      }),
      state: () => ({ isPaused: now().isPaused ?? false, isSuspended: false, isDraining: now().isDraining ?? false }),
    },
    isListening: () => now().isListening ?? true,
    maxClients: () => 100,
    certificates: () => [{ name: 'client_tls_cert_file', expiresAtMs: 1_800_000_000_000 }],
  }
}
