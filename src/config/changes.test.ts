import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseIni } from '../../test/support/parse-ini.ts'
import type { Files } from '../../test/support/parse-ini.ts'
import { changesBetween, withSetting } from './changes.ts'
import { settings } from './settings.ts'
import type { Row } from './settings.ts'

const none = { added: [], removed: [], changed: new Map() }
const same = { ...none, reconnect: new Set() }

function changes(old: Files, next: Files) {
  const { config: _, ...told } = changesBetween(parseIni(old), parseIni(next))
  return told
}

describe('changesBetween', () => {
  it('finds nothing in the same file, also when it is written otherwise', () => {
    const told = { settings: [], databases: same, users: none, userlist: none }
    assert.deepEqual(changes('[pgbouncer]\nverbose=0\n[databases]\na=', '; x\n[databases]\na =\n[pgbouncer]\n'), told)
  })

  it('tells settings with both texts, and keeps those that need a restart as they were', () => {
    const old = parseIni('[pgbouncer]\nlisten_port = 1\nquery_wait_timeout = 5')
    const next = parseIni('[pgbouncer]\nlisten_port = 2\nquery_wait_timeout = 0.5\nadmin_users = a, b')
    const { config, settings: told } = changesBetween(old, next)
    assert.deepEqual(told, [
      { name: 'listen_port', old: '1', next: '2', needsRestart: true },
      { name: 'admin_users', old: '', next: 'a,b', needsRestart: false },
      { name: 'query_wait_timeout', old: '5', next: '0.5', needsRestart: false },
    ])
    assert.deepEqual([config.global.listenPort, config.global.queryWaitTimeoutMs], [1, 500])
    assert.ok(Object.isFrozen(config) && Object.isFrozen(config.global))
  })

  it('tells databases and the template that came, went and changed, and whose servers have to go', () => {
    const head = '[pgbouncer]\n[databases]\n'
    const told = changes(
      `${head}gone =\nsizes = pool_size=1\nmoved = host=a\nkept = host=x\n* = host=a`,
      `${head}new =\nsizes = pool_size=2 pool_mode=statement\nmoved = host=b port=1\nkept = host=x\n* = host=b`,
    )
    assert.deepEqual(told.databases, {
      added: ['new'],
      removed: ['gone'],
      changed: new Map([
        ['sizes', ['pool_mode', 'pool_size']],
        ['moved', ['host', 'port']],
        ['*', ['host']],
      ]),
      reconnect: new Set(['moved', '*']),
    })
  })

  const logins = [
    'dbname=b',
    'host=b',
    'port=1',
    'user=u',
    'password=p',
    "connect_query='SELECT 1'",
    'load_balance_hosts=disable',
    'application_name=x',
    'client_encoding=UTF8',
    'datestyle=ISO',
    'timezone=UTC',
  ]
  for (const option of logins) {
    it(`closes servers when ${option} comes or goes`, () => {
      const [without, having] = ['[pgbouncer]\n[databases]\na =', `[pgbouncer]\n[databases]\na = ${option}`]
      assert.deepEqual(changes(without, having).databases.reconnect, new Set(['a']))
      assert.deepEqual(changes(having, without).databases.reconnect, new Set(['a']))
    })
  }

  for (const option of [
    'pool_size=1',
    'min_pool_size=1',
    'reserve_pool=1',
    'max_db_connections=1',
    'pool_mode=session',
    'auth_user=u',
    'auth_dbname=a',
  ]) {
    it(`keeps servers when ${option} comes`, () => {
      const { databases } = changes('[pgbouncer]\n[databases]\na =', `[pgbouncer]\n[databases]\na = ${option}`)
      assert.deepEqual([[...databases.changed.keys()], databases.reconnect], [['a'], new Set()])
    })
  }

  it('closes the servers of a forced user whose secret in auth_file has changed, and of nobody else', () => {
    const ini = '[pgbouncer]\nauth_file = u\n[databases]\na = user=ann\nb = user=bob\nc = user=ann password=p\nd ='
    const told = changes(
      { 'main.ini': ini, u: '"ann" "one"\n"bob" "b"\n"carl" "c"' },
      { 'main.ini': ini, u: '"ann" "two"\n"bob" "b"\n"dora" "d"' },
    )
    assert.deepEqual(told.databases, {
      ...none,
      changed: new Map([['a', ['password']]]),
      reconnect: new Set(['a']),
    })
    assert.deepEqual(told.userlist, { added: ['dora'], removed: ['carl'], changed: new Map([['ann', ['secret']]]) })
  })

  it('tells the users that changed', () => {
    const told = changes(
      '[pgbouncer]\n[users]\na = pool_size=1\nb =',
      '[pgbouncer]\n[users]\na = pool_size=2 query_timeout=5\nc =',
    )
    assert.deepEqual(told.users, {
      added: ['c'],
      removed: ['b'],
      changed: new Map([['a', ['pool_size', 'query_timeout']]]),
    })
  })

  it('never tells a secret', () => {
    const text = JSON.stringify(
      changes(
        { 'main.ini': '[pgbouncer]\nauth_file=u\n[databases]\na = password=canary1', u: '"ann" "canary2"' },
        { 'main.ini': '[pgbouncer]\nauth_file=u\n[databases]\na = password=canary3', u: '"ann" "canary4"' },
      ),
      (_, value: unknown) => (value instanceof Map || value instanceof Set ? [...value] : value),
    )
    assert.match(text, /password/)
    assert.doesNotMatch(text, /canary/)
  })

  it('refuses a file that does not hold together with what only a restart changes', () => {
    const old = parseIni('[pgbouncer]\nunix_socket_dir =\nlisten_addr = *\n[databases]\na = host=x')
    const next = parseIni('[pgbouncer]\n[databases]\na =')
    assert.throws(() => changesBetween(old, next), {
      code: 'bad_configuration',
      message: 'main.ini: [databases] a: host: not set, and unix_socket_dir is empty: say where PostgreSQL is',
    })
  })
})

describe('withSetting', () => {
  const config = parseIni('[pgbouncer]\nserver_tls_sslmode = disable\n[databases]\na = host=x')

  it('changes one setting, and nothing of the configuration it was given', () => {
    const changed = withSetting(config, 'query_wait_timeout', '2.5')
    assert.deepEqual(changed, { ...config, global: { ...config.global, queryWaitTimeoutMs: 2500 } })
    assert.equal(config.global.queryWaitTimeoutMs, 120_000)
    assert.ok(Object.isFrozen(changed) && Object.isFrozen(changed.global))
  })

  it('refuses every setting that needs a restart', () => {
    const rows: [string, Row][] = Object.entries(settings.pgbouncer)
    const restartOnly = rows.filter(([, row]) => row.restartOnly)
    assert.ok(restartOnly.length > 10)
    for (const [name, row] of restartOnly) {
      const text = row.defaultText === '' && row.type === 'integer' ? '1' : row.defaultText
      assert.throws(() => withSetting(config, name, text), {
        code: 'bad_configuration',
        message: `${name}: cannot be changed while running: change the file and restart`,
      })
    }
  })

  const refused: Record<string, readonly [name: string, text: string, message: string]> = {
    'a wrong value': ['verbose', '9', 'verbose: 9 is out of range; allowed: 0 to 3'],
    'an unknown name': ['verbos', '1', 'verbos: unknown setting; did you mean verbose?'],
    'what is not supported': ['so_reuseport', '1', 'so_reuseport: not supported in this version'],
    'another auth_file': ['auth_file', 'x', 'auth_file: is read at a reload: change the file and RELOAD'],
    'what breaks a rule': [
      'server_tls_sslmode',
      'verify-ca',
      'server_tls_sslmode: server_tls_ca_file: not set, and server_tls_sslmode needs it',
    ],
  }
  for (const [what, [name, text, message]] of Object.entries(refused)) {
    it(`refuses ${what}`, () => {
      assert.throws(() => withSetting(config, name, text), { code: 'bad_configuration', message })
    })
  }

  it('accepts what is off and stays so', () => assert.equal(withSetting(config, 'so_reuseport', '0'), config))
})
