import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Limits } from '../engine/limits.ts'
import { LiveDatabase, LiveUser } from './live.ts'
import type { Database } from './options.ts'

const shop: Database = {
  addresses: [{ host: 'db', port: 5432 }],
  parameters: new Map([['application_name', 'pool']]),
  poolSize: 20,
  minPoolSize: 0,
  reservePoolSize: 0,
  queryWaitTimeoutMs: 0,
  serverLifetimeMs: 0,
  maxServers: 0,
  maxClients: 0,
}

function isOtherAfter(change: Partial<Database>): boolean {
  return new LiveDatabase('shop', shop, false, new Limits()).reconfigure({ ...shop, ...change }, false, 0)
}

describe('LiveDatabase', () => {
  it('has servers that are as good as before when only numbers and times change', () => {
    const numbers = { poolSize: 1, minPoolSize: 1, reservePoolSize: 1, maxServers: 1, maxClients: 1 }
    assert.equal(isOtherAfter({ ...numbers, queryWaitTimeoutMs: 1, serverLifetimeMs: 1 }), false)
    assert.equal(isOtherAfter({ parameters: new Map(shop.parameters) }), false)
  })

  it('has none as good as before when anything changes that they are opened with', () => {
    const changes: Partial<Database>[] = [
      { addresses: [{ host: 'db', port: 5433 }] },
      { addresses: [...shop.addresses, { host: 'db2', port: 5432 }] },
      { name: 'shop2' },
      { user: 'admin' },
      { loadBalanceHosts: 'disable' },
      { parameters: new Map([['application_name', 'other']]) },
      { parameters: new Map() },
    ]
    assert.deepEqual(
      changes.map(isOtherAfter),
      changes.map(() => true),
    )
  })

  it('says which limit of clients is reached, and that it is disabled', () => {
    const database = new LiveDatabase('shop', { ...shop, maxClients: 1 }, false, new Limits())
    database.checkRoom()
    database.clients++
    assert.throws(() => database.checkRoom(), /"shop": max_db_client_connections is 1, and all are in use/)
    database.isDisabled = true
    assert.throws(() => database.checkRoom(), { code: 'database_disabled', message: 'database "shop" is disabled' })
  })
})

describe('LiveUser', () => {
  it('has the limits that it is given, anew at a reload', () => {
    const user = new LiveUser('app', { maxServers: 7, maxClients: 1 }, new Limits())
    user.clients++
    assert.throws(() => user.checkRoom(), /user "app": max_user_client_connections is 1/)
    user.reconfigure({ maxServers: 3, maxClients: 0 }, 0)
    user.checkRoom()
    assert.deepEqual([user.limit.max, user.options.maxClients], [3, 0])
  })
})
