import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TaxirankError } from '../errors.ts'
import { findDatabase } from './config.ts'
import type { Config } from './config.ts'
import { parseConfig } from './parse-config.ts'
import { settings } from './settings.ts'
import { unsupported } from './unsupported.ts'

const head = '[pgbouncer]\nlisten_addr = 127.0.0.1\npool_mode = transaction\nauth_type = trust\n'

/** Parses `main.ini`; other files by name. */
function parse(files: Record<string, string> | string): Config {
  const all: Record<string, string> = typeof files === 'string' ? { 'main.ini': files } : files
  return parseConfig('main.ini', (path) => {
    const text = all[path]
    if (text === undefined) throw new Error('no such file')
    return text
  })
}

function refusal(files: Record<string, string> | string): string {
  try {
    parse(files)
  } catch (error) {
    assert.ok(error instanceof TaxirankError)
    assert.equal(error.code, 'bad_configuration')
    return error.message
  }
  throw new Error('accepted')
}

/** The refusal of one line in [pgbouncer]; it is line 5. */
function refusedGlobal(line: string): string {
  return refusal(`${head}${line}\n`)
}

/** The refusal of one line in [databases]; it is line 6. */
function refusedDatabase(line: string): string {
  return refusal(`${head}[databases]\n${line}\n`)
}

const nowhere = 'this version has no unix sockets: say where to listen, for example listen_addr = 127.0.0.1'

describe('parseConfig', () => {
  it('fills in the defaults of PgBouncer', () => {
    assert.deepEqual(parse(head), {
      file: 'main.ini',
      global: {
        listenAddr: ['127.0.0.1'],
        listenPort: 6432,
        listenBacklog: 128,
        unixSocketDir: undefined,
        poolMode: 'transaction',
        maxClientConn: 100,
        defaultPoolSize: 20,
        queryWaitTimeoutMs: 120_000,
        serverConnectTimeoutMs: 15_000,
        serverLoginRetryMs: 15_000,
        clientLoginTimeoutMs: 60_000,
        cancelWaitTimeoutMs: 10_000,
        ignoreStartupParameters: [],
        authType: 'trust',
        authFile: undefined,
        adminUsers: [],
        statsUsers: [],
        logfile: undefined,
        pidfile: undefined,
        user: undefined,
        verbose: 0,
        logConnections: true,
        logDisconnections: true,
        logPoolerErrors: true,
        traceFile: undefined,
        httpAddr: undefined,
        httpPort: undefined,
      },
      databases: new Map(),
      databaseTemplate: undefined,
      users: new Map(),
      userlist: undefined,
    })
  })

  it('reads every setting', () => {
    const text = `[pgbouncer]
      listen_addr = 127.0.0.1, ::1
      listen_port = 0x1921
      listen_backlog = 0777
      unix_socket_dir =
      pool_mode = Transaction
      max_client_conn = 1000
      default_pool_size = 5
      query_wait_timeout = 0.25
      server_connect_timeout = 1e1
      server_login_retry = 2
      client_login_timeout = 0
      cancel_wait_timeout = .5
      ignore_startup_parameters = extra_float_digits, options
      auth_type = ANY
      auth_file = not-read-for-any
      admin_users = ann,bob
      stats_users = carl
      logfile = /var/log/t.log
      pidfile = t.pid
      user = postgres
      verbose = 2
      log_connections = 0
      log_disconnections = 0
      log_pooler_errors = 1
      trace_file = t.trace
      http_addr = 127.0.0.1
      http_port = 6433`
    assert.deepEqual(parse(text).global, {
      listenAddr: ['127.0.0.1', '::1'],
      listenPort: 6433,
      listenBacklog: 511,
      unixSocketDir: undefined,
      poolMode: 'transaction',
      maxClientConn: 1000,
      defaultPoolSize: 5,
      queryWaitTimeoutMs: 250,
      serverConnectTimeoutMs: 10_000,
      serverLoginRetryMs: 2000,
      clientLoginTimeoutMs: 0,
      cancelWaitTimeoutMs: 500,
      ignoreStartupParameters: ['extra_float_digits', 'options'],
      authType: 'any',
      authFile: 'not-read-for-any',
      adminUsers: ['ann', 'bob'],
      statsUsers: ['carl'],
      logfile: '/var/log/t.log',
      pidfile: 't.pid',
      user: 'postgres',
      verbose: 2,
      logConnections: false,
      logDisconnections: false,
      logPoolerErrors: true,
      traceFile: 't.trace',
      httpAddr: '127.0.0.1',
      httpPort: 6433,
    })
  })

  it('reads databases, the template and users', () => {
    const config = parse(`${head}[databases]
      shop = host=10.0.0.1 port=5433 dbname=shop_live user='app user' pool_size=07 timezone=UTC datestyle='ISO, DMY'
      plain = host = db.example
      'two words' = host=x application_name='it''s' client_encoding=UTF8
      * = host=fallback
      [users]
      ann =`)
    const unset = {
      user: undefined,
      applicationName: undefined,
      clientEncoding: undefined,
      datestyle: undefined,
      timezone: undefined,
    }
    const plain = { ...unset, host: 'db.example', port: 5432, poolSize: 20, name: 'plain', dbname: 'plain' }
    assert.deepEqual(
      config.databases,
      new Map<string, unknown>([
        [
          'shop',
          {
            ...plain,
            name: 'shop',
            host: '10.0.0.1',
            port: 5433,
            dbname: 'shop_live',
            user: 'app user',
            poolSize: 7,
            timezone: 'UTC',
            datestyle: 'ISO, DMY',
          },
        ],
        ['plain', plain],
        [
          'two words',
          {
            ...plain,
            name: 'two words',
            host: 'x',
            dbname: 'two words',
            applicationName: "it's",
            clientEncoding: 'UTF8',
          },
        ],
      ]),
    )
    assert.deepEqual(config.databaseTemplate, {
      ...unset,
      host: 'fallback',
      port: 5432,
      poolSize: 20,
      dbname: undefined,
    })
    assert.deepEqual(config.users, new Map([['ann', {}]]))
    assert.equal(findDatabase(config, 'shop')?.dbname, 'shop_live')
    assert.deepEqual(findDatabase(config, 'other'), { ...plain, host: 'fallback', name: 'other', dbname: 'other' })
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
    assert.deepEqual([config.databases.get('a')?.host, config.databases.get('a')?.port], ['z', 5432])
  })

  it('begins at the defaults again when [pgbouncer] is opened again', () => {
    assert.equal(parse(`[pgbouncer]\nlisten_port = 1\n[databases]\n${head}`).global.listenPort, 6432)
  })

  it('gives a database default_pool_size, wherever that stands', () => {
    const config = parse(`[databases]\na = host=x\n${head}default_pool_size = 3`)
    assert.equal(config.databases.get('a')?.poolSize, 3)
  })

  it('reads the userlist for trust', () => {
    const config = parse({ 'main.ini': `${head}auth_file = users.txt`, 'users.txt': '"ann" "md5abc"\n' })
    assert.deepEqual(config.userlist, new Map([['ann', { secret: 'md5abc' }]]))
  })

  describe('refuses, with file, line, setting and range:', () => {
    const globals: Record<string, string> = {
      'listen_port = 0': 'listen_port: 0 is out of range; allowed: 1 to 65,535',
      'listen_port = 65536': 'listen_port: 65536 is out of range; allowed: 1 to 65,535',
      'listen_port = 5432x': 'listen_port: "5432x" is not a whole number; allowed: 1 to 65,535',
      'listen_backlog = 08': 'listen_backlog: "08" is not a whole number; allowed: 1 to 65,535',
      'listen_addr = ,': `listen_addr: not set, and ${nowhere}`,
      'unix_socket_dir = /tmp':
        'unix_socket_dir: unix sockets are not supported in this version: leave it out or empty',
      'pool_mode = session': 'pool_mode: session is not supported in this version; allowed: transaction',
      'pool_mode = Statement': 'pool_mode: statement is not supported in this version; allowed: transaction',
      'pool_mode = fast': 'pool_mode: "fast" is unknown; allowed: transaction',
      'max_client_conn =': 'max_client_conn: "" is not a whole number; allowed: 1 to 1,000,000',
      'max_client_conn = -1': 'max_client_conn: -1 is out of range; allowed: 1 to 1,000,000',
      'default_pool_size = 0':
        'default_pool_size: 0 (unlimited) is not supported in this version; allowed: 1 to 100,000',
      'query_wait_timeout = -1': 'query_wait_timeout: -1 is out of range; allowed: 0 to 2,147,483 seconds',
      'query_wait_timeout = 2m': 'query_wait_timeout: "2m" is not a number of seconds; allowed: 0 to 2,147,483 seconds',
      'auth_type = md5': 'auth_type: md5 is not supported in this version; allowed: trust or any',
      'auth_type = none': 'auth_type: "none" is unknown; allowed: trust or any',
      'auth_file = missing.txt': 'auth_file: cannot read missing.txt: no such file',
      'verbose = 4': 'verbose: 4 is out of range; allowed: 0 to 3',
      'log_connections = yes': 'log_connections: "yes" is neither; allowed: 0 or 1',
      'http_port = 0': 'http_port: 0 is out of range; allowed: 1 to 65,535',
      'server_lifetime = 3600': 'server_lifetime: not supported in this version',
      'defualt_pool_size = 5': 'defualt_pool_size: unknown setting; did you mean default_pool_size?',
      'LISTEN_PORT = 5': 'LISTEN_PORT: unknown setting; did you mean listen_port?',
      'toString = 5': 'toString: unknown setting',
      'wholly_other = 5': 'wholly_other: unknown setting',
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
      'a =':
        'a: host: not set, and this version has no unix sockets: say where PostgreSQL is, for example host=127.0.0.1',
      'a = host=/tmp': 'a: host: unix sockets are not supported in this version; allowed: one host name or IP address',
      'a = host=@pg': 'a: host: unix sockets are not supported in this version; allowed: one host name or IP address',
      'a = host=x,y': 'a: host: a list of hosts is not supported in this version; allowed: one host name or IP address',
      'a = host=x port=0': 'a: port: 0 is out of range; allowed: 1 to 65,535',
      'a = host=x port=0x10': 'a: port: "0x10" is not a whole number; allowed: 1 to 65,535',
      'a = host=x pool_size=0': 'a: pool_size: 0 (unlimited) is not supported in this version; allowed: 1 to 100,000',
      'a = host=x password=hidden': 'a: password: not supported in this version',
      'a = host=x foo=1': 'a: foo: unknown setting',
      'a = hsot=x': 'a: hsot: unknown setting; did you mean host?',
      'a = host=': 'a: syntax error at "host="; allowed: key=value key=\'other value\' …',
      "a = host=''": 'a: host has an empty value; leave it out instead',
      "a = password='hidden": 'a: syntax error at "password="; allowed: key=value key=\'other value\' …',
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

    it('a user with options', () => {
      assert.equal(
        refusal(`${head}[users]\nann = pool_size=5`),
        'main.ini:6: [users] ann: pool_size: not supported in this version',
      )
    })

    it('a pool_mode, auth_type or listen_addr that is not set', () => {
      assert.equal(
        refusal('\n[pgbouncer]\nlisten_addr = *\nauth_type = trust'),
        'main.ini:2: pool_mode: not set, and the default, session, is not supported in this version; ' +
          'allowed: transaction',
      )
      assert.equal(
        refusal('[pgbouncer]\nlisten_addr = *\npool_mode = transaction'),
        'main.ini:1: auth_type: not set, and the default, md5, is not supported in this version; allowed: trust or any',
      )
      assert.equal(
        refusal('[pgbouncer]\nauth_type = trust\npool_mode = transaction'),
        `main.ini:1: listen_addr: not set, and ${nowhere}`,
      )
    })

    it('auth_type = any with a database that names no user', () => {
      assert.equal(
        refusal(`[databases]\na = host=x user=u\nb = host=x\n${head}auth_type = any`),
        'main.ini:3: [databases] b: user: not set, and auth_type = any needs it: nobody proves who they are',
      )
    })

    it('a file without [pgbouncer], and a setting before any section', () => {
      assert.equal(refusal('[databases]\na = host=x'), 'main.ini: the section [pgbouncer] is missing')
      assert.equal(
        refusal('; x\nlisten_port = 1'),
        'main.ini:2: listen_port: stands before the first section; begin with [pgbouncer]',
      )
    })

    it('a file that cannot be read', () => {
      assert.equal(refusal({}), 'cannot read main.ini: no such file')
    })

    it('a wrong value even when a later one replaces it', () => {
      assert.match(refusal(`${head}listen_port = x\nlisten_port = 5`), /^main\.ini:5: listen_port: /)
    })

    it('a line of an included file, by that file', () => {
      assert.equal(
        refusal({ 'main.ini': `${head}%include more.ini`, 'more.ini': '\n\nverbose = 9\n' }),
        'more.ini:3: verbose: 9 is out of range; allowed: 0 to 3',
      )
    })

    it('a line of the userlist, by that file', () => {
      assert.equal(
        refusal({ 'main.ini': `${head}auth_file = users.txt`, 'users.txt': 'ann secret' }),
        'users.txt:1: syntax error; allowed: "name" "secret", or a comment that begins with ;',
      )
    })
  })
})

describe('the table of settings', () => {
  it('has no row for a name that is said to be unsupported', () => {
    for (const section of ['pgbouncer', 'databases', 'users'] as const) {
      assert.deepEqual(
        Object.keys(settings[section]).filter((name) => unsupported[section].has(name)),
        [],
      )
    }
  })

  it('describes every row in one sentence, with its range', () => {
    for (const row of [...Object.values(settings.pgbouncer), ...Object.values(settings.databases)]) {
      assert.match(row.about, /^[A-Z].*\.$/)
      assert.notEqual(row.range, '')
    }
  })

  it('knows all 100 settings of PgBouncer and its alias service_name', () => {
    const ours = new Set(['trace_file', 'http_addr', 'http_port'])
    const rows = Object.keys(settings.pgbouncer).filter((name) => !ours.has(name))
    assert.equal(rows.length + unsupported.pgbouncer.size, 101)
  })
})
