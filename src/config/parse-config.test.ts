import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { parseIni as parse, reader, refusalOf } from '../../test/support/parse-ini.ts'
import { TaxirankError } from '../errors.ts'
import { findDatabase } from './config.ts'
import { inspectConfig, parseConfig } from './parse-config.ts'
import { settings } from './settings.ts'

const head = '[pgbouncer]\nlisten_addr = 127.0.0.1\npool_mode = transaction\nauth_type = trust\n'

/** The refusal of one line in [pgbouncer]; it is line 5. */
function refusedGlobal(line: string): string {
  return refusalOf(`${head}${line}\n`)
}

/** The refusal of one line in [databases]; it is line 6. */
function refusedDatabase(line: string): string {
  return refusalOf(`${head}[databases]\n${line}\n`)
}

describe('parseConfig', () => {
  it('needs nothing but [pgbouncer]: every default is that of PgBouncer', () => {
    const { global, databases, databaseTemplate, users, userlist } = parse('[pgbouncer]')
    assert.deepEqual([databases, databaseTemplate, users, userlist], [new Map(), undefined, new Map(), undefined])
    assert.deepEqual(
      [global.poolMode, global.authType, global.listenAddr, global.listenPort, global.unixSocketDir],
      ['session', 'md5', [], 6432, '/tmp'],
    )
    assert.deepEqual(
      [global.defaultPoolSize, global.queryWaitTimeoutMs, global.serverLifetimeMs, global.tcpUserTimeoutMs],
      [20, 120_000, 3_600_000, 0],
    )
    assert.equal(Object.keys(global).length, Object.keys(settings.pgbouncer).length)
  })

  it('reads databases, the template and users', () => {
    const config = parse(`${head}[databases]
      shop = host=10.0.0.1 port=5433 dbname=shop_live user='app user' pool_size=07 timezone=UTC datestyle='ISO, DMY'
      plain = host = db.example reserve_pool=3
      'two words' = host=x application_name='it''s' client_encoding=UTF8
      local =
      * = host=fallback
      [users]
      ann = pool_mode=session query_timeout=5`)
    const options = (name: string): object => {
      const all = Object.entries(findDatabase(config, name) ?? {})
      return Object.fromEntries(all.filter(([, value]) => value !== undefined))
    }
    const fallback = { port: 5432, loadBalanceHosts: 'round-robin' }
    assert.deepEqual([...config.databases.keys()], ['shop', 'plain', 'two words', 'local'])
    assert.deepEqual(options('shop'), {
      ...fallback,
      name: 'shop',
      host: ['10.0.0.1'],
      port: 5433,
      dbname: 'shop_live',
      user: 'app user',
      poolSize: 7,
      timezone: 'UTC',
      datestyle: 'ISO, DMY',
    })
    const plain = { ...fallback, name: 'plain', dbname: 'plain', host: ['db.example'], reservePoolSize: 3 }
    assert.deepEqual(options('plain'), plain)
    const words = { applicationName: "it's", clientEncoding: 'UTF8' }
    assert.deepEqual(options('two words'), {
      ...fallback,
      ...words,
      name: 'two words',
      host: ['x'],
      dbname: 'two words',
    })
    assert.deepEqual(options('local'), { ...fallback, name: 'local', dbname: 'local', host: [] })
    assert.deepEqual(options('other'), { ...fallback, name: 'other', dbname: 'other', host: ['fallback'] })
    assert.deepEqual([config.users.get('ann')?.poolMode, config.users.get('ann')?.queryTimeoutMs], ['session', 5000])
  })

  it('accepts defaults of PgBouncer that mean off, where the thing itself is not supported', () => {
    const lines = ['peer_id = 0', 'so_reuseport=0', 'syslog = 0', 'syslog_ident = pgbouncer', 'auth_hba_file =']
    lines.push('dns_zone_check_period = 0.0', 'syslog_facility = daemon', 'job_name = pgbouncer', 'auth_ldap_options=')
    parse(`${head}${lines.join('\n')}`)
  })

  it('knows no database that is neither listed nor covered by a template', () => {
    assert.equal(findDatabase(parse(`${head}[databases]\na = host=x`), 'b'), undefined)
  })

  it('keeps the dbname of a template for every name', () => {
    const config = parse(`${head}[databases]\n* = host=x dbname=one`)
    assert.equal(findDatabase(config, 'b')?.dbname, 'one')
  })

  it('freezes what it returns', () => {
    const config = parse(`${head}[databases]\na = host=x\n* = host=y`)
    for (const part of [
      config,
      config.global,
      config.databases.get('a'),
      config.databaseTemplate,
      config.global.listenAddr,
    ]) {
      assert.ok(Object.isFrozen(part))
    }
  })

  it('lets the last of several values count, and the last line of a database', () => {
    const config = parse(`${head}listen_port = 1\nlisten_port = 2\n[databases]\na = host=x port=1\na = host=y host=z`)
    assert.equal(config.global.listenPort, 2)
    assert.deepEqual([config.databases.get('a')?.host, config.databases.get('a')?.port], [['z'], 5432])
  })

  it('begins at the defaults again when [pgbouncer] is opened again', () => {
    assert.equal(parse(`[pgbouncer]\nlisten_port = 1\n[databases]\n${head}`).global.listenPort, 6432)
  })

  it('reads the userlist', () => {
    const config = parse({ 'main.ini': `${head}auth_file = users.txt`, 'users.txt': '"ann" "md5abc"\n' })
    assert.deepEqual(config.userlist, new Map([['ann', { secret: 'md5abc', kind: 'plain', line: 1 }]]))
  })

  describe('refuses, with file, line, setting and range:', () => {
    const globals: Record<string, string> = {
      'listen_port = 65536': 'listen_port: 65536 is out of range; allowed: 1 to 65,535',
      'auth_file = missing.txt': 'auth_file: cannot read missing.txt: no such file',
      'peer_id = 1': 'peer_id: not supported in this version',
      'so_reuseport = 1': 'so_reuseport: not supported in this version',
      'auth_hba_file = hba.conf': 'auth_hba_file: not supported in this version',
      'syslog_ident = ours': 'syslog_ident: not supported in this version',
      'defualt_pool_size = 5': 'defualt_pool_size: unknown setting; did you mean default_pool_size?',
      'LISTEN_PORT = 5': 'LISTEN_PORT: unknown setting; did you mean listen_port?',
      'toString = 5': 'toString: unknown setting',
      'wholly_other = 5': 'wholly_other: unknown setting',
      'logfile = a\0b': 'logfile: holds a zero byte',
      'listen_port 5':
        'syntax error; allowed: [section], name = value, %include FILE, or a comment that begins with ; or #',
      '[peers]': '[peers]: not supported in this version',
      '[database]': '[database]: unknown section; did you mean [databases]?',
      '[whatever]': '[whatever]: unknown section; allowed: [pgbouncer], [databases], [users]',
      '%include missing.ini': '%include: cannot read missing.ini: no such file',
    }
    for (const [line, message] of Object.entries(globals)) {
      it(line, () => assert.equal(refusedGlobal(line), `main.ini:5: ${message}`))
    }

    const databases: Record<string, string> = {
      'a = host=x port=0x10': 'a: port: "0x10" is not a whole number; allowed: 1 to 65,535',
      'a = host=x foo=1': 'a: foo: unknown setting',
      'a = hsot=x': 'a: hsot: unknown setting; did you mean host?',
      'a = host=': 'a: syntax error at "host="; allowed: key=value key=\'other value\' …',
      "a = host=''": 'a: host has an empty value; leave it out instead',
      "a = password='hidden": 'a: syntax error at "password="; allowed: key=value key=\'other value\' …',
      'a = port=1;password=x': 'a: port: has a wrong value, which may hold a password; allowed: 1 to 65,535',
      'a = password=x y=z': 'a: (a name that is not shown): unknown setting',
      "a = host='x'port=1": 'a: syntax error at "host="; allowed: key=value key=\'other value\' …',
      'pgbouncer = host=x': 'pgbouncer: this name is reserved for the console',
      [`${'ä'.repeat(32)} = host=x`]: '',
      [`'${'ä'.repeat(32)}' = host=x`]: `${'ä'.repeat(32)}: the database name has 64 bytes; allowed: 1 to 63`,
      '= host=x': ': the database name has 0 bytes; allowed: 1 to 63',
    }
    for (const [line, message] of Object.entries(databases)) {
      it(line, () => {
        const syntax =
          'syntax error; allowed: [section], name = value, %include FILE, or a comment that begins with ; or #'
        assert.equal(refusedDatabase(line), `main.ini:6: ${message === '' ? syntax : `[databases] ${message}`}`)
      })
    }

    it('an option or a name of a user that does not exist', () => {
      assert.equal(
        refusalOf(`${head}[users]\nann = min_pool_size=5`),
        'main.ini:6: [users] ann: min_pool_size: unknown setting',
      )
      assert.equal(
        refusalOf(`${head}[users]\n${'a'.repeat(128)} = `),
        `main.ini:6: [users] ${'a'.repeat(128)}: the user name has 128 bytes; allowed: 1 to 127`,
      )
    })

    it('a file without [pgbouncer], and a setting before any section', () => {
      assert.equal(refusalOf('[databases]\na = host=x'), 'main.ini: the section [pgbouncer] is missing')
      assert.equal(
        refusalOf('; x\nlisten_port = 1'),
        'main.ini:2: listen_port: stands before the first section; begin with [pgbouncer]',
      )
    })

    it('a file that cannot be read', () => {
      assert.equal(refusalOf({}), 'main.ini: cannot read main.ini: no such file')
    })

    it('a wrong value even when a later one replaces it', () => {
      assert.match(refusalOf(`${head}listen_port = x\nlisten_port = 5`), /^main\.ini:5: listen_port: /)
    })

    it('a line of an included file, by that file', () => {
      assert.equal(
        refusalOf({ 'main.ini': `${head}%include more.ini`, 'more.ini': '\n\nverbose = 9\n' }),
        'more.ini:3: verbose: 9 is out of range; allowed: 0 to 3',
      )
    })

    it('a line of the userlist, by that file', () => {
      assert.equal(
        refusalOf({ 'main.ini': `${head}auth_file = users.txt`, 'users.txt': 'ann secret' }),
        'users.txt:1: syntax error; allowed: "name" "secret", or a comment that begins with ;',
      )
    })
  })
})

/** As it grows in years of use, from the example that PgBouncer comes with. */
const typical = `;;; database name = connect string
[databases]
; over the unix socket
foodb =
bardb = host=localhost dbname=bazdb
forcedb = host=localhost port=300 user=baz password=foo client_encoding=UNICODE datestyle=ISO connect_query='SELECT 1'
nondefaultdb = pool_size=50 reserve_pool=10
lookup = host=db1.internal,db2.internal auth_user=bar load_balance_hosts=disable pool_mode=session
* = host=testserver

[users]
user1 = pool_mode=transaction max_user_connections=10

[pgbouncer]
logfile = /var/log/postgresql/pgbouncer.log
pidfile = /var/run/postgresql/pgbouncer.pid
listen_addr = localhost
listen_port = 6432
unix_socket_dir = /var/run/postgresql
unix_socket_mode = 0770
unix_socket_group = postgres
client_tls_sslmode = prefer
client_tls_key_file = /etc/pgbouncer/server.key
client_tls_cert_file = /etc/pgbouncer/server.crt
client_tls_ciphers = fast
client_tls_protocols = secure
client_tls_dheparams = auto
client_tls_ecdhcurve = auto
server_tls_sslmode = require
server_tls_protocols = tlsv1.2,tlsv1.3
auth_type = md5
auth_file = /etc/pgbouncer/userlist.txt
auth_query = SELECT usename, passwd FROM user_search($1)
admin_users = user2, someadmin, otheradmin
stats_users = stats, root
pool_mode = transaction
server_reset_query = DISCARD ALL
server_reset_query_always = 0
ignore_startup_parameters = extra_float_digits, search_path
server_check_query = select 1
server_check_delay = 30
max_client_conn = 2000
default_pool_size = 20
min_pool_size = 5
reserve_pool_size = 5
reserve_pool_timeout = 3
max_db_connections = 100
max_user_connections = 0
server_round_robin = 1
syslog = 0
syslog_facility = daemon
syslog_ident = pgbouncer
log_connections = 0
log_disconnections = 0
log_stats = 1
verbose = 0
server_lifetime = 1200
server_idle_timeout = 60
query_timeout = 0
query_wait_timeout = 30
client_idle_timeout = 0
idle_transaction_timeout = 300
pkt_buf = 8192
listen_backlog = 4096
sbuf_loopcnt = 2
max_packet_size = 2147483647
so_reuseport = 0
tcp_defer_accept = 45
tcp_keepalive = 1
tcp_keepidle = 60
tcp_user_timeout = 12500
dns_max_ttl = 15
dns_zone_check_period = 0
disable_pqexec = 0
peer_id = 0
service_name = pgbouncer
job_name = pgbouncer
%include /etc/pgbouncer/more.ini
`

describe('a file as it is found in use', () => {
  it('is accepted as it is', () => {
    const config = parse({
      'main.ini': typical,
      '/etc/pgbouncer/userlist.txt': '"bar" "plain"\n"baz" "md5abc"\n',
      '/etc/pgbouncer/more.ini': 'max_prepared_statements = 100\n',
    })
    assert.deepEqual([...config.databases.keys()], ['foodb', 'bardb', 'forcedb', 'nondefaultdb', 'lookup'])
    assert.equal(config.global.maxPreparedStatements, 100)
    assert.deepEqual(config.databases.get('lookup')?.host, ['db1.internal', 'db2.internal'])
  })
})

describe('inspectConfig', () => {
  it('tells all that is wrong, each once, in order', () => {
    const files = {
      'main.ini': `${head}verbose = 9\nfoo = 1\n[wrong]\nx = y\n[databases]\na = port=0 hsot=x\nauth_file = u`,
      users: '',
    }
    const { config, problems } = inspectConfig('main.ini', reader(files))
    assert.equal(config, undefined)
    assert.deepEqual(
      problems.map(({ line, text }) => `${line}: ${text}`),
      [
        '5: verbose: 9 is out of range; allowed: 0 to 3',
        '6: foo: unknown setting',
        '7: [wrong]: unknown section; allowed: [pgbouncer], [databases], [users]',
        '10: [databases] a: port: 0 is out of range; allowed: 1 to 65,535',
        '10: [databases] a: hsot: unknown setting; did you mean host?',
        '11: [databases] auth_file: syntax error at "u"; allowed: key=value key=\'other value\' …',
      ],
    )
  })

  it('tells where everything stands', () => {
    const files = { 'main.ini': `[databases]\n%include more\n[pgbouncer]\nlisten_port = 1`, more: '\na =\n* = host=x' }
    const origins = inspectConfig('main.ini', reader(files)).config?.origins
    assert.deepEqual(origins, {
      head: { file: 'main.ini', line: 3 },
      settings: new Map([['listen_port', { file: 'main.ini', line: 4 }]]),
      databases: new Map([
        ['a', { file: 'more', line: 2 }],
        ['*', { file: 'more', line: 3 }],
      ]),
      users: new Map(),
    })
  })
})

describe('any text', () => {
  const names = Object.values(settings).flatMap((rows) => Object.keys(rows))
  const word = fc.oneof(
    fc.constantFrom(...names, '*', 'reserve_pool', 'pgbouncer', 'toString', '__proto__', "'it''s'"),
    fc.string({ maxLength: 8 }),
    fc.integer().map(String),
    fc.constantFrom('-1', '0', '0x7f', '1e9', 'trust', 'any', 'require', 'verify-full', '/tmp', '@x', 'a,b', 'u'),
  )
  const line = fc.oneof(
    fc.constantFrom('[pgbouncer]', '[databases]', '[users]', '[peers]', '%include u', '; x'),
    fc.tuple(word, word).map((pair) => pair.join(' = ')),
    fc
      .tuple(word, fc.array(fc.tuple(word, word).map((pair) => pair.join('='))))
      .map(([key, pairs]) => `${key} = ${pairs.join(' ')}`),
    fc.string({ unit: 'binary', maxLength: 40 }),
  )

  it('is parsed, or refused as bad_configuration and nothing else', () => {
    let parsed = 0
    const files = fc.tuple(fc.array(line, { maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 60 }))
    const property = fc.property(files, ([lines, userlist]) => {
      try {
        parseConfig('main.ini', reader({ 'main.ini': ['[pgbouncer]', ...lines].join('\n'), u: userlist }))
        parsed += 1
      } catch (error) {
        assert.ok(error instanceof TaxirankError && error.code === 'bad_configuration', String(error))
      }
    })
    fc.assert(property, { numRuns: 200 })
    assert.ok(parsed > 3, `only ${parsed} were parsed`)
  })
})
