import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfig } from '../config/parse-config.ts'
import type { PoolerRequest } from '../lab/pooler-request.ts'
import { parseTarget } from '../lab/target.ts'
import { labUsersName } from './lab-child.ts'
import { configurationOf, usersOf } from './lab-children.ts'

const request: PoolerRequest = {
  target: parseTarget(`postgres://o%27bob:it%27s%20%3Bsecret@db.example:6000/my%20shop?sslmode=require`),
  password: undefined,
  databases: [
    { name: 'short', mode: 'transaction', size: 20 },
    { name: 'long', mode: 'session', size: 2 },
  ],
  maxClients: 300,
  queryWaitTimeoutMs: 1_500,
  isMonitored: false,
}

describe('the configuration of the lab’s pooler', () => {
  it('leads every name to the same database, whatever is in its names and its password', () => {
    const { databases, global } = parseConfig('lab', () => configurationOf(request, 7_000, undefined))
    const said = [...databases.values()].map(({ host, port, dbname, user, poolMode, poolSize }) => {
      return { host, port, dbname, user, poolMode, poolSize }
    })
    const place = { host: ['db.example'], port: 6_000, dbname: 'my shop', user: "o'bob" }
    assert.deepEqual(said, [
      { ...place, poolMode: 'transaction', poolSize: 20 },
      { ...place, poolMode: 'session', poolSize: 2 },
    ])
    assert.deepEqual([global.maxClientConn, global.queryWaitTimeoutMs, global.httpPort], [300, 2_000, undefined])
  })

  it('has a page and records where that is asked for', () => {
    const { global } = parseConfig('lab', () => configurationOf({ ...request, isMonitored: true }, 7_000, 7_001))
    assert.deepEqual([global.httpPort, global.recordingEntries], [7_001, 1_000_000])
  })

  it('asks for a password where the database does', () => {
    const asks = { ...request, password: 'run-of-today' }
    const files: Record<string, string> = {
      lab: configurationOf(asks, 7_000, undefined),
      [labUsersName]: usersOf(asks),
    }
    const { global, userlist } = parseConfig('lab', (path) => files[path] as string)
    assert.deepEqual([global.authType, [...(userlist?.keys() ?? [])]], ['plain', ['lab']])
    assert.equal(usersOf(request), '')
  })
})
