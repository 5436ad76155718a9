import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseIni, refusalOf } from '../../test/support/parse-ini.ts'
import { propertyName, settings, themes } from './settings.ts'
import type { Row, Section } from './settings.ts'
import { unsupported } from './unsupported.ts'

const sections = ['pgbouncer', 'databases', 'users'] as const
const most = '0 to 2,147,483,647'
const time = '0 to 2,147,483 seconds'
const modes = 'session, transaction or statement'
const tlsModes = 'disable, allow, prefer, require, verify-ca or verify-full'
const versions = 'secure, all, or some of tlsv1.0, tlsv1.1, tlsv1.2, tlsv1.3 without a gap'
const tls13 = 'this runtime cannot choose the ciphers of TLS 1.3; allowed: empty'
const longDirectory = `/${'d'.repeat(91)}`
const socket = "the path has 93 bytes; allowed: up to 92, since a socket's path has at most 107"

/** Texts that are accepted, with their values; texts that are refused, with what is wrong. */
interface Example {
  readonly takes: Readonly<Record<string, unknown>>
  readonly refuses: Readonly<Record<string, string>>
}

function range(min: number, max: number, words = `${grouped(min)} to ${grouped(max)}`, factor = 1): Example {
  return {
    takes: { [min]: min * factor, [max]: max * factor },
    refuses: {
      [min - 1]: `${min - 1} is out of range; allowed: ${words}`,
      [max + 1]: `${max + 1} is out of range; allowed: ${words}`,
      many: `"many" is not a whole number${factor === 1000 ? ' of seconds' : ''}; allowed: ${words}`,
    },
  }
}

const grouped = (number: number): string => number.toLocaleString('en-US')
const free: Example = { takes: { 'a value': 'a value', '': undefined }, refuses: {} }
const names: Example = { takes: { 'a, b,,': ['a', 'b'], '': [] }, refuses: {} }
const flag: Example = {
  takes: { 0: false, 1: true, '0x1': true },
  refuses: { 2: '"2" is neither; allowed: 0 or 1', yes: '"yes" is neither; allowed: 0 or 1' },
}
const fraction: Example = {
  takes: { 0: 0, '0.25': 250, '1e1': 10_000, '.5': 500, '1.1': 1100, 2147483: 2_147_483_000 },
  refuses: {
    '-1': `-1 is out of range; allowed: ${time}`,
    2147484: `2147484 is out of range; allowed: ${time}`,
    '2m': `"2m" is not a number of seconds; allowed: ${time}`,
    '': `"" is not a number of seconds; allowed: ${time}`,
  },
}
const wholeTime = range(0, 2_147_483, time, 1000)
const count = range(0, 2_147_483_647)
const pool = range(0, 100_000)
const port = range(1, 65_535)
const ownSize: Example = {
  takes: { 0: 0, 100000: 100_000, '-1': undefined },
  refuses: {
    '-2': '-2 is out of range; allowed: 0 to 100,000',
    100001: '100001 is out of range; allowed: 0 to 100,000',
    '0x5': '"0x5" is not a whole number; allowed: 0 to 100,000',
  },
}
const ownLimit: Example = {
  takes: { 0: undefined, 1: 1, 2147483647: 2_147_483_647 },
  refuses: { '-1': `-1 is out of range; allowed: ${most}`, x: `"x" is not a whole number; allowed: ${most}` },
}
const ownTime: Example = {
  takes: { 0: undefined, 1: 1000, 2147483: 2_147_483_000 },
  refuses: {
    '-1': `-1 is out of range; allowed: ${time}`,
    1.5: `"1.5" is not a whole number of seconds; allowed: ${time}`,
  },
}
const state: Example = {
  takes: { Track: 'track', pin: 'pin', reset: 'reset', reject: 'reject', allow: 'allow' },
  refuses: { keep: '"keep" is unknown; allowed: track, pin, reset, reject or allow' },
}

const mode: Example = {
  takes: { session: 'session', Transaction: 'transaction', STATEMENT: 'statement' },
  refuses: { fast: `"fast" is unknown; allowed: ${modes}` },
}
const tlsMode: Example = {
  takes: {
    disable: 'disable',
    allow: 'allow',
    prefer: 'prefer',
    Require: 'require',
    'verify-ca': 'verify-ca',
    'verify-full': 'verify-full',
  },
  refuses: { on: `"on" is unknown; allowed: ${tlsModes}` },
}
const protocols: Example = {
  takes: {
    secure: ['tlsv1.2', 'tlsv1.3'],
    all: ['tlsv1.0', 'tlsv1.1', 'tlsv1.2', 'tlsv1.3'],
    'TLSv1.3': ['tlsv1.3'],
    'tlsv1.2, tlsv1.1': ['tlsv1.1', 'tlsv1.2'],
    'tlsv1.2:tlsv1.3': ['tlsv1.2', 'tlsv1.3'],
  },
  refuses: {
    sslv3: `"sslv3" is unknown; allowed: ${versions}`,
    'tlsv1.1,tlsv1.3': `tlsv1.1,tlsv1.3 has a gap; allowed: ${versions}`,
    '': `none named; allowed: ${versions}`,
  },
}
const onlyEmpty13: Example = { takes: { '': undefined }, refuses: { TLS_AES_128_GCM_SHA256: tls13 } }
const authDbname: Example = {
  takes: { a: 'a' },
  refuses: {
    none: '"none" is no database of [databases]',
    pgbouncer: 'pgbouncer is the console; allowed: a name of [databases]',
  },
}

const examples: Readonly<Record<Section, Readonly<Record<string, Example>>>> = {
  pgbouncer: {
    listen_addr: names,
    listen_port: port,
    listen_backlog: port,
    unix_socket_dir: {
      takes: { '/tmp': '/tmp', '@pool': '@pool', '': undefined, [longDirectory]: longDirectory },
      refuses: { tmp: '"tmp" is neither an absolute path nor @NAME', [`${longDirectory}d`]: socket },
    },
    unix_socket_mode: {
      takes: { '0777': 0o777, '0': 0, '0660': 0o660, '432': 0o660 },
      refuses: { '777': '777 is out of range; allowed: 0 to 0777, with the leading 0 that makes it octal' },
    },
    unix_socket_group: free,
    max_client_conn: range(1, 1_000_000),
    client_login_timeout: fraction,
    disable_pqexec: flag,
    user: free,
    pidfile: free,
    conffile: free,
    pool_mode: mode,
    default_pool_size: pool,
    min_pool_size: { takes: { 0: 0, 20: 20 }, refuses: pool.refuses },
    reserve_pool_size: pool,
    reserve_pool_timeout: fraction,
    max_db_connections: count,
    max_db_client_connections: count,
    max_user_connections: count,
    max_user_client_connections: count,
    server_round_robin: flag,
    max_prepared_statements: pool,
    session_state: state,
    max_pinned: ownSize,
    session_audit_every: range(0, 1_000_000_000),
    recording_entries: range(0, 10_000_000),
    server_is_pooler: {
      takes: { auto: 'auto', YES: 'yes', no: 'no' },
      refuses: { 1: '"1" is unknown; allowed: auto, yes or no' },
    },
    track_extra_parameters: names,
    ignore_startup_parameters: names,
    application_name_add_host: flag,
    auth_type: {
      takes: { any: 'any', trust: 'trust', plain: 'plain', MD5: 'md5', 'scram-sha-256': 'scram-sha-256' },
      refuses: Object.fromEntries([
        ...['cert', 'hba', 'ldap', 'pam'].map((type) => [
          type,
          `${type} is not supported in this version; allowed: any, trust, plain, md5 or scram-sha-256`,
        ]),
        ['none', '"none" is unknown; allowed: any, trust, plain, md5 or scram-sha-256'],
      ]),
    },
    auth_file: { takes: { '': undefined }, refuses: { 'missing.txt': 'cannot read missing.txt: no such file' } },
    auth_user: free,
    auth_query: {
      takes: { '': undefined },
      refuses: { 'SELECT 1': 'set, but auth_user is not: say who runs the query' },
    },
    auth_dbname: { takes: {}, refuses: authDbname.refuses },
    scram_iterations: range(4096, 600_000),
    admin_users: names,
    stats_users: names,
    server_reset_query: free,
    server_reset_query_always: flag,
    server_check_query: { takes: { 'SELECT 1': 'SELECT 1', '<empty>': '<empty>', '': undefined }, refuses: {} },
    server_check_delay: fraction,
    server_fast_close: flag,
    server_lifetime: fraction,
    server_idle_timeout: fraction,
    server_connect_timeout: fraction,
    server_login_retry: fraction,
    autodb_idle_timeout: fraction,
    pool_idle_timeout: fraction,
    dns_max_ttl: fraction,
    dns_nxdomain_ttl: fraction,
    resolv_conf: {
      takes: { '': undefined },
      refuses: { 'r.conf': "the system's resolver is used, which reads its own; allowed: empty" },
    },
    query_timeout: fraction,
    query_wait_timeout: fraction,
    query_wait_notify: wholeTime,
    cancel_wait_timeout: fraction,
    client_idle_timeout: fraction,
    idle_transaction_timeout: fraction,
    transaction_timeout: fraction,
    suspend_timeout: fraction,
    client_tls_sslmode: { takes: { disable: 'disable' }, refuses: tlsMode.refuses },
    client_tls_key_file: free,
    client_tls_cert_file: free,
    client_tls_ca_file: free,
    client_tls_protocols: protocols,
    client_tls_ciphers: free,
    client_tls13_ciphers: onlyEmpty13,
    client_tls_ecdhcurve: free,
    client_tls_dheparams: {
      takes: { auto: 'auto', none: 'none' },
      refuses: { legacy: 'legacy is not supported in this version; allowed: auto or none' },
    },
    server_tls_sslmode: {
      takes: { disable: 'disable', allow: 'allow', prefer: 'prefer', require: 'require' },
      refuses: tlsMode.refuses,
    },
    server_tls_ca_file: free,
    server_tls_key_file: { takes: { '': undefined }, refuses: {} },
    server_tls_cert_file: { takes: { '': undefined }, refuses: {} },
    server_tls_protocols: protocols,
    server_tls_ciphers: free,
    server_tls13_ciphers: onlyEmpty13,
    pkt_buf: bytesFrom(1),
    max_packet_size: bytesFrom(1),
    sbuf_loopcnt: count,
    tcp_defer_accept: wholeTime,
    tcp_socket_buffer: bytesFrom(0),
    tcp_keepalive: flag,
    tcp_keepcnt: range(0, 127),
    tcp_keepidle: range(0, 32_767, '0 to 32,767 seconds', 1000),
    tcp_keepintvl: range(0, 32_767, '0 to 32,767 seconds', 1000),
    tcp_user_timeout: range(0, 2_147_483_647, `${most} milliseconds`),
    logfile: free,
    verbose: range(0, 3),
    log_connections: flag,
    log_disconnections: flag,
    log_pooler_errors: flag,
    log_stats: flag,
    stats_period: wholeTime,
    login_notify_message: free,
    log_format: {
      takes: { text: 'text', JSON: 'json' },
      refuses: { xml: '"xml" is unknown; allowed: text or json' },
    },
    http_addr: free,
    http_port: port,
    trace_file: free,
  },
  databases: {
    dbname: free,
    host: {
      takes: {
        'db.example': ['db.example'],
        'a, ::1,/run/pg,@pg': ['a', '::1', '/run/pg', '@pg'],
      },
      refuses: {
        'a b': '"a b" is no host; allowed: a name, an address, /DIRECTORY or @NAME',
        'postgres://a': '"postgres://a" is no host; allowed: a name, an address, /DIRECTORY or @NAME',
        [`${longDirectory}d`]: socket,
      },
    },
    port,
    user: free,
    password: free,
    auth_user: free,
    auth_query: { takes: {}, refuses: { 'SELECT 1': 'set, but auth_user is not: say who runs the query' } },
    auth_dbname: authDbname,
    pool_mode: mode,
    session_state: state,
    max_pinned: ownSize,
    pool_size: ownSize,
    min_pool_size: { takes: { 0: 0, 20: 20, '-1': undefined }, refuses: ownSize.refuses },
    reserve_pool_size: ownSize,
    max_db_connections: ownLimit,
    max_db_client_connections: ownLimit,
    server_lifetime: ownTime,
    query_wait_timeout: ownTime,
    connect_query: free,
    load_balance_hosts: {
      takes: { 'round-robin': 'round-robin', disable: 'disable' },
      refuses: { random: '"random" is unknown; allowed: round-robin or disable' },
    },
    application_name: free,
    client_encoding: free,
    datestyle: free,
    timezone: free,
  },
  users: {
    pool_mode: mode,
    session_state: state,
    max_pinned: ownSize,
    pool_size: ownSize,
    reserve_pool_size: ownSize,
    max_user_connections: ownLimit,
    max_user_client_connections: ownLimit,
    query_timeout: ownTime,
    query_wait_timeout: ownTime,
    idle_transaction_timeout: ownTime,
    transaction_timeout: ownTime,
    client_idle_timeout: ownTime,
  },
}

function bytesFrom(min: number): Example {
  return range(min, 2_147_483_647, `${grouped(min)} to 2,147,483,647 bytes`)
}

/** A file with one setting; it stands in line 3. */
function fileWith(section: Section, name: string, value: string): string {
  if (section === 'pgbouncer') return `[pgbouncer]\nlisten_addr = *\n${name} = ${value}\n`
  return `[pgbouncer]\n[${section}]\na = ${name}='${value}'\n`
}

/** What the file makes of it. */
function valueIn(section: Section, name: string, value: string): unknown {
  const config = parseIni(fileWith(section, name, value))
  const property = propertyName(name, rows(section)[name] ?? assert.fail(name))
  const values: object =
    section === 'pgbouncer'
      ? config.global
      : ((section === 'databases' ? config.databases : config.users).get('a') ?? {})
  return Object.entries(values).find(([key]) => key === property)?.[1]
}

function rows(section: Section): Readonly<Record<string, Row>> {
  return settings[section]
}

describe('the table of settings', () => {
  for (const section of sections) {
    for (const [name, example] of Object.entries(examples[section])) {
      const prefix = section === 'pgbouncer' ? name : `[${section}] a: ${name}`
      it(`takes ${section}.${name} in its whole range, and refuses what is beyond, at its line`, () => {
        for (const [text, value] of Object.entries(example.takes)) {
          if (section !== 'pgbouncer' && text === '') continue
          assert.deepEqual(valueIn(section, name, text), value, text)
        }
        for (const [text, problem] of Object.entries(example.refuses)) {
          assert.equal(refusalOf(fileWith(section, name, text)), `main.ini:3: ${prefix}: ${problem}`)
        }
      })
    }

    it(`has an example of every row of [${section}] here`, () => {
      assert.deepEqual(Object.keys(examples[section]).sort(), Object.keys(settings[section]).sort())
    })

    it(`has no row of [${section}] for a name that is said to be unsupported`, () => {
      assert.deepEqual(
        Object.keys(settings[section]).filter((name) => unsupported[section].has(name)),
        [],
      )
    })

    it(`describes every row of [${section}] in one sentence, with its range`, () => {
      for (const [name, row] of Object.entries(rows(section))) {
        assert.match(row.about, /^[A-Z].*\.$/, name)
        for (const sentence of [row.differs, row.narrower]) assert.match(sentence ?? 'None.', /^\w.*\.$/, name)
        assert.notEqual(row.range, '', name)
        if (row.hasNoEffect) assert.match(row.differs ?? '', /no effect/, name)
      }
    })

    it(`reads every default of [${section}] back from its text, and shows values as texts that mean the same`, () => {
      for (const [name, row] of Object.entries(rows(section))) {
        if (row.default === undefined) continue
        assert.deepEqual(row.parse(row.defaultText), { ok: true, value: row.default }, name)
        assert.deepEqual(row.parse(row.show(row.default)), { ok: true, value: row.default }, name)
      }
    })
  }

  it('stands in the themes, each row once', () => {
    const inThemes = themes.flatMap((theme) => Object.keys(theme.rows))
    assert.deepEqual(inThemes.sort(), Object.keys(settings.pgbouncer).sort())
  })

  it('knows all 100 settings of PgBouncer, its alias service_name and the two that are not released', () => {
    const ours = new Set([
      'trace_file',
      'http_addr',
      'http_port',
      'log_format',
      'session_state',
      'max_pinned',
      'session_audit_every',
      'recording_entries',
      'server_is_pooler',
    ])
    const theirs = Object.keys(settings.pgbouncer).filter((name) => !ours.has(name))
    assert.equal(theirs.length + unsupported.pgbouncer.size, 101)
  })

  it('needs a restart for what PgBouncer needs one for, for the longest message, and for what sockets have from the start', () => {
    const restartOnly = Object.entries(rows('pgbouncer')).filter(([, row]) => row.restartOnly)
    assert.deepEqual(
      restartOnly.map(([name]) => name).sort(),
      (
        'disable_pqexec http_addr http_port listen_addr listen_backlog listen_port max_packet_size pidfile pkt_buf resolv_conf ' +
        'tcp_defer_accept tcp_socket_buffer trace_file track_extra_parameters unix_socket_dir unix_socket_group unix_socket_mode user'
      ).split(' '),
    )
  })
})
