/** A snapshot in Prometheus' text format: the engine's figures of every pool, and what the pooler knows beyond them. */

import {
  expositionText,
  type Family,
  histogramSamples,
  type Label,
  type Sample,
  secondsOf,
} from '../metrics/exposition.ts'
import { poolFamilies } from '../metrics/prometheus-text.ts'
import type { DatabaseCounters } from '../pooler/figures.ts'
import type { MonitoredPool, MonitorSnapshot } from './monitor-snapshot.ts'

interface LabelledPool extends MonitoredPool {
  readonly labels: readonly Label[]
}

/** To be served as `expositionType`. */
export function metricsText(snapshot: MonitorSnapshot): string {
  const pools = labelled(snapshot.pools)
  return expositionText([
    ...poolerFamilies(snapshot),
    ...poolFigures(pools),
    ...poolFamilies(pools.map(({ labels, engine }) => ({ labels, snapshot: engine }))),
    auditFamily(snapshot.audit),
    ...databaseFamilies(snapshot.databases),
    ...processFamilies(snapshot.process),
  ])
}

/**
 * Names that clients made up may read the same once their bytes are text, and one sample twice would make Prometheus
 * refuse the whole page. So the second one of a name says that it is the second.
 */
function labelled(pools: readonly MonitoredPool[]): LabelledPool[] {
  const seen = new Map<string, number>()
  return pools.map((pool) => {
    const key = JSON.stringify([pool.database.toWellFormed(), pool.user.toWellFormed()])
    const times = (seen.get(key) ?? 0) + 1
    seen.set(key, times)
    const user = times === 1 ? pool.user : `${pool.user} (${times})`
    return { ...pool, labels: [label('database', pool.database), label('user', user)] }
  })
}

function poolerFamilies({ program, state, clients, servers, certificates, takenAtMs }: MonitorSnapshot): Family[] {
  const { isReady, isPaused, isSuspended, isDraining } = state
  const flags = { paused: isPaused, suspended: isSuspended, draining: isDraining }
  const build = [label('version', program.version), label('runtime', program.runtime)]
  return [
    gauge('taxirank_build_info', 'Which program this is: always 1.', [{ labels: build, value: 1 }]),
    gauge('taxirank_ready', 'Whether clients are accepted: listening and not draining.', one(Number(isReady))),
    gauge(
      'taxirank_state',
      'Whether the pooler as a whole is in this state: 1 or 0.',
      Object.entries(flags).map(([name, is]) => ({ labels: [label('state', name)], value: Number(is) })),
    ),
    gauge('taxirank_clients_connected', 'Clients, those that log in included.', one(clients.connected)),
    gauge('taxirank_clients_logging_in', 'Clients whose login has not been decided.', one(clients.loggingIn)),
    gauge('taxirank_max_client_conn', 'Most clients that are let in.', one(clients.max)),
    gauge('taxirank_servers_connected', 'Connections to PostgreSQL, of all pools.', one(servers)),
    gauge(
      'taxirank_tls_certificate_expires_in_seconds',
      'How long a certificate of ours is still valid; negative afterwards.',
      certificates.map(({ name, expiresAtMs }) => ({
        labels: [label('certificate', name)],
        value: secondsOf(expiresAtMs - takenAtMs),
      })),
    ),
  ]
}

function poolFigures(pools: readonly LabelledPool[]): Family[] {
  return [
    gauge('taxirank_pool_clients', 'Clients by state.', byState(pools, 'clients')),
    gauge('taxirank_pool_servers', 'Connections to PostgreSQL by state.', byState(pools, 'servers')),
    gauge(
      'taxirank_pool_maxwait_seconds',
      'How long the client that has waited longest has been waiting for a server.',
      pools.map(({ labels, longestWaitMs }) => ({ labels, value: secondsOf(longestWaitMs) })),
    ),
    gauge(
      'taxirank_pool_pinned_servers',
      'Servers that clients keep beyond their transactions.',
      pools.map(({ labels, pinned }) => ({ labels, value: pinned })),
    ),
    gauge(
      'taxirank_pool_max_pinned_servers',
      'Most servers that clients may keep.',
      pools.map(({ labels, maxPinned }) => ({ labels, value: maxPinned })),
    ),
    {
      name: 'taxirank_pool_pinned_seconds_total',
      type: 'counter',
      help: 'For how long clients have kept servers beyond their transactions, in all.',
      samples: pools.map(({ labels, pinnedMs }) => ({ labels, value: secondsOf(pinnedMs) })),
    },
    gauge(
      'taxirank_pool_listening_clients',
      'Clients that listen by the connection of their pool that does so for all.',
      pools.map(({ labels, listeners }) => ({ labels, value: listeners })),
    ),
    gauge(
      'taxirank_pool_utilisation_ratio',
      'Leased share of the pool, over the last ten seconds or since the scrape before; absent until it is known.',
      pools.flatMap(({ labels, utilisation }) =>
        utilisation === null ? [] : [{ labels, value: Math.round(utilisation * 1e6) / 1e6 }],
      ),
    ),
  ]
}

function byState(pools: readonly LabelledPool[], side: 'clients' | 'servers'): Sample[] {
  return pools.flatMap(({ labels, [side]: counts }) =>
    Object.entries(counts).map(([state, value]) => ({ labels: [...labels, label('state', state)], value })),
  )
}

/** Without names of parameters, of which there may be any number. */
function auditFamily(audit: MonitorSnapshot['audit']): Family {
  const sums = new Map<string, Sample>()
  for (const { database, user, what, times } of audit) {
    const kind = what.startsWith('SET ') ? 'SET' : what
    const labels = [label('database', database), label('user', user), label('what', kind)]
    const key = JSON.stringify(labels)
    sums.set(key, { labels, value: times + (sums.get(key)?.value ?? 0) })
  }
  const help = 'Statements that plain transaction pooling would break.'
  return { name: 'taxirank_session_state_total', type: 'counter', help, samples: [...sums.values()] }
}

interface CounterText {
  readonly name: string
  readonly help: string
  readonly isTime?: boolean
}

const databaseCounters: Readonly<Record<keyof DatabaseCounters, CounterText>> = {
  assignments: { name: 'server_assignments', help: 'How often a client was given a server.' },
  transactions: { name: 'transactions', help: 'Transactions.' },
  queries: { name: 'queries', help: 'Queries.' },
  receivedBytes: { name: 'received_bytes', help: 'Bytes that clients sent.' },
  sentBytes: { name: 'sent_bytes', help: 'Bytes that servers answered.' },
  transactionMs: { name: 'transaction_seconds', help: 'Time spent in transactions.', isTime: true },
  queryMs: { name: 'query_seconds', help: 'Time spent in queries.', isTime: true },
  waitMs: { name: 'wait_seconds', help: 'Time that clients waited for a server.', isTime: true },
  clientParses: { name: 'client_parses', help: 'Statements that clients prepared.' },
  serverParses: { name: 'server_parses', help: 'Statements prepared on servers.' },
  binds: { name: 'binds', help: 'Prepared statements bound.' },
  logins: { name: 'client_logins', help: 'Logins of clients.' },
}

function databaseFamilies(databases: MonitorSnapshot['databases']): Family[] {
  const figures = databases.map((database) => ({ ...database, labels: [label('database', database.name)] }))
  const perDatabase = (name: string, help: string, valueOf: (of: (typeof figures)[number]) => number): Family =>
    gauge(
      `taxirank_database_${name}`,
      help,
      figures.map((database) => ({ labels: database.labels, value: valueOf(database) })),
    )
  return [
    perDatabase('servers', 'Connections to PostgreSQL for this database.', ({ servers }) => servers),
    perDatabase('max_servers', 'Most connections for this database; 0: no limit.', ({ maxServers }) => maxServers),
    perDatabase('clients', 'Clients of this database.', ({ clients }) => clients),
    perDatabase('max_clients', 'Most clients of this database; 0: no limit.', ({ maxClients }) => maxClients),
    perDatabase('paused', 'Whether it is paused: 1 or 0.', ({ isPaused }) => Number(isPaused)),
    perDatabase('disabled', 'Whether new clients are refused: 1 or 0.', ({ isDisabled }) => Number(isDisabled)),
    ...(Object.keys(databaseCounters) as (keyof DatabaseCounters)[]).map((key): Family => {
      const { name, help, isTime = false } = databaseCounters[key]
      const samples = figures.flatMap(({ labels, total }) =>
        total === undefined ? [] : [{ labels, value: isTime ? secondsOf(total[key]) : total[key] }],
      )
      return { name: `taxirank_database_${name}_total`, type: 'counter', help, samples }
    }),
  ]
}

/** The names that Prometheus' own client libraries give them. */
function processFamilies(figures: MonitorSnapshot['process']): Family[] {
  const { startedAtMs, cpuUserMs, cpuSystemMs, residentBytes, openFiles, maxOpenFiles, loopDelayMs } = figures
  const cpu = one(secondsOf(cpuUserMs + cpuSystemMs))
  return [
    { name: 'process_cpu_seconds_total', type: 'counter', help: 'User and system time.', samples: cpu },
    gauge('process_resident_memory_bytes', 'Resident memory.', one(residentBytes)),
    gauge('process_open_fds', 'Open file descriptors.', openFiles === undefined ? [] : one(openFiles)),
    gauge('process_max_fds', 'Most open file descriptors.', maxOpenFiles === undefined ? [] : one(maxOpenFiles)),
    gauge('process_start_time_seconds', 'When the process started, since the epoch.', one(secondsOf(startedAtMs))),
    {
      name: 'taxirank_event_loop_delay_seconds',
      type: 'histogram',
      help: 'How late the process came to a timer, ten times a second.',
      samples: histogramSamples(loopDelayMs, []),
    },
  ]
}

function one(value: number): Sample[] {
  return [{ labels: [], value }]
}

function label(name: string, value: string): Label {
  return [name, value]
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, type: 'gauge', help, samples }
}
