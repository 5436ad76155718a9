import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseIni } from '../../test/support/parse-ini.ts'
import type { Config } from '../config/config.ts'
import { findDatabase } from '../config/config.ts'
import { poolSettings } from '../config/precedence.ts'
import { Limits } from '../engine/limits.ts'
import { LiveDatabase, LiveUser } from '../pooler/live.ts'
import { settingsOf } from '../pooler/pool-settings.ts'
import { poolerOptions } from './pooler-options.ts'

/** One setting in each of three places; undefined: not there. */
interface Written {
  readonly global?: string
  readonly database?: string
  readonly user?: string
}

function configOf(name: string, globalName: string, written: Written, more = ''): Config {
  const option = (text: string | undefined): string => (text === undefined ? '' : `${name}=${text}`)
  return parseIni(`[pgbouncer]
    ${written.global === undefined ? '' : `${globalName} = ${written.global}`}
    [databases]
    a = host=x ${option(written.database)} ${more}
    [users]
    ann = ${option(written.user)}
    bob =`)
}

/** What the pooler makes of it for a client of database a. */
function poolOf(config: Config, clientUser: string) {
  const options = poolerOptions(
    config,
    { accepting: undefined, connecting: { mode: 'disable' }, connectingId: '' },
    false,
  )
  const said = options.databases.get('a') ?? assert.fail()
  const user = said.user ?? clientUser
  const limits = { maxServers: 0, maxClients: 0 }
  const { rules, maxSize, minSize, reserveSize, tuning } = settingsOf(
    options,
    new LiveDatabase('a', said, false, new Limits()),
    new LiveUser(user, { ...limits, ...options.userOptions.get(user) }, new Limits()),
  )
  const { waitTimeoutMs, lifetimeMs } = tuning
  return { mode: rules.mode, size: maxSize, minSize, reserveSize, waitTimeoutMs, lifetimeMs }
}

describe('what holds for a pool', () => {
  const matrix = {
    mode: { name: 'pool_mode', global: 'statement', database: 'transaction', user: 'session', unit: 0 },
    size: { name: 'pool_size', globalName: 'default_pool_size', global: '30', database: '20', user: '10', unit: 1 },
    reserveSize: { name: 'reserve_pool_size', global: '3', database: '2', user: '1', unit: 1 },
    waitTimeoutMs: { name: 'query_wait_timeout', global: '3', database: '2', user: '1', unit: 1000 },
  } as const
  for (const [property, row] of Object.entries(matrix)) {
    const { name, global, database, user } = row
    const globalName = 'globalName' in row ? row.globalName : name
    const value = (text: string): unknown => (row.unit === 0 ? text : Number(text) * row.unit)
    it(`${name}: the user goes before the database, and that before [pgbouncer]`, () => {
      const read = (written: Written, who: string, more = ''): unknown => {
        const config = configOf(name, globalName, written, more)
        const pool = poolOf(config, who)
        const reckoned = poolSettings(config, findDatabase(config, 'a') ?? assert.fail(), who)
        assert.deepEqual({ ...pool, ...reckoned }, pool, 'taxirank check reckons with what the pooler does')
        return pool[property as keyof typeof matrix]
      }
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

  it('takes a size of -1, or a time of 0, in a database or for a user as not set', () => {
    const size = (database: string, user = '-1') =>
      configOf('pool_size', 'default_pool_size', { global: '5', database, user })
    assert.deepEqual([poolOf(size('-1'), 'ann').size, poolOf(size('5', '7'), 'ann').size], [5, 7])
    assert.equal(poolSettings(size('0'), findDatabase(size('0'), 'a') ?? assert.fail(), 'ann').size, 0, 'unlimited')
    const wait = configOf('query_wait_timeout', 'query_wait_timeout', { global: '5', database: '0', user: '0' })
    assert.equal(poolOf(wait, 'ann').waitTimeoutMs, 5000)
    const lifetime = (own: string) => configOf('', 'server_lifetime', { global: '5' }, `server_lifetime=${own}`)
    assert.deepEqual([poolOf(lifetime('0'), 'ann').lifetimeMs, poolOf(lifetime('7'), 'ann').lifetimeMs], [5000, 7000])
  })

  it('keeps no more servers than a pool may have', () => {
    const minOf = (user: string, name: string, more = ''): number =>
      poolOf(configOf('pool_size', 'min_pool_size', { global: '4', user }, more), name).minSize
    assert.deepEqual([minOf('2', 'bob'), minOf('2', 'ann'), minOf('2', 'bob', 'min_pool_size=3')], [4, 2, 3])
    assert.equal(minOf('0', 'ann'), 4)
  })
})
