import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseIni } from '../../test/support/parse-ini.ts'
import { findDatabase } from './config.ts'
import { databaseSettings, forcedSecret, poolSettings, userSettings } from './precedence.ts'

/** One setting in each of three places; undefined: not there. */
interface Written {
  readonly global?: string
  readonly database?: string
  readonly user?: string
}

function configOf(name: string, globalName: string, written: Written, more = '') {
  return parseIni(`[pgbouncer]
    ${written.global === undefined ? '' : `${globalName} = ${written.global}`}
    [databases]
    a = host=x ${written.database === undefined ? '' : `${name}=${written.database}`} ${more}
    [users]
    ann = ${written.user === undefined ? '' : `${name}=${written.user}`}
    bob =`)
}

function poolOf(name: string, globalName: string, written: Written, user: string, more = '') {
  const config = configOf(name, globalName, written, more)
  return poolSettings(config, findDatabase(config, 'a') ?? assert.fail(), user)
}

describe('what holds for a pool', () => {
  const matrix = {
    mode: { name: 'pool_mode', global: 'statement', database: 'transaction', user: 'session', numbers: 0 },
    size: { name: 'pool_size', globalName: 'default_pool_size', global: '30', database: '20', user: '10', numbers: 1 },
    reserveSize: { name: 'reserve_pool_size', global: '3', database: '2', user: '1', numbers: 1 },
    queryWaitTimeoutMs: { name: 'query_wait_timeout', global: '3', database: '2', user: '1', numbers: 1000 },
  } as const
  for (const [property, row] of Object.entries(matrix)) {
    const { name, global, database, user } = row
    const globalName = 'globalName' in row ? row.globalName : name
    const value = (text: string): unknown => (row.numbers === 0 ? text : Number(text) * row.numbers)
    it(`${name}: the user goes before the database, and that before [pgbouncer]`, () => {
      const read = (written: Written, who: string, more = ''): unknown =>
        Object.entries(poolOf(name, globalName, written, who, more)).find(([key]) => key === property)?.[1]
      assert.deepEqual(
        [
          read({ global, database, user }, 'ann'),
          read({ global, user }, 'ann'),
          read({ global, database, user }, 'bob'),
          read({ global, database, user }, 'nobody'),
          read({ global, database }, 'ann'),
          read({ global }, 'ann'),
        ],
        [user, user, database, database, database, global].map(value),
      )
      assert.equal(read({ global, database, user }, 'bob', 'user=ann'), value(user), 'the forced user counts')
      assert.equal(read({ global, database, user }, 'ann', 'user=bob'), value(database), 'not the client')
    })
  }

  it('takes a size of 0 as unlimited, -1 as not set', () => {
    assert.equal(poolOf('pool_size', 'default_pool_size', { global: '5', database: '0' }, 'ann').size, 0)
    assert.equal(poolOf('pool_size', 'default_pool_size', { global: '5', database: '-1', user: '-1' }, 'ann').size, 5)
  })

  it('takes a time of 0 in a database or for a user as not set', () => {
    const written = { global: '5', database: '0', user: '0' }
    assert.equal(poolOf('query_wait_timeout', 'query_wait_timeout', written, 'ann').queryWaitTimeoutMs, 5000)
    assert.equal(
      poolOf('server_lifetime', 'server_lifetime', { global: '5', database: '0' }, 'ann').serverLifetimeMs,
      5000,
    )
    assert.equal(
      poolOf('server_lifetime', 'server_lifetime', { global: '5', database: '7' }, 'ann').serverLifetimeMs,
      7000,
    )
  })

  it('keeps no more servers than a pool may have', () => {
    const minOf = (more: string, user = 'ann'): number =>
      poolOf('pool_size', 'min_pool_size', { global: '4', user: '2' }, user, more).minSize
    assert.deepEqual([minOf('', 'bob'), minOf(''), minOf('min_pool_size=3', 'bob')], [4, 2, 3])
    assert.equal(poolOf('pool_size', 'min_pool_size', { global: '4', user: '0' }, 'ann').minSize, 4)
  })

  it('resets servers and follows statements as the mode says', () => {
    const of = (mode: string, more = '') => {
      const config = parseIni(`[pgbouncer]\npool_mode = ${mode}\n${more}\n[databases]\na = host=x`)
      const pool = poolSettings(config, findDatabase(config, 'a') ?? assert.fail(), 'u')
      return [pool.resetQuery, pool.maxPreparedStatements]
    }
    assert.deepEqual(of('session'), ['DISCARD ALL', 0])
    assert.deepEqual(of('transaction'), [undefined, 200])
    assert.deepEqual(of('statement', 'server_reset_query_always = 1'), ['DISCARD ALL', 200])
    assert.deepEqual(of('session', 'server_reset_query ='), [undefined, 0])
  })

  it('is frozen', () => assert.ok(Object.isFrozen(poolOf('pool_size', 'default_pool_size', {}, 'ann'))))
})

describe('what holds for a database', () => {
  it('has its own limits before those of [pgbouncer], and 0 means not set', () => {
    const of = (own: string) => {
      const config = parseIni(
        `[pgbouncer]\nmax_db_connections = 9\nmax_db_client_connections = 8\n[databases]\na = host=x ${own}`,
      )
      const { maxConnections, maxClientConnections } = databaseSettings(
        config,
        findDatabase(config, 'a') ?? assert.fail(),
      )
      return [maxConnections, maxClientConnections]
    }
    assert.deepEqual(of(''), [9, 8])
    assert.deepEqual(of('max_db_connections=2 max_db_client_connections=3'), [2, 3])
    assert.deepEqual(of('max_db_connections=0 max_db_client_connections=0'), [9, 8])
  })

  it('has its own lookup of users before that of [pgbouncer]', () => {
    const of = (own: string) => {
      const head =
        '[pgbouncer]\nauth_user = looker\nauth_query = Q\nauth_dbname = d\n[databases]\nd = host=x\ne = host=x\na = host=x '
      const config = parseIni(`${head}${own}`)
      const { authUser, authQuery, authDbname } = databaseSettings(config, findDatabase(config, 'a') ?? assert.fail())
      return [authUser, authQuery, authDbname]
    }
    assert.deepEqual(of(''), ['looker', 'Q', 'd'])
    assert.deepEqual(of('auth_user=own auth_query=R auth_dbname=e'), ['own', 'R', 'e'])
  })

  it('has its hosts in order, sockets among them; without one, that of unix_socket_dir', () => {
    const of = (own: string) => {
      const config = parseIni(`[pgbouncer]\nunix_socket_dir = /run/pg\n[databases]\na = ${own}`)
      return databaseSettings(config, findDatabase(config, 'a') ?? assert.fail()).hosts
    }
    assert.deepEqual(of(''), [{ kind: 'unix', path: '/run/pg/.s.PGSQL.5432' }])
    assert.deepEqual(of('port=7'), [{ kind: 'unix', path: '/run/pg/.s.PGSQL.7' }])
    assert.deepEqual(of('host=b,/d,@e,/,::1 port=7'), [
      { kind: 'tcp', host: 'b', port: 7 },
      { kind: 'unix', path: '/d/.s.PGSQL.7' },
      { kind: 'unix', path: '@e/.s.PGSQL.7' },
      { kind: 'unix', path: '/.s.PGSQL.7' },
      { kind: 'tcp', host: '::1', port: 7 },
    ])
  })
})

describe('what holds for a user', () => {
  const rows = {
    query_timeout: 'queryTimeoutMs',
    idle_transaction_timeout: 'idleTransactionTimeoutMs',
    transaction_timeout: 'transactionTimeoutMs',
    client_idle_timeout: 'clientIdleTimeoutMs',
    max_user_connections: 'maxConnections',
    max_user_client_connections: 'maxClientConnections',
  } as const
  for (const [name, property] of Object.entries(rows)) {
    const factor = property.endsWith('Ms') ? 1000 : 1
    const of = (written: Written, user: string): number => userSettings(configOf(name, name, written), user)[property]
    it(`${name}: the user's own goes before that of [pgbouncer]; 0 means not set`, () => {
      assert.equal(of({ global: '5', user: '3' }, 'ann'), 3 * factor)
      assert.equal(of({ global: '5', user: '0' }, 'ann'), 5 * factor)
      assert.equal(of({ user: '3' }, 'ann'), 3 * factor)
    })

    it(`${name}: a user's own says nothing of others`, () => {
      for (const other of ['bob', 'nobody', '']) {
        assert.equal(of({ user: '3' }, other), 0)
        assert.equal(of({ global: '5', user: '3' }, other), 5 * factor)
      }
    })
  }
})

describe('the secret of a forced user', () => {
  it('is its password, else the one of auth_file, else none', () => {
    const config = parseIni({
      'main.ini': `[pgbouncer]\nauth_file = u\n[databases]\na = user=ann password=own\nb = user=ann\nc = user=bob\nd =`,
      u: '"ann" "listed"\n"bob" ""',
    })
    assert.deepEqual(
      [...config.databases.values()].map((database) => forcedSecret(config, database)),
      ['own', 'listed', undefined, undefined],
    )
  })
})
