import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  databaseFigures,
  engineSnapshot,
  type Fake,
  fakeSource,
  histogramOf,
  poolFigures,
} from '../../test/support/monitor-source.ts'
import { prometheusText } from '../metrics/prometheus-text.ts'
import { metricsText } from './metrics-text.ts'
import { type MonitorSnapshot, takeSnapshot } from './monitor-snapshot.ts'

function snapshotOf(fake: Partial<Fake> = {}): MonitorSnapshot {
  return takeSnapshot(fakeSource(fake), {
    takenAtMs: 1_799_999_000_000,
    process: {
      startedAtMs: 1_795_899_000_000,
      cpuUserMs: 1_500,
      cpuSystemMs: 500.5,
      residentBytes: 52_428_800,
      openFiles: 77,
      maxOpenFiles: 20_000,
      loopDelayMs: histogramOf(0, 3),
    },
    utilisationOf: () => ({ utilisation: 0.3, utilisationOverMs: 10_000 }),
  })
}

/** Without what the engine's own figures are, whose text has a test of its own. */
function beyondEngine(text: string): string[] {
  const engine = new Set(
    prometheusText([engineSnapshot()])
      .match(/^# TYPE \S+/gm)
      ?.map((line) => line.slice(7)),
  )
  const isEngine = (line: string): boolean => {
    const name = /^(?:# (?:HELP|TYPE) )?([a-z_]+)/.exec(line)?.[1] ?? ''
    return engine.has(name) || engine.has(name.replace(/_(?:bucket|sum|count)$/, ''))
  }
  return text.split('\n').filter((line) => !isEngine(line))
}

describe('metricsText', () => {
  it('writes every figure, in seconds where it is a time', () => {
    const lines = beyondEngine(metricsText(snapshotOf())).filter(
      (line) => !/_delay_seconds_bucket.*[^f]"\} /.test(line),
    )
    assert.deepEqual(lines, expected.replace('BUN', Bun.version).split('\n'))
  })

  it('has the engine’s figures of each pool, by database and user', () => {
    const engine = prometheusText([engineSnapshot()]).replaceAll('pool="shop.app"', 'database="shop",user="app"')
    assert.ok(metricsText(snapshotOf()).includes(engine))
  })

  it('escapes what clients call themselves, and tells pools apart that read the same', () => {
    const same = { database: 'a"b\\', user: 'c\nd' }
    const text = metricsText(snapshotOf({ pools: [poolFigures(same), poolFigures(same), poolFigures(same)] }))
    const users = text.split('\n').filter((line) => line.startsWith('taxirank_pool_maxwait_seconds{'))
    assert.deepEqual(users, [
      String.raw`taxirank_pool_maxwait_seconds{database="a\"b\\",user="c\nd"} 0.0123`,
      String.raw`taxirank_pool_maxwait_seconds{database="a\"b\\",user="c\nd (2)"} 0.0123`,
      String.raw`taxirank_pool_maxwait_seconds{database="a\"b\\",user="c\nd (3)"} 0.0123`,
    ])
    const samples = text.split('\n').filter((line) => !line.startsWith('#'))
    assert.equal(new Set(samples.map((line) => line.replace(/ \S+$/, ''))).size, samples.length, 'no sample twice')
  })

  it('leaves out what is not known', () => {
    const { openFiles: _, maxOpenFiles: __, ...process } = snapshotOf().process
    const [pool] = snapshotOf().pools
    assert.ok(pool)
    const text = metricsText({
      ...snapshotOf({ databases: [databaseFigures({ name: 'new' })] }),
      process,
      certificates: [],
      pools: [{ ...pool, utilisation: null }],
    })
    assert.doesNotMatch(text, /_fds|certificate|utilisation|database_queries/)
    assert.match(text, /^taxirank_database_clients\{database="new"\} 50$/m)
  })
})

const expected = `# HELP taxirank_build_info Which program this is: always 1.
# TYPE taxirank_build_info gauge
taxirank_build_info{version="0.1.0",runtime="Bun BUN"} 1
# HELP taxirank_ready Whether clients are accepted: listening and not draining.
# TYPE taxirank_ready gauge
taxirank_ready 1
# HELP taxirank_state Whether the pooler as a whole is in this state: 1 or 0.
# TYPE taxirank_state gauge
taxirank_state{state="paused"} 0
taxirank_state{state="suspended"} 0
taxirank_state{state="draining"} 0
# HELP taxirank_clients_connected Clients, those that log in included.
# TYPE taxirank_clients_connected gauge
taxirank_clients_connected 52
# HELP taxirank_clients_logging_in Clients whose login has not been decided.
# TYPE taxirank_clients_logging_in gauge
taxirank_clients_logging_in 2
# HELP taxirank_max_client_conn Most clients that are let in.
# TYPE taxirank_max_client_conn gauge
taxirank_max_client_conn 100
# HELP taxirank_servers_connected Connections to PostgreSQL, of all pools.
# TYPE taxirank_servers_connected gauge
taxirank_servers_connected 11
# HELP taxirank_tls_certificate_expires_in_seconds How long a certificate of ours is still valid; negative afterwards.
# TYPE taxirank_tls_certificate_expires_in_seconds gauge
taxirank_tls_certificate_expires_in_seconds{certificate="client_tls_cert_file"} 1000
# HELP taxirank_pool_clients Clients by state.
# TYPE taxirank_pool_clients gauge
taxirank_pool_clients{database="shop",user="app",state="idle"} 40
taxirank_pool_clients{database="shop",user="app",state="active"} 6
taxirank_pool_clients{database="shop",user="app",state="waiting"} 3
taxirank_pool_clients{database="shop",user="app",state="active_cancel_req"} 0
taxirank_pool_clients{database="shop",user="app",state="waiting_cancel_req"} 1
# HELP taxirank_pool_servers Connections to PostgreSQL by state.
# TYPE taxirank_pool_servers gauge
taxirank_pool_servers{database="shop",user="app",state="login"} 1
taxirank_pool_servers{database="shop",user="app",state="idle"} 3
taxirank_pool_servers{database="shop",user="app",state="used"} 1
taxirank_pool_servers{database="shop",user="app",state="tested"} 0
taxirank_pool_servers{database="shop",user="app",state="active"} 6
taxirank_pool_servers{database="shop",user="app",state="active_cancel"} 0
taxirank_pool_servers{database="shop",user="app",state="being_canceled"} 0
# HELP taxirank_pool_maxwait_seconds How long the client that has waited longest has been waiting for a server.
# TYPE taxirank_pool_maxwait_seconds gauge
taxirank_pool_maxwait_seconds{database="shop",user="app"} 0.0123
# HELP taxirank_pool_pinned_servers Servers that clients keep beyond their transactions.
# TYPE taxirank_pool_pinned_servers gauge
taxirank_pool_pinned_servers{database="shop",user="app"} 2
# HELP taxirank_pool_max_pinned_servers Most servers that clients may keep.
# TYPE taxirank_pool_max_pinned_servers gauge
taxirank_pool_max_pinned_servers{database="shop",user="app"} 19
# HELP taxirank_pool_pinned_seconds_total For how long clients have kept servers beyond their transactions, in all.
# TYPE taxirank_pool_pinned_seconds_total counter
taxirank_pool_pinned_seconds_total{database="shop",user="app"} 4.5
# HELP taxirank_pool_listening_clients Clients that listen by the connection of their pool that does so for all.
# TYPE taxirank_pool_listening_clients gauge
taxirank_pool_listening_clients{database="shop",user="app"} 3
# HELP taxirank_pool_utilisation_ratio Leased share of the pool, over the last ten seconds or since the scrape before; absent until it is known.
# TYPE taxirank_pool_utilisation_ratio gauge
taxirank_pool_utilisation_ratio{database="shop",user="app"} 0.3
# HELP taxirank_database_servers Connections to PostgreSQL for this database.
# TYPE taxirank_database_servers gauge
taxirank_database_servers{database="shop"} 11
# HELP taxirank_database_max_servers Most connections for this database; 0: no limit.
# TYPE taxirank_database_max_servers gauge
taxirank_database_max_servers{database="shop"} 0
# HELP taxirank_database_clients Clients of this database.
# TYPE taxirank_database_clients gauge
taxirank_database_clients{database="shop"} 50
# HELP taxirank_database_max_clients Most clients of this database; 0: no limit.
# TYPE taxirank_database_max_clients gauge
taxirank_database_max_clients{database="shop"} 100
# HELP taxirank_database_paused Whether it is paused: 1 or 0.
# TYPE taxirank_database_paused gauge
taxirank_database_paused{database="shop"} 0
# HELP taxirank_database_disabled Whether new clients are refused: 1 or 0.
# TYPE taxirank_database_disabled gauge
taxirank_database_disabled{database="shop"} 1
# HELP taxirank_database_server_assignments_total How often a client was given a server.
# TYPE taxirank_database_server_assignments_total counter
taxirank_database_server_assignments_total{database="shop"} 1000
# HELP taxirank_database_transactions_total Transactions.
# TYPE taxirank_database_transactions_total counter
taxirank_database_transactions_total{database="shop"} 990
# HELP taxirank_database_queries_total Queries.
# TYPE taxirank_database_queries_total counter
taxirank_database_queries_total{database="shop"} 2970
# HELP taxirank_database_received_bytes_total Bytes that clients sent.
# TYPE taxirank_database_received_bytes_total counter
taxirank_database_received_bytes_total{database="shop"} 123456
# HELP taxirank_database_sent_bytes_total Bytes that servers answered.
# TYPE taxirank_database_sent_bytes_total counter
taxirank_database_sent_bytes_total{database="shop"} 7654321
# HELP taxirank_database_transaction_seconds_total Time spent in transactions.
# TYPE taxirank_database_transaction_seconds_total counter
taxirank_database_transaction_seconds_total{database="shop"} 2.5005
# HELP taxirank_database_query_seconds_total Time spent in queries.
# TYPE taxirank_database_query_seconds_total counter
taxirank_database_query_seconds_total{database="shop"} 2
# HELP taxirank_database_wait_seconds_total Time that clients waited for a server.
# TYPE taxirank_database_wait_seconds_total counter
taxirank_database_wait_seconds_total{database="shop"} 0.0123
# HELP taxirank_database_client_parses_total Statements that clients prepared.
# TYPE taxirank_database_client_parses_total counter
taxirank_database_client_parses_total{database="shop"} 5
# HELP taxirank_database_server_parses_total Statements prepared on servers.
# TYPE taxirank_database_server_parses_total counter
taxirank_database_server_parses_total{database="shop"} 2
# HELP taxirank_database_binds_total Prepared statements bound.
# TYPE taxirank_database_binds_total counter
taxirank_database_binds_total{database="shop"} 50
# HELP taxirank_database_client_logins_total Logins of clients.
# TYPE taxirank_database_client_logins_total counter
taxirank_database_client_logins_total{database="shop"} 60
# HELP process_cpu_seconds_total User and system time.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 2.0005
# HELP process_resident_memory_bytes Resident memory.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 52428800
# HELP process_open_fds Open file descriptors.
# TYPE process_open_fds gauge
process_open_fds 77
# HELP process_max_fds Most open file descriptors.
# TYPE process_max_fds gauge
process_max_fds 20000
# HELP process_start_time_seconds When the process started, since the epoch.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1795899000
# HELP taxirank_event_loop_delay_seconds How late the process came to a timer, ten times a second.
# TYPE taxirank_event_loop_delay_seconds histogram
taxirank_event_loop_delay_seconds_bucket{le="+Inf"} 2
taxirank_event_loop_delay_seconds_sum 0.003
taxirank_event_loop_delay_seconds_count 2
`
