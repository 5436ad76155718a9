/** Passwords that are changed in PostgreSQL while servers are open: who goes on, who is told, and what brings the new one. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { Client } from 'pg'
import { MadeUpSecrets } from '../src/auth/made-up-secrets.ts'
import { type Credentials, parseSecret } from '../src/auth/secret.ts'
import {
  eventually,
  TestPoolers,
  type TestDatabase,
  type TestPooler,
  type TestPoolerOptions,
} from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'

const accessRules = 'host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n'
let postgres: TestPostgres
let direct: RawClient
const poolers = new TestPoolers(() => postgres.port)
const raws: RawClient[] = []
const drivers: Client[] = []

before(async () => {
  postgres = await startTestPostgres({}, { 'pg_hba.conf': accessRules })
  direct = await RawClient.login(postgres.port)
  await direct.query("create role app login; create role ann login password 'one'")
})

after(async () => {
  direct.leave()
  await poolers.remove()
  await postgres.remove()
})

afterEach(async () => {
  for (const client of raws.splice(0)) client.reset()
  await Promise.all(drivers.splice(0).map((client) => client.end()))
})

const ok = ['T ?column?', 'D 7', 'C SELECT 1', 'Z I']
const setPassword = (user: string, password: string): Promise<string[]> =>
  direct.query(`alter role ${user} password '${password}'`)

async function terminate(user: string): Promise<void> {
  await direct.value(`select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = '${user}'`)
  const left = `select count(*) from pg_stat_activity where usename = '${user}'`
  await eventually('they are gone', async () => (await direct.value(left)) === '0')
}

describe('the password of the user whom a database forces', () => {
  /** As after a reload of an ini in which the password was changed. */
  const forced = (password: string): TestDatabase => {
    const credentials = parseSecret(Buffer.from(password)) as Credentials
    return { user: 'app', credentials, credentialsId: password }
  }

  async function login(pooler: TestPooler): Promise<RawClient> {
    const client = await pooler.login()
    raws.push(client)
    return client
  }

  it('matters to new servers only: those that are open serve everybody until their lifetime is over', async () => {
    await setPassword('app', 'one')
    const pooler = await poolers.start({ poolSize: 3, database: forced('one') })
    const [one, two, three] = [await login(pooler), await login(pooler), await login(pooler)]
    const pid = await one.value('select pg_backend_pid()')
    await setPassword('app', 'two')
    await one.query('begin')
    for (const client of [two, three]) client.send(raw.query('select 7'))
    await pooler.queues(2)
    await eventually('a new server was refused', () =>
      pooler.logged.join('').includes('password authentication failed'),
    )
    assert.deepEqual(await one.query('commit'), ['C COMMIT', 'Z I'])
    for (const client of [two, three]) assert.deepEqual(await client.answer(), ok)
    assert.equal(await two.value('select pg_backend_pid()'), pid)
  })

  it('that is wrong is told to everybody once no server is left, until a reload brings the new one', async () => {
    await setPassword('app', 'one')
    const pooler = await poolers.start({ poolSize: 2, serverLoginRetryMs: 60_000, database: forced('one') })
    const one = await login(pooler)
    await setPassword('app', 'two')
    await terminate('app')
    one.send(raw.query('select 7'))
    assert.match((await one.rest()).join(), /^E FATAL 28P01: .*password authentication failed for user "app"$/)
    await assert.rejects(
      login(pooler).then((client) => client.value('select 7')),
      /28P01: .*password authentication failed/,
    )
    pooler.reload({ poolSize: 2, serverLoginRetryMs: 60_000, database: forced('two') })
    assert.deepEqual(await (await login(pooler)).query('select 7'), ok)
  })
})

describe('the password of a user whom auth_query looks up', () => {
  const lookup = {
    user: 'postgres',
    credentials: parseSecret(Buffer.alloc(0)) as Credentials,
    query: 'select rolname::text, rolpassword from pg_catalog.pg_authid where rolname = $1',
  }

  const start = (): Promise<TestPooler> =>
    poolers.start({
      poolSize: 2,
      serverLoginRetryMs: 60_000,
      authentication: { method: 'scram-sha-256', secrets: new Map(), madeUp: new MadeUpSecrets(4_096) },
      database: { authQuery: { ...lookup, addresses: [{ host: '127.0.0.1', port: postgres.port }] } },
    })

  async function connect(pooler: TestPooler, password: string): Promise<Client> {
    const client = new Client({ host: '127.0.0.1', port: pooler.port, user: 'ann', password, database: 'postgres' })
    client.on('error', () => undefined)
    await client.connect()
    drivers.push(client)
    return client
  }

  const seven = async (client: Client): Promise<number> => (await client.query('select 7 as n')).rows[0].n

  it('is the new one at the next login; whoever is here goes on, and new servers take the new keys', async () => {
    const pooler = await start()
    const old = await connect(pooler, 'one')
    assert.equal(await seven(old), 7)
    await setPassword('ann', 'two')
    assert.equal(await seven(old), 7)
    await assert.rejects(connect(pooler, 'one'), { code: '28P01' })
    const next = await connect(pooler, 'two')
    assert.equal(await seven(next), 7)
    await terminate('ann')
    for (const client of [old, next]) assert.equal(await seven(client), 7)
  })

  it('ends those who are here if no server is left and nobody has brought the new one', async () => {
    await setPassword('ann', 'one')
    const pooler = await start()
    const old = await connect(pooler, 'one')
    assert.equal(await seven(old), 7)
    await setPassword('ann', 'two')
    await terminate('ann')
    await assert.rejects(seven(old), { code: '28P01' })
    drivers.length = 0
    assert.equal(await seven(await connect(pooler, 'two')), 7)
  })
})

describe('a login that is under way at a reload', () => {
  const stored = (users: Readonly<Record<string, string>>, method: 'plain' | 'trust' = 'plain') => ({
    authentication: {
      method,
      secrets: new Map(Object.entries(users).map(([name, password]) => [name, parseSecret(Buffer.from(password))])),
      madeUp: new MadeUpSecrets(4_096),
    },
  })
  const forced = { user: 'postgres' }
  const lookup = (value: string): TestDatabase => ({
    ...forced,
    authQuery: {
      user: 'postgres',
      credentials: parseSecret(Buffer.alloc(0)) as Credentials,
      query: `select $1::text, '${value}'::text`,
      addresses: [{ host: '127.0.0.1', port: postgres.port }],
    },
  })

  /** What the client is told that answers the request for its password only after the reload. */
  async function outcome(before: TestPoolerOptions, after: TestPoolerOptions, user = 'bob'): Promise<string> {
    const pooler = await poolers.start(before)
    const client = await RawClient.connect(pooler.port)
    raws.push(client)
    client.send(raw.startup({ user, database: 'postgres' }))
    await client.until('R')
    pooler.reload(after)
    client.send(raw.message('p', Buffer.from('one\0')))
    return raw.say((await client.until('E', 'Z')).at(-1) as raw.Message)
  }
  const refused = 'E FATAL 28P01: password authentication failed'

  it('is refused if the password is another now, or the user is gone', async () => {
    const database = forced
    const before = { database, ...stored({ bob: 'one' }) }
    assert.equal(await outcome(before, { database, ...stored({ bob: 'two' }) }), refused)
    assert.equal(await outcome(before, { database, ...stored({}) }), refused)
  })

  it('is refused if users are looked up in another way', async () => {
    const begun = stored({})
    assert.equal(await outcome({ database: lookup('one'), ...begun }, { database: lookup('two'), ...begun }), refused)
    assert.equal(await outcome({ database: lookup('one'), ...begun }, { database: forced, ...begun }), refused)
  })

  it('goes on if nothing of it has changed', async () => {
    const before = { database: forced, ...stored({ bob: 'one', eve: 'one' }) }
    assert.equal(await outcome(before, { database: forced, ...stored({ bob: 'one', eve: 'two' }) }), 'Z I')
    const looked = { database: lookup('one'), ...stored({}) }
    assert.equal(await outcome(looked, { ...looked, poolSize: 3 }), 'Z I')
    const known = stored({ bob: 'one' })
    assert.equal(await outcome({ database: lookup('one'), ...known }, { database: lookup('two'), ...known }), 'Z I')
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
