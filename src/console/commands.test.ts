import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type FakeParts, fakeWorld, Random, wallClockMs } from '../../test/support/console-fakes.ts'
import { query } from '../../test/support/raw-messages.ts'
import { TaxirankError } from '../errors.ts'
import type { ClientFigures, DatabaseCounters, PoolFigures, ServerFigures } from '../pooler/figures.ts'
import { commands } from './commands.ts'

/** As in section 3 of the reference: each column with its type, t text, i int4, q int8, n numeric, b bytea. */
const connection =
  'type t, user t, database t, replication t, state t, addr t, port i, local_addr t, local_port i, connect_time t, ' +
  'request_time t, wait i, wait_us i, close_needed i, ptr t, link t, remote_pid i, tls t, application_name t, ' +
  'prepared_statements i, id i'
const socket = `${connection}, recv_pos i, pkt_pos i, pkt_remain i, send_pos i, send_remain i, pkt_avail i, send_avail i`
const reference: Readonly<Record<string, string>> = {
  CLIENTS: connection,
  SERVERS: connection,
  SOCKETS: socket,
  ACTIVE_SOCKETS: socket,
  POOLS:
    'database t, user t, cl_active i, cl_waiting i, cl_active_cancel_req i, cl_waiting_cancel_req i, sv_active i, ' +
    'sv_active_cancel i, sv_being_canceled i, sv_idle i, sv_used i, sv_tested i, sv_login i, maxwait i, maxwait_us i, ' +
    'pool_mode t, load_balance_hosts t',
  PEER_POOLS: 'peer_id i, cl_active_cancel_req i, cl_waiting_cancel_req i, sv_active_cancel i, sv_login i',
  DATABASES:
    'name t, host t, port i, database t, force_user t, pool_size i, min_pool_size i, reserve_pool_size i, ' +
    'server_lifetime i, pool_mode t, load_balance_hosts t, max_connections i, current_connections i, ' +
    'max_client_connections i, current_client_connections i, paused i, disabled i',
  USERS:
    'name t, pool_size t, reserve_pool_size t, pool_mode t, max_user_connections i, current_connections i, ' +
    'max_user_client_connections i, current_client_connections i',
  PEERS: 'peer_id i, host t, port i, pool_size i',
  STATS:
    'database t, total_server_assignment_count n, total_xact_count n, total_query_count n, total_received n, ' +
    'total_sent n, total_xact_time n, total_query_time n, total_wait_time n, total_client_parse_count n, ' +
    'total_server_parse_count n, total_bind_count n, total_client_login_count n, avg_server_assignment_count n, ' +
    'avg_xact_count n, avg_query_count n, avg_recv n, avg_sent n, avg_xact_time n, avg_query_time n, avg_wait_time n, ' +
    'avg_client_parse_count n, avg_server_parse_count n, avg_bind_count n, avg_client_login_count n',
  STATS_TOTALS:
    'database t, server_assignment_count n, xact_count n, query_count n, bytes_received n, bytes_sent n, xact_time n, ' +
    'query_time n, wait_time n, client_parse_count n, server_parse_count n, bind_count n, client_login_count n',
  STATS_AVERAGES:
    'database t, server_assignment_count n, xact_count n, query_count n, bytes_received n, bytes_sent n, xact_time n, ' +
    'query_time n, wait_time n, avg_client_parse_count n, avg_server_parse_count n, avg_bind_count n, ' +
    'avg_client_login_count n',
  TOTALS: 'name t, value n',
  LISTS: 'list t, items i',
  CONFIG: 'key t, value t, default t, changeable t',
  STATE: 'key t, value t',
  MEM: 'name t, size i, used i, free i, memtotal i',
  DNS_HOSTS: 'hostname t, ttl q, addrs t',
  DNS_ZONES: 'zonename t, serial q, count i',
  VERSION: 'version t',
  FDS:
    'fd i, task t, user t, database t, addr t, port i, cancel q, link i, client_encoding t, std_strings t, datestyle t, ' +
    'timezone t, password t, scram_client_key b, scram_server_key b',
}
/** Of Taxirank's own. */
const ours: Record<string, string> = {
  HOLDERS:
    'database t, user t, application_name t, client_id i, server_id i, pool_mode t, state t, since t, seconds n, idle_seconds n, ' +
    'pin_reason t, holder t',
  PINS:
    'database t, user t, application_name t, client_id i, server_id i, reason t, since t, seconds n, idle_seconds n, pinned i, ' +
    'max_pinned i, cl_waiting i',
  RECORDINGS: 'database t, user t, entries i, capacity i, overwritten q, seconds n',
  AUDIT: 'database t, user t, application_name t, pool_mode t, session_state t, what t, times q, first t, last t',
}
const letters: Readonly<Record<number, string>> = { 17: 'b', 20: 'q', 23: 'i', 25: 't', 1700: 'n' }

describe('the columns of', () => {
  for (const [name, columns] of Object.entries({ ...reference, ...ours })) {
    it(`SHOW ${name} are ${name in ours ? 'ours' : 'those of PgBouncer, in its order and types'}`, () => {
      const command = commands.find((one) => one.name === `SHOW ${name}`)
      const shown = command?.columns?.map((column) => `${column.name} ${letters[column.typeOid]}`)
      assert.equal(shown?.join(', '), columns)
    })
  }

  it('every command that has some are in this table', () => {
    const names = commands.filter(({ columns }) => columns).map(({ name }) => name.slice(5))
    assert.deepEqual(names.sort(), Object.keys({ ...reference, ...ours }).sort())
  })
})

const client: ClientFigures = {
  id: 5,
  user: 'ü',
  database: 'db',
  state: 'waiting',
  address: '10.0.0.9',
  port: 4_000,
  localAddress: '10.0.0.2',
  localPort: 6_432,
  connectedAtMs: wallClockMs - 60_000,
  requestedAtMs: wallClockMs,
  waitMs: 3_000.25,
  isMarked: true,
  linkedTo: 9,
  remotePid: 0,
  tls: 'TLSv1.3/x',
  applicationName: 'app',
  preparedStatements: 2,
  heldBytes: 11,
  unsentBytes: 12,
}
const server: ServerFigures = { ...client, id: 9, state: 'login', linkedTo: undefined, remotePid: 77, waitMs: 0 }
const pool: PoolFigures = {
  database: 'db',
  user: 'u',
  mode: 'session',
  loadBalanceHosts: 'disable',
  clients: { idle: 1, active: 2, waiting: 4, active_cancel_req: 5, waiting_cancel_req: 6 },
  servers: { active: 7, active_cancel: 8, being_canceled: 9, idle: 10, used: 11, tested: 12, login: 13 },
  longestWaitMs: 2_500,
  pinned: 2,
  maxPinned: 19,
  pinnedMs: 4_500,
  listeners: 0,
  // The console doesn't look at it.
  snapshot: {} as PoolFigures['snapshot'],
}
const counters = (from: number): DatabaseCounters => ({
  assignments: from,
  transactions: from + 1,
  queries: from + 2,
  receivedBytes: from + 3,
  sentBytes: from + 4,
  transactionMs: from + 5,
  queryMs: from + 6,
  waitMs: from + 7.0004,
  clientParses: from + 8,
  serverParses: from + 9,
  binds: from + 10,
  logins: from + 11,
})
const parts: FakeParts = {
  figures: {
    clients: () => [client, { ...client, id: 6, state: 'login' }, { ...client, id: 7, state: 'idle' }],
    servers: () => [server, { ...server, id: 10, state: 'idle' }],
    pools: () => [pool],
    holders: () => [
      {
        database: 'db',
        user: 'ü',
        applicationName: 'app',
        clientId: 5,
        serverId: 9,
        mode: 'transaction',
        state: 'idle in transaction',
        sinceMs: wallClockMs - 60_000,
        heldMs: 60_000,
        idleMs: 12_345.6,
        pinReasons: ['LISTEN', 'advisory locks'],
        holder: 'src/orders.ts:42',
      },
    ],
    pins: () => [
      {
        database: 'db',
        user: 'ü',
        applicationName: 'app',
        clientId: 5,
        serverId: 9,
        reasons: ['LISTEN', 'advisory locks'],
        sinceMs: wallClockMs - 60_000,
        pinnedMs: 60_000,
        idleMs: 12_345.6,
        pinned: 2,
        maxPinned: 19,
        waiting: 3,
      },
    ],
    audit: () => [
      {
        database: 'db',
        user: 'ü',
        applicationName: 'app',
        mode: 'session',
        sessionState: 'track',
        what: 'SET work_mem',
        times: 7,
        firstAtMs: wallClockMs - 60_000,
        lastAtMs: wallClockMs,
      },
    ],
    recordings: () => [
      { database: 'db', user: 'ü', entries: 1_000, capacity: 1_000, overwritten: 5_000_000_000, recordedMs: 60_000.4 },
    ],
    databases: () => [
      {
        name: 'db',
        host: '10.1.1.1',
        port: 5_432,
        database: 'real',
        forcedUser: 'force',
        poolSize: 20,
        minPoolSize: 1,
        reservePoolSize: 2,
        serverLifetimeMs: 3_600_000,
        mode: 'statement',
        loadBalanceHosts: 'round-robin',
        maxServers: 3,
        servers: 4,
        maxClients: 5,
        clients: 6,
        isPaused: true,
        isDisabled: false,
      },
    ],
    users: () => [
      {
        name: 'u',
        poolSize: 7,
        reservePoolSize: undefined,
        mode: undefined,
        maxServers: 1,
        servers: 2,
        maxClients: 3,
        clients: 4,
      },
    ],
    stats: () => [{ database: 'db', total: counters(100), average: counters(200) }],
    lists: () => ({
      databases: 1,
      users: 2,
      pools: 3,
      clients: 4,
      loggingIn: 5,
      servers: 6,
      dnsNames: 7,
      dnsPending: 8,
    }),
    dnsHosts: () => [{ name: 'db.example', ttlSeconds: 29.6, addresses: ['10.0.0.1', '::1'] }],
    state: () => ({ isPaused: true, isSuspended: false, isDraining: false }),
  },
  process: {
    settings: () => [
      { name: 'listen_port', value: '6432', default: '5432', isChangeable: false },
      { name: 'auth_file', value: undefined, default: undefined, isChangeable: true },
    ],
    memory: () => [{ name: 'heap', itemBytes: 2, used: 3, free: 4 }],
  },
}

/** The rows of one SHOW, for an admin who is client 101. */
function rowsOf(what: string): string[] {
  const { client: admin, visitor } = fakeWorld(parts).enter()
  visitor.received(query(`SHOW ${what}`))
  const said = admin.said()
  assert.deepEqual([said[0]?.charAt(0), ...said.slice(-2)], ['T', 'C SHOW', 'Z I'])
  return said.slice(1, -2).map((line) => line.slice(2))
}

const now = '2026-01-02 03:04:05 UTC'
const before = '2026-01-02 03:03:05 UTC'
const own = (state: string): string =>
  `C|admin|pgbouncer|none|${state}|10.0.0.1|40000||0|${now}|${now}|0|0|0|c101||0|||0|101`
const seen = (state: string, id: number): string =>
  `C|ü|db|none|${state}|10.0.0.9|4000|10.0.0.2|6432|${before}|${now}|3|250|1|c${id}|s9|0|TLSv1.3/x|app|2|${id}`
const seenServer = (state: string, id: number): string =>
  `S|ü|db|none|${state}|10.0.0.9|4000|10.0.0.2|6432|${before}|${now}|0|0|1|s${id}||77|TLSv1.3/x|app|2|${id}`
const held = '11|0|0|0|12|11|12'
const zeros = (count: number): string => '0|'.repeat(count).slice(0, -1)

describe('the rows of', () => {
  const expected: Record<string, readonly string[]> = {
    CLIENTS: [seen('waiting', 5), seen('idle', 7), own('idle')],
    SERVERS: [seenServer('new', 9), seenServer('idle', 10)],
    SOCKETS: [
      `${seen('cl_waiting', 5)}|${held}`,
      `${seen('cl_login', 6)}|${held}`,
      `${seen('cl_active', 7)}|${held}`,
      `${own('cl_active')}|${zeros(7)}`,
      `${seenServer('sv_login', 9)}|${held}`,
      `${seenServer('sv_idle', 10)}|${held}`,
    ],
    ACTIVE_SOCKETS: [
      `${seen('cl_waiting', 5)}|${held}`,
      `${seen('cl_login', 6)}|${held}`,
      `${seenServer('sv_login', 9)}|${held}`,
    ],
    POOLS: [
      'db|u|3|4|5|6|7|8|9|10|11|12|13|2|500000|session|disable',
      `pgbouncer|pgbouncer|1|${zeros(12)}|statement|null`,
    ],
    DATABASES: [
      'db|10.1.1.1|5432|real|force|20|1|2|3600|statement|round-robin|3|4|5|6|1|0',
      'pgbouncer|null|6432|pgbouncer|pgbouncer|2|0|0|0|statement|null|0|0|0|1|0|0',
    ],
    USERS: ['u|        7||null|1|2|3|4'],
    HOLDERS: [
      `db|ü|app|5|9|transaction|idle in transaction|${before}|60.000|12.346|LISTEN, advisory locks|src/orders.ts:42`,
    ],
    PINS: [`db|ü|app|5|9|LISTEN, advisory locks|${before}|60.000|12.346|2|19|3`],
    AUDIT: [`db|ü|app|session|track|SET work_mem|7|${before}|${now}`],
    RECORDINGS: ['db|ü|1000|1000|5000000000|60.000'],
    STATS: [
      'db|100|101|102|103|104|105000|106000|107000|108|109|110|111|200|201|202|203|204|205000|206000|207000|208|209|210|211',
      `pgbouncer|0|1|1|16|0|0|0|0|0|0|0|1|${zeros(12)}`,
    ],
    STATS_TOTALS: ['db|100|101|102|103|104|105000|106000|107000|108|109|110|111', 'pgbouncer|0|1|1|23|0|0|0|0|0|0|0|1'],
    STATS_AVERAGES: ['db|200|201|202|203|204|205000|206000|207000|208|209|210|211', `pgbouncer|${zeros(12)}`],
    TOTALS: [
      'total_server_assignment_count|100',
      'total_xact_count|102',
      'total_query_count|103',
      'total_client_bytes|120',
      'total_server_bytes|104',
      'total_xact_time|105000',
      'total_query_time|106000',
      'total_wait_time|107000',
      'total_ps_client_parse_count|108',
      'total_ps_server_parse_count|109',
      'total_ps_bind_count|110',
      'total_client_login_count|112',
      'avg_server_assignment_count|200',
      'avg_xact_count|201',
      'avg_query_count|202',
      'avg_client_bytes|203',
      'avg_server_bytes|204',
      'avg_xact_time|205000',
      'avg_query_time|206000',
      'avg_wait_time|207000',
      'avg_ps_client_parse_count|208',
      'avg_ps_server_parse_count|209',
      'avg_ps_bind_count|210',
      'avg_client_login_count|211',
    ],
    LISTS: [
      'databases|2',
      'users|2',
      'peers|0',
      'pools|4',
      'peer_pools|0',
      'free_clients|0',
      'used_clients|5',
      'login_clients|5',
      'free_servers|0',
      'used_servers|6',
      'dns_names|7',
      'dns_zones|0',
      'dns_queries|0',
      'dns_pending|8',
    ],
    CONFIG: ['listen_port|6432|5432|no', 'auth_file|null|null|yes'],
    STATE: ['active|no', 'paused|yes', 'suspended|no'],
    MEM: ['heap|2|3|4|14'],
    DNS_HOSTS: ['db.example|30|10.0.0.1,::1'],
    DNS_ZONES: [],
    PEERS: [],
    PEER_POOLS: [],
    VERSION: ['PgBouncer 1.25.2 (Taxirank 9.9.9)'],
    FDS: [
      `null|client|ü|db|10.0.0.9|4000|null|9|${'null|'.repeat(7).slice(0, -1)}`,
      `null|client|ü|db|10.0.0.9|4000|null|9|${'null|'.repeat(7).slice(0, -1)}`,
      `null|client|ü|db|10.0.0.9|4000|null|9|${'null|'.repeat(7).slice(0, -1)}`,
      `null|client|admin|pgbouncer|10.0.0.1|40000|null|0|${'null|'.repeat(7).slice(0, -1)}`,
      `null|server|ü|db|10.0.0.9|4000|null|0|${'null|'.repeat(7).slice(0, -1)}`,
      `null|server|ü|db|10.0.0.9|4000|null|0|${'null|'.repeat(7).slice(0, -1)}`,
    ],
  }
  for (const [what, rows] of Object.entries(expected)) {
    it(`SHOW ${what} are what the pooler says, each in PgBouncer's units`, () => assert.deepEqual(rowsOf(what), rows))
  }

  it('SELECT are those of SHOW', () => {
    const { client: admin, visitor } = fakeWorld(parts).enter()
    visitor.received(query('select Version;'))
    assert.deepEqual(admin.said(), ['T version', 'D PgBouncer 1.25.2 (Taxirank 9.9.9)', 'C SHOW', 'Z I'])
  })
})

/** What an admin hears, and what the pooler and the process were told to do. */
async function ask(text: string): Promise<{ readonly said: string[]; readonly done: string[] }> {
  const world = fakeWorld()
  const { client: admin, visitor } = world.enter()
  visitor.received(query(text))
  await world.verbs.finish()
  return { said: admin.said(), done: [...world.verbs.calls, ...world.asked] }
}

describe('a command', () => {
  const orders: Record<string, readonly [tag: string, done: string]> = {
    PAUSE: ['PAUSE', 'pause'],
    'pause MyDb;': ['PAUSE', 'pause MyDb'],
    'PAUSE "an odd ""db"""': ['PAUSE', 'pause an odd "db"'],
    RESUME: ['RESUME', 'resume'],
    'RESUME db': ['RESUME', 'resume db'],
    'DISABLE db': ['DISABLE', 'disable db'],
    'ENABLE db': ['ENABLE', 'enable db'],
    RECONNECT: ['RECONNECT', 'reconnect'],
    'RECONNECT db': ['RECONNECT', 'reconnect db'],
    KILL: ['KILL', 'kill'],
    'KILL db': ['KILL', 'kill db'],
    'KILL_CLIENT 7': ['KILL_CLIENT', 'killClient 7'],
    SUSPEND: ['SUSPEND', 'suspend'],
    RELOAD: ['RELOAD', 'reload'],
    WAIT_CLOSE: ['WAIT_CLOSE', 'waitClose'],
    'WAIT_CLOSE db': ['WAIT_CLOSE', 'waitClose db'],
    'shutdown wait_for_servers': ['SHUTDOWN', 'shutdown wait_for_servers'],
    'SHUTDOWN WAIT_FOR_CLIENTS': ['SHUTDOWN', 'shutdown wait_for_clients'],
    "SET Query_Wait_Timeout = '7'": ['SET query_wait_timeout=7', 'set query_wait_timeout=7'],
  }
  for (const [text, [tag, done]] of Object.entries(orders)) {
    it(`does what it says: ${text}`, async () => {
      assert.deepEqual(await ask(text), { said: [`C ${tag}`, 'Z I'], done: [done] })
    })
  }

  const refusals: Record<string, string> = {
    'PAUSE nosuch': 'no such database: nosuch',
    'PAUSE pgbouncer': 'cannot pause admin db: pgbouncer',
    'KILL pgbouncer': 'cannot kill admin db: pgbouncer',
    'DISABLE pgbouncer': 'cannot disable admin db: pgbouncer',
    DISABLE: 'a database is required',
    ENABLE: 'a database is required',
    KILL_CLIENT: 'KILL_CLIENT needs <client_id>',
    'KILL_CLIENT 8': 'client not found: 8',
    'KILL_CLIENT x': '"x" is no client id: see the column id of SHOW CLIENTS',
    'PAUSE a b': 'PAUSE takes one argument: put a name with blanks into double quotes',
    'SHOW POOLS x': 'SHOW POOLS takes no argument, and "x" stands behind it',
    'SHUTDOWN now': 'SHUTDOWN takes no argument, and "now" stands behind it',
    'SHOW FOO': 'invalid command "SHOW FOO", use SHOW HELP;',
    FOO: 'invalid command "FOO", use SHOW HELP;',
    'SELECT version()': 'invalid command "SELECT version()", use SHOW HELP;',
    'SHOW constructor': 'invalid command "SHOW constructor", use SHOW HELP;',
    constructor: 'invalid command "constructor", use SHOW HELP;',
    'PAUSE $1': 'the console takes no parameters: write the value into the command',
  }
  for (const [text, message] of Object.entries(refusals)) {
    it(`is refused, and the connection goes on: ${text}`, async () => {
      assert.deepEqual((await ask(text)).said, [`E ERROR 08P01: ${message}`, 'Z I'])
    })
  }

  it('SHUTDOWN has no answer: the connection ends', () => {
    const world = fakeWorld()
    const { client: admin, visitor } = world.enter()
    visitor.received(query('SHUTDOWN'))
    assert.deepEqual([admin.said(), admin.over, world.asked], [[], 'closed', ['shutdown immediate']])
  })

  it('that reloads says why it failed, as F0000, and the connection goes on', async () => {
    const reload = (): Promise<void> => Promise.reject(new TaxirankError('bad_configuration', 'x.ini:3: no'))
    const world = fakeWorld({ process: { reload } })
    const { client: admin, visitor } = world.enter()
    visitor.received(query('RELOAD'))
    await new Promise(setImmediate)
    assert.deepEqual(admin.said(), ['E ERROR F0000: RELOAD failed, and nothing has changed: x.ini:3: no', 'Z I'])
    const logged = world.logged.map((line) => line.replace(/^.*\] /, ''))
    assert.deepEqual(logged, [
      'LOG RELOAD: asked for on the console by admin\n',
      'WARNING RELOAD failed, and nothing has changed: x.ini:3: no\n',
    ])
  })

  it('that sets says why it failed', () => {
    const set = (): void => {
      throw new TaxirankError('bad_configuration', 'port: out of range')
    }
    const { client: admin, visitor } = fakeWorld({ process: { set } }).enter()
    visitor.received(query('SET port = 0'))
    assert.deepEqual(admin.said(), ['E ERROR 08P01: SET failed: port: out of range', 'Z I'])
  })

  it('KILL_CLIENT ends a client of the console, too', () => {
    const world = fakeWorld()
    const [one, other] = [world.enter(), world.enter()]
    one.visitor.received(query(`KILL_CLIENT ${other.client.id}`))
    assert.deepEqual([one.client.said(), other.client.over], [['C KILL_CLIENT', 'Z I'], 'ended'])
  })
})

describe('help', () => {
  it('lists every command, as the detail of a notice', () => {
    for (const text of ['SHOW HELP', 'show']) {
      const { client: admin, visitor } = fakeWorld().enter()
      visitor.received(query(text))
      const [notice, ...rest] = admin.messages()
      assert.deepEqual([notice?.type, rest.map(({ type }) => type)], ['N', ['C', 'Z']])
      const detail = notice?.body
        .toString('utf8')
        .split('\0')
        .find((field) => field.startsWith('D'))
      const words = [
        'HELP|CONFIG',
        '\tPAUSE [<db>]\n',
        '\tDISABLE <db>\n',
        '\tSHUTDOWN WAIT_FOR_CLIENTS\n',
        '\tSET key',
      ]
      for (const word of words) assert.ok(detail?.includes(word), `${word} in ${detail}`)
    }
  })
})

describe('what drivers say by themselves', () => {
  const ignored = ['N NOTICE 00000: SET ignored', 'C SET', 'Z I']
  const noTransactions = 'N NOTICE 00000: the console has no transactions: every command takes effect at once'
  const answers: Record<string, readonly string[]> = {
    'SET extra_float_digits = 3': ignored,
    "set application_name to 'x'": ignored,
    'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY': ignored,
    'SET TIME ZONE UTC': ignored,
    'SHOW client_encoding': ['T client_encoding', 'D UTF-8', 'C SHOW', 'Z I'],
    'show DateStyle': ['T datestyle', 'D ISO', 'C SHOW', 'Z I'],
    'SHOW TRANSACTION ISOLATION LEVEL': ['T transaction_isolation', 'D read committed', 'C SHOW', 'Z I'],
    'SELECT 1': ['T ?column?', 'D 1', 'C SELECT 1', 'Z I'],
    'BEGIN ISOLATION LEVEL READ COMMITTED': [noTransactions, 'C BEGIN', 'Z T'],
    COMMIT: ['C COMMIT', 'Z I'],
    'ROLLBACK;': ['C ROLLBACK', 'Z I'],
    'DISCARD ALL': ['C DISCARD ALL', 'Z I'],
    ' ; ': ['I', 'Z I'],
  }
  for (const [text, answer] of Object.entries(answers)) {
    it(`is answered, whoever asks: ${text}`, () => {
      for (const user of ['admin', 'stats']) {
        const { client, visitor } = fakeWorld().enter(user)
        visitor.received(query(text))
        assert.deepEqual(client.said(), answer)
      }
    })
  }

  it('begins and ends a transaction that a driver can see', () => {
    const { client, visitor } = fakeWorld().enter()
    for (const text of ['BEGIN', 'SHOW VERSION', 'FOO', 'ROLLBACK', 'SHOW VERSION']) visitor.received(query(text))
    assert.deepEqual(
      client.said().filter((line) => line.startsWith('Z')),
      ['Z T', 'Z T', 'Z T', 'Z I', 'Z I'],
    )
  })
})

describe('whatever text comes', () => {
  it('gets one answer and one ReadyForQuery, and throws nothing', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const random = new Random(seed)
    const vocabulary = commands.flatMap(({ name }) => name.split(' '))
    const bits = [
      ...vocabulary,
      'set',
      'to',
      '=',
      ';',
      '"',
      "'",
      ',',
      '$1',
      '7',
      'nosuch',
      'ü',
      '\u{1f600}',
      '__proto__',
    ]
    for (let round = 0; round < 1_000; round++) {
      const chosen = Array.from({ length: random.integer(0, 5) }, () => bits[random.integer(0, bits.length - 1)])
      const text = chosen.join(random.chance(0.2) ? '' : ' ')
      const world = fakeWorld()
      const { client: admin, visitor } = world.enter()
      visitor.received(query(text))
      await world.verbs.finish()
      if (admin.over === 'closed') continue
      const types = admin.messages().map(({ type }) => type)
      const answers = types.filter((type) => ['C', 'E', 'I', 'Z'].includes(type)).join('')
      assert.match(answers, /^[CEI]Z$/, `seed ${seed}: ${JSON.stringify(text)}`)
      assert.doesNotMatch(world.logged.join(''), / ERROR /, `seed ${seed}: ${JSON.stringify(text)}`)
    }
  })
})
