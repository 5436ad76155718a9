/**
 * What the monitor shows, at one instant: `/api/snapshot` is this value as JSON, `/metrics` and the page are made of it.
 * The guide (docs/guide/monitoring.md) describes it for readers outside.
 *
 * Sums, and who keeps servers: who is connected from where stands in SHOW CLIENTS, behind a login, and no secret is in any of it.
 */

import type { PoolSnapshot } from '../metrics/snapshot.ts'
import type {
  AuditFigures,
  DatabaseCounters,
  HolderFigures,
  PinFigures,
  PoolerFigures,
  PoolFigures,
  PoolMode,
} from '../pooler/figures.ts'
import type { ProcessFigures } from './process-figures.ts'
import type { Utilisation } from './utilisation.ts'

/** A TLS certificate that the pooler shows to its clients or its servers. */
export interface CertificateFigures {
  /** The setting that names it, such as `client_tls_cert_file`. */
  readonly name: string
  /** Of the epoch: when it stops being valid. */
  readonly expiresAtMs: number
}

/** What the monitor looks at. Every call is cheap enough for ten in a second, but for `recording`, which takes some 50 ns for each entry. */
export interface MonitorSource {
  readonly figures: Pick<
    PoolerFigures,
    'pools' | 'databases' | 'stats' | 'lists' | 'state' | 'pins' | 'holders' | 'audit' | 'recordings' | 'recording'
  >
  /** Of Taxirank. */
  readonly version: string
  /** Whether new clients are accepted on every address. */
  isListening(): boolean
  /** `max_client_conn`. */
  maxClients(): number
  /** Absent: there are none. */
  certificates?(): readonly CertificateFigures[]
}

export interface MonitorSnapshot {
  /** Of this shape: fields may be added to it, but none changes its meaning or goes. */
  readonly version: 1
  /** Of the epoch. */
  readonly takenAtMs: number
  readonly program: { readonly name: 'taxirank'; readonly version: string; readonly runtime: string }
  readonly state: {
    /** Listening and not draining: what `/readyz` says. */
    readonly isReady: boolean
    readonly isPaused: boolean
    readonly isSuspended: boolean
    readonly isDraining: boolean
  }
  readonly clients: {
    readonly connected: number
    /** Of them: their login has not been decided. */
    readonly loggingIn: number
    /** Of them: wait for a server. */
    readonly waiting: number
    /** `max_client_conn`. */
    readonly max: number
  }
  readonly servers: number
  readonly pools: readonly MonitoredPool[]
  readonly databases: readonly MonitoredDatabase[]
  /** SHOW HOLDERS, SHOW PINS and SHOW AUDIT, without the names of applications: those stand behind a login. Of holders those who have held for longest. */
  readonly holders: readonly MonitoredHolder[]
  readonly pins: readonly MonitoredPin[]
  readonly audit: readonly MonitoredAudit[]
  readonly certificates: readonly CertificateFigures[]
  readonly process: ProcessFigures
}

export interface MonitoredPool extends Utilisation {
  readonly database: string
  readonly user: string
  readonly mode: PoolMode
  readonly clients: PoolFigures['clients']
  readonly servers: PoolFigures['servers']
  /** SHOW POOLS' maxwait. */
  readonly longestWaitMs: number
  /** Servers that clients keep beyond their transactions, how many may be, and for how long any were, in all. */
  readonly pinned: number
  readonly maxPinned: number
  readonly pinnedMs: number
  /** Clients that listen without keeping a server for it. */
  readonly listeners: number
  /** The lending engine's own figures: sizes, lanes, counters, histograms. */
  readonly engine: PoolSnapshot
}

export type MonitoredHolder = Omit<HolderFigures, 'applicationName'>
export type MonitoredPin = Omit<PinFigures, 'applicationName'>
export type MonitoredAudit = Omit<AuditFigures, 'applicationName'>

export interface MonitoredDatabase {
  readonly name: string
  readonly servers: number
  /** 0: no limit. */
  readonly maxServers: number
  readonly clients: number
  /** 0: no limit. */
  readonly maxClients: number
  readonly isPaused: boolean
  readonly isDisabled: boolean
  /** Since the start. Absent: nothing has been counted for it. */
  readonly total?: DatabaseCounters
}

/** In session mode every client holds a server. */
const mostHolders = 100

/** What only the monitor knows. */
export interface Surroundings {
  readonly takenAtMs: number
  readonly process: ProcessFigures
  readonly utilisationOf: (snapshot: PoolSnapshot) => Utilisation
}

export function isReady(source: MonitorSource): boolean {
  return source.isListening() && !source.figures.state().isDraining
}

export function takeSnapshot(
  source: MonitorSource,
  { takenAtMs, process, utilisationOf }: Surroundings,
): MonitorSnapshot {
  const { figures, version } = source
  const pools = figures.pools()
  const lists = figures.lists()
  return {
    version: 1,
    takenAtMs,
    program: { name: 'taxirank', version, runtime: `Bun ${Bun.version}` },
    state: { isReady: isReady(source), ...figures.state() },
    clients: {
      connected: lists.clients,
      loggingIn: lists.loggingIn,
      waiting: pools.reduce((sum, { clients }) => sum + clients.waiting, 0),
      max: source.maxClients(),
    },
    servers: lists.servers,
    pools: pools.map((pool) => monitoredPool(pool, utilisationOf(pool.snapshot))),
    databases: monitoredDatabases(figures),
    holders: figures.holders().slice(0, mostHolders).map(unnamed),
    pins: figures.pins().map(unnamed),
    audit: monitoredAudit(figures.audit()),
    certificates: source.certificates?.() ?? [],
    process,
  }
}

function monitoredPool(pool: PoolFigures, utilisation: Utilisation): MonitoredPool {
  const { snapshot, loadBalanceHosts: _, ...rest } = pool
  return { ...rest, ...utilisation, engine: snapshot }
}

function unnamed<T extends { readonly applicationName: string }>(figures: T): Omit<T, 'applicationName'> {
  const { applicationName: _, ...rest } = figures
  return rest
}

/** Sums over applications. */
function monitoredAudit(rows: readonly AuditFigures[]): MonitoredAudit[] {
  const sums = new Map<string, MonitoredAudit>()
  for (const { applicationName: _, ...row } of rows) {
    const key = JSON.stringify([row.database, row.user, row.what])
    const sum = sums.get(key) ?? { ...row, times: 0 }
    const firstAtMs = Math.min(sum.firstAtMs, row.firstAtMs)
    const lastAtMs = Math.max(sum.lastAtMs, row.lastAtMs)
    sums.set(key, { ...row, times: sum.times + row.times, firstAtMs, lastAtMs })
  }
  return [...sums.values()]
}

function monitoredDatabases(figures: MonitorSource['figures']): MonitoredDatabase[] {
  const totals = new Map(figures.stats().map(({ database, total }) => [database, total]))
  return figures.databases().map((database) => {
    const { name, servers, maxServers, clients, maxClients, isPaused, isDisabled } = database
    const total = totals.get(name)
    return { name, servers, maxServers, clients, maxClients, isPaused, isDisabled, ...(total && { total }) }
  })
}
