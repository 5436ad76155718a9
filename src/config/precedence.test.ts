import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseIni } from '../../test/support/parse-ini.ts'
import { findDatabase } from './config.ts'
import { databaseSettings, databaseSizes, forcedSecret, userSettings } from './precedence.ts'

/** One setting in each of two places; undefined: not there. */
interface Written {
  readonly global?: string
  readonly user?: string
}

function configOf(name: string, written: Written) {
  return parseIni(`[pgbouncer]
    ${written.global === undefined ? '' : `${name} = ${written.global}`}
    [databases]
    a = host=x
    [users]
    ann = ${written.user === undefined ? '' : `${name}=${written.user}`}
    bob =`)
}

describe('what holds for a database', () => {
  it('has its own limits before those of [pgbouncer], and 0 means not set', () => {
    const of = (own: string) => {
      const config = parseIni(
        `[pgbouncer]\nmax_db_connections = 9\nmax_db_client_connections = 8\n[databases]\na = host=x ${own}`,
      )
      const { maxServers, maxClients } = databaseSizes(config, findDatabase(config, 'a') ?? assert.fail())
      return [maxServers, maxClients]
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
    max_user_connections: 'maxServers',
    max_user_client_connections: 'maxClients',
  } as const
  for (const [name, property] of Object.entries(rows)) {
    const factor = property.endsWith('Ms') ? 1000 : 1
    const of = (written: Written, user: string): number => userSettings(configOf(name, written), user)[property]
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
