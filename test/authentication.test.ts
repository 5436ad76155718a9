/** Logging in with a password: real drivers in front, a PostgreSQL behind that wants one, too. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { Client } from 'pg'
import { MadeUpSecrets } from '../src/auth/made-up-secrets.ts'
import { parseSecret, type Secret } from '../src/auth/secret.ts'
import type { ClientAuthMethod } from '../src/auth/client-exchange.ts'
import type { AuthQuerySource } from '../src/pooler/pooler.ts'
import { eventually, type TestPooler, type TestPoolerOptions, TestPoolers } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'

const password = 'correct horse'
const accessRules = [
  'host all postgres,lookup,keeper 127.0.0.1/32 trust',
  'host all md5user 127.0.0.1/32 md5',
  'host all clear 127.0.0.1/32 password',
  'host all all 127.0.0.1/32 scram-sha-256',
  '',
]
let postgres: TestPostgres
let poolers: TestPoolers
let direct: RawClient
/** As PostgreSQL stores it. */
let scramSecret = ''
let md5Secret = ''

before(async () => {
  postgres = await startTestPostgres({}, { 'pg_hba.conf': accessRules.join('\n') })
  poolers = new TestPoolers(() => postgres.port)
  direct = await RawClient.login(postgres.port)
  await direct.query(`create role ann login password '${password}'`)
  await direct.query(`create role clear login password '${password}'`)
  await direct.query(
    `set password_encryption = md5; create role md5user login password '${password}'; reset password_encryption`,
  )
  await direct.query('create role lookup login')
  await direct.query(`create function public.secret_of(name text, out text, out text) language sql security definer
    as 'select rolname::text, rolpassword from pg_authid where rolname = $1'`)
  const secretOf = (user: string): Promise<string | null> =>
    direct.value(`select rolpassword from pg_authid where rolname = '${user}'`)
  scramSecret = (await secretOf('ann')) ?? ''
  md5Secret = (await secretOf('md5user')) ?? ''
})

after(async () => {
  direct.leave()
  await poolers.remove()
  await postgres.remove()
})

function start(
  method: ClientAuthMethod,
  stored: Readonly<Record<string, string>>,
  authQuery?: Partial<AuthQuerySource>,
  limits: Pick<TestPoolerOptions, 'authQueryTimeoutMs' | 'clientLoginTimeoutMs'> = {},
): Promise<TestPooler> {
  const secrets = new Map<string, Secret>(
    Object.entries(stored).map(([user, text]) => [user, parseSecret(Buffer.from(text))]),
  )
  return poolers.start({
    ...limits,
    authentication: { method, secrets, madeUp: new MadeUpSecrets(4_096) },
    ...(authQuery && { database: { authQuery: lookupOf(authQuery) } }),
  })
}

function lookupOf(changed: Partial<AuthQuerySource>): AuthQuerySource {
  return {
    addresses: [{ host: '127.0.0.1', port: postgres.port }],
    user: 'lookup',
    credentials: parseSecret(Buffer.alloc(0)) as AuthQuerySource['credentials'],
    query: 'select * from public.secret_of($1)',
    ...changed,
  }
}

/** What the session says who it is. */
async function logIn(pooler: TestPooler, user: string, secret = password, database = 'postgres'): Promise<unknown> {
  const client = new Client({ host: '127.0.0.1', port: pooler.port, user, password: secret, database })
  await client.connect()
  try {
    return (await client.query('select session_user')).rows[0].session_user
  } finally {
    await client.end()
  }
}

const wrong = { code: '28P01' }

describe('the console', () => {
  it('takes nobody by what a database of its name says, which anybody may have made', async () => {
    await direct.query('create database pgbouncer')
    const there = await RawClient.login(postgres.port, { database: 'pgbouncer' })
    await there.query(
      "create function public.secret_of(name text, out text, out text) language sql as $$ select $1, 'evil' $$",
    )
    there.leave()
    const console = async (pooler: TestPooler, secret: string): Promise<void> => {
      const client = new Client({
        host: '127.0.0.1',
        port: pooler.port,
        user: 'postgres',
        password: secret,
        database: 'pgbouncer',
      })
      await client.connect()
      await client.end()
    }
    const anywhere = await start('scram-sha-256', {}, {})
    await assert.rejects(console(anywhere, 'evil'), wrong)
    await direct.query(`alter user postgres password '${password}'`)
    const named = await start('scram-sha-256', {}, { database: 'postgres' })
    await console(named, password)
    await assert.rejects(console(named, 'evil'), wrong)
    await direct.query('drop database pgbouncer')
  })
})

describe('a password', () => {
  const cases: [ClientAuthMethod, string, () => string][] = [
    ['plain', 'ann', () => password],
    ['plain', 'md5user', () => md5Secret],
    ['plain', 'ann', () => scramSecret],
    ['md5', 'ann', () => password],
    ['md5', 'md5user', () => md5Secret],
    ['md5', 'md5user', () => password],
    ['md5', 'clear', () => password],
    ['md5', 'ann', () => scramSecret],
    ['scram-sha-256', 'ann', () => password],
    ['scram-sha-256', 'ann', () => scramSecret],
    ['scram-sha-256', 'md5user', () => password],
  ]
  for (const [method, user, stored] of cases) {
    it(`is asked for by ${method} and logs ${user} in, on both sides`, async () => {
      const pooler = await start(method, { [user]: stored() })
      assert.equal(await logIn(pooler, user), user)
      await assert.rejects(logIn(pooler, user, 'wrong'), wrong)
      await assert.rejects(logIn(pooler, 'nobody'), wrong)
      assert.equal(await logIn(pooler, user), user)
    })
  }

  it('of md5 is of no use for SCRAM', async () => {
    const pooler = await start('scram-sha-256', { md5user: md5Secret })
    await assert.rejects(logIn(pooler, 'md5user'), wrong)
  })

  it('that PostgreSQL does not take is reported in its words', async () => {
    const pooler = await start('trust', { ann: 'wrong' })
    await assert.rejects(logIn(pooler, 'ann'), {
      code: '28P01',
      message: 'password authentication failed for user "ann"',
    })
  })

  it('that is missing is reported with what is needed', async () => {
    const pooler = await start('trust', { ann: '' })
    await assert.rejects(logIn(pooler, 'ann'), {
      code: '28P01',
      message: /wrong password type: PostgreSQL asks for SCRAM/,
    })
  })
})

describe('the keys of a client', () => {
  it('log its servers in again after they were lost', async () => {
    const pooler = await start('scram-sha-256', { ann: scramSecret })
    assert.equal(await logIn(pooler, 'ann'), 'ann')
    await direct.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'ann'`)
    await eventually('the pooler has noticed', () => pooler.figures.servers().length === 0)
    assert.equal(await logIn(pooler, 'ann'), 'ann')
  })
})

describe('auth_query', () => {
  it('finds who is not stored, and passes their keys on', async () => {
    const pooler = await start('scram-sha-256', {}, {})
    assert.equal(await logIn(pooler, 'ann'), 'ann')
    await assert.rejects(logIn(pooler, 'ann', 'wrong'), wrong)
    await assert.rejects(logIn(pooler, 'nobody'), wrong)
  })

  it('notices a new password at the next login', async () => {
    const pooler = await start('md5', {}, {})
    await direct.query(`create role eve login password 'one'`)
    assert.equal(await logIn(pooler, 'eve', 'one'), 'eve')
    await direct.query(`alter role eve password 'two'`)
    await assert.rejects(logIn(pooler, 'eve', 'one'), wrong)
    assert.equal(await logIn(pooler, 'eve', 'two'), 'eve')
  })

  it('is not asked again within the same exchange, and never about a NULL', async () => {
    const pooler = await start('md5', {}, { query: 'select $1::text, null::text' })
    await assert.rejects(logIn(pooler, 'ann'), wrong)
  })

  const broken: [string, string, RegExp][] = [
    ['fails', 'select 1/0, $1::text', /auth_query failed: 22012/],
    ['gives one column', 'select $1::text', /1 columns/],
    ['gives somebody else', "select 'postgres'::text, $1::text", /another user/],
    ['gives several rows', 'select $1::text, x::text from generate_series(1, 5) x', /more than one row/],
    ['never ends', 'select $1::text, pg_sleep(60)::text', /no answer within/],
  ]
  for (const [what, query, logged] of broken) {
    it(`that ${what} lets nobody in, and tells only the log why`, async () => {
      const pooler = await start('md5', {}, { query })
      await assert.rejects(logIn(pooler, 'ann'), { message: 'the pooler could not look up this user' })
      assert.match(pooler.logged.join(''), logged)
      const running = `select count(*) from pg_stat_activity where usename = 'lookup' and state = 'active'`
      await eventually('nothing runs on', async () => (await direct.value(running)) === '0')
    })
  }
})

describe('the connections of auth_query', () => {
  const query = 'select rolname::text, null::text from pg_roles where rolname = $1'
  before(async () => {
    await direct.query('create role keeper login')
    await direct.query('create database lookups')
  })
  afterEach(async () => {
    await pooler.stop()
    await eventually('none is left', async () => (await open()) === 0)
  })
  let pooler: TestPooler
  const open = async (): Promise<number> =>
    Number(await direct.value(`select count(*) from pg_stat_activity where usename = 'keeper'`))

  const isAsked = async (): Promise<boolean> =>
    (await direct.value(`select wait_event from pg_stat_activity where usename = 'keeper'`)) === 'PgSleep'

  it('are closed by a PAUSE of the database that they are in; who logs in meanwhile waits for RESUME', async () => {
    pooler = await start('trust', {}, { user: 'keeper', database: 'lookups', query }, { authQueryTimeoutMs: 1_000 })
    assert.equal(await logIn(pooler, 'postgres'), 'postgres')
    assert.equal(await open(), 1)
    await pooler.verbs.pause('postgres')
    assert.equal(await open(), 1)
    pooler.verbs.resume('postgres')
    await pooler.verbs.pause('lookups')
    await eventually('it is closed', async () => (await open()) === 0)
    await direct.query('create database copy template lookups')
    const login = logIn(pooler, 'postgres')
    await Bun.sleep(1_500)
    assert.equal(await open(), 0)
    pooler.verbs.resume('lookups')
    assert.equal(await login, 'postgres')
  })

  it('go on while another name of the same database does', async () => {
    const lookup = lookupOf({ user: 'keeper', query })
    const databases = { rw: { name: 'postgres', authQuery: lookup }, ro: { name: 'postgres', authQuery: lookup } }
    const authentication = { method: 'trust', secrets: new Map(), madeUp: new MadeUpSecrets(4_096) } as const
    pooler = await poolers.start({ authentication, databases, isWithoutTemplate: true })
    assert.equal(await logIn(pooler, 'postgres', '', 'ro'), 'postgres')
    pooler.verbs.kill('ro')
    assert.equal(await logIn(pooler, 'postgres', '', 'rw'), 'postgres')
    assert.equal(await open(), 1)
    await pooler.verbs.pause('rw')
    await eventually('it is closed', async () => (await open()) === 0)
  })

  it('are waited for by WAIT_CLOSE', async () => {
    const slow = 'select rolname::text, pg_sleep(0.3)::text from pg_roles where rolname = $1'
    pooler = await start('trust', {}, { user: 'keeper', query: slow })
    const login = logIn(pooler, 'postgres')
    await eventually('it is asked', isAsked)
    const old = await direct.value(`select pid from pg_stat_activity where usename = 'keeper'`)
    pooler.verbs.reconnect()
    await pooler.verbs.waitClose()
    await login
    assert.equal(await direct.value(`select count(*) from pg_stat_activity where pid = ${old}`), '0')
  })

  it('are not opened for a database that is asked for the first time while all are paused', async () => {
    pooler = await start('trust', {}, { user: 'keeper', query }, { clientLoginTimeoutMs: 300 })
    await pooler.verbs.pause()
    await assert.rejects(logIn(pooler, 'postgres'), /no login within 300 ms/)
    assert.equal(await open(), 0)
  })

  it('are opened anew by RECONNECT, and closed by KILL, whatever they are asked', async () => {
    pooler = await start(
      'md5',
      {},
      { user: 'keeper', query: 'select $1::text, pg_sleep(60)::text' },
      { authQueryTimeoutMs: 9_000 },
    )
    const login = assert.rejects(logIn(pooler, 'postgres'), /could not look up this user/)
    await eventually('it is asked', isAsked)
    pooler.verbs.reconnect()
    assert.equal(await open(), 1)
    pooler.verbs.kill()
    await login
    await eventually('nothing runs on', async () => (await open()) === 0)
  })
})

describe('clients who leave while they are looked up', () => {
  it('keep nobody else from being looked up', async () => {
    await direct.query('create table gate (open boolean); insert into gate values (false)')
    await direct.query(`create function public.slow_secret_of(name text, out text, out text) language plpgsql security definer as
      $$ begin
        if not (select open from gate) then perform pg_sleep(60); end if;
        select rolname::text, rolpassword into $2, $3 from pg_authid where rolname = $1;
      end $$`)
    const pooler = await start('scram-sha-256', {}, { query: 'select * from public.slow_secret_of($1)' })
    for (let index = 0; index < 4; index++) {
      const client = await RawClient.connect(pooler.port)
      client.send(raw.startup({ user: 'ann', database: 'postgres' }))
      await new Promise((resolve) => setTimeout(resolve, 50))
      client.reset()
    }
    await direct.query('update gate set open = true')
    await eventually('ann is in', async () => (await logIn(pooler, 'ann').catch(() => '')) === 'ann', 8_000)
  })
})

describe('a login', () => {
  it('comes in any split', async () => {
    const pooler = await start('plain', { ann: password })
    const bytes = Buffer.concat([
      raw.startup({ user: 'ann', database: 'postgres' }),
      raw.message('p', Buffer.from(`${password}\0`)),
      raw.query('select 7'),
    ])
    for (let split = 1; split < bytes.length; split++) {
      const client = await RawClient.connect(pooler.port)
      client.send(bytes.subarray(0, split))
      await new Promise(setImmediate)
      client.send(bytes.subarray(split))
      const got = await client.until('D', 'E')
      assert.equal(got.at(-1)?.type, 'D')
      client.reset()
    }
  })

  it('says nothing of databases before it is over', async () => {
    const pooler = await start('md5', { ann: password })
    const ask = async (database: string, secret: string): Promise<string> => {
      const client = new Client({ host: '127.0.0.1', port: pooler.port, user: 'ann', password: secret, database })
      return client.connect().then(
        () => client.end().then(() => 'in'),
        (error: unknown) => (error as Error).message,
      )
    }
    assert.equal(await ask('postgres', password), 'in')
    assert.equal(await ask('postgres', 'wrong'), 'password authentication failed')
    assert.equal(await ask('none', 'wrong'), 'password authentication failed')
    assert.equal(await ask('none', password), 'database "none" does not exist')
  })
})

describe('the checker', () => {
  it('finds no breach in what the tests above did', { timeout: 60_000 }, () => poolers.assertNoBreach())
})
