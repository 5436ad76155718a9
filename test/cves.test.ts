/**
 * What went wrong in other poolers and drivers, by its number, end to end. What concerns one message or one exchange alone
 * stands beside its source: CVE-2026-6664 and CVE-2026-6665 in src/auth and src/wire, CVE-2026-6667 in src/console; bytes
 * around the beginning of TLS (CVE-2021-3935, CVE-2021-23222) in every split in pooler-tls.test.ts.
 */

import assert from 'node:assert/strict'
import { createServer, type Socket as NetSocket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { Client, type ClientConfig } from 'pg'
import { MadeUpSecrets } from '../src/auth/made-up-secrets.ts'
import { NoSecret } from '../src/auth/secret.ts'
import { settings } from '../src/config/settings.ts'
import { acceptingTls, connectingTls } from '../src/net/tls.ts'
import { issue } from './support/certificates.ts'
import { type TestPooler, TestPoolers } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'
import { startSplitServers } from './support/split-servers.ts'

const password = 'secret of eve'
const defaultQuery = settings.pgbouncer.auth_query.default ?? ''
const own = issue({ name: 'pooler', names: ['127.0.0.1'] })
let postgres: TestPostgres
let poolers: TestPoolers
let direct: RawClient

before(async () => {
  const rules = 'host all postgres,looker 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n'
  postgres = await startTestPostgres({}, { 'pg_hba.conf': rules })
  poolers = new TestPoolers(() => postgres.port)
  direct = await RawClient.login(postgres.port)
  await direct.query(`create role looker superuser login`)
  await direct.query(`create role eve login password '${password}'`)
  await direct.query(`create role expired login password '${password}' valid until '2020-01-01'`)
  await direct.query(`create role grouplike nologin password '${password}'`)
})

after(async () => {
  direct.leave()
  await poolers.remove()
  await postgres.remove()
})

function start(query = defaultQuery): Promise<TestPooler> {
  const addresses = [{ host: '127.0.0.1', port: postgres.port }]
  const authQuery = { addresses, user: 'looker', credentials: new NoSecret('trusted'), query }
  const authentication = { method: 'scram-sha-256', secrets: new Map(), madeUp: new MadeUpSecrets(4_096) } as const
  return poolers.start({ authentication, database: { authQuery } })
}

async function logIn(pooler: TestPooler, user: string, options: ClientConfig = {}): Promise<string> {
  const client = new Client({
    host: '127.0.0.1',
    port: pooler.port,
    user,
    password,
    database: 'postgres',
    ...options,
  })
  try {
    await client.connect()
    return (await client.query('select session_user as who')).rows[0].who
  } catch (error) {
    return (error as Error).message
  } finally {
    await client.end().catch(() => undefined)
  }
}

describe('CVE-2015-6817', () => {
  it('an unknown user does not become auth_user', async () => {
    const pooler = await start()
    assert.equal(await logIn(pooler, 'nobody'), 'SASL authentication failed')
    assert.equal(await logIn(pooler, ''), 'the startup packet names no user')
    assert.equal(await logIn(pooler, 'eve'), 'eve')
  })

  it('nor does a user whom a sloppy auth_query answers with another one', async () => {
    const pooler = await start(`select rolname, rolpassword from pg_authid where rolname in ($1, 'eve') order by 1`)
    assert.match(await logIn(pooler, 'nobody'), /could not look up/)
  })
})

describe('CVE-2025-2291', () => {
  it('an expired password, or a role that may not log in, lets nobody in', async () => {
    const pooler = await start()
    assert.equal(await logIn(pooler, 'expired'), 'SASL authentication failed')
    assert.equal(await logIn(pooler, 'grouplike'), 'SASL authentication failed')
  })
})

describe('CVE-2025-12819', () => {
  it('what a startup packet says never reaches the connection of auth_query', async () => {
    await direct.query(`create schema trap; create table trap.seen (who text, path text)`)
    await direct.query(`create function trap.eq(name, text) returns boolean language plpgsql as
      $$ begin insert into trap.seen values (session_user, current_setting('search_path')); return true; end $$`)
    await direct.query(`create operator trap.= (leftarg = name, rightarg = text, function = trap.eq)`)
    // Unqualified, as operators' own queries may be: only the path decides which operator this is.
    const query = `select rolname::text, rolpassword from pg_authid where rolname = $1::text`
    // The trap works where its path is set.
    await direct.query(`set search_path = trap, pg_catalog`)
    await direct.query(query.replace('$1', `'nobody'`))
    assert.notEqual(await direct.value('select count(*) from trap.seen'), '0')
    await direct.query('truncate trap.seen; reset search_path')
    const pooler = await start(query)
    for (const options of ['-c search_path=trap,pg_catalog', '--search_path=trap\\ ,pg_catalog']) {
      assert.equal(await logIn(pooler, 'nobody', { options }), 'SASL authentication failed')
      await logIn(pooler, 'eve', { options })
    }
    const client = await RawClient.connect(pooler.port)
    client.send(raw.startup({ user: 'nobody', search_path: 'trap,pg_catalog' }))
    await client.until('R', 'E')
    client.reset()
    assert.equal(await direct.value('select count(*) from trap.seen'), '0')
  })
})

describe('CVE-2021-3935', () => {
  it('clear text behind an SSLRequest is not taken for what was encrypted', async () => {
    const tls = acceptingTls({ mode: 'prefer', certificate: own.certificate, key: own.key })
    const pooler = await poolers.start({ clientTls: tls })
    const client = await RawClient.connect(pooler.port)
    client.send(
      Buffer.concat([raw.sslRequest, raw.startup({ user: 'postgres' }), raw.query('create table injected ()')]),
    )
    assert.deepEqual(await client.rest(), ['E FATAL 08P01: bytes behind an ssl-request'])
    assert.equal(await direct.value(`select count(*) from pg_class where relname = 'injected'`), '0')
  })
})

/** A server that answers the startup packet with these bytes. */
async function pretender(answer: Buffer): Promise<{ port: number; close: () => void }> {
  const sockets: NetSocket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined).once('data', () => socket.write(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = (): void => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { port: (server.address() as AddressInfo).port, close }
}

/** What a client is told; `in` if it is let in. */
function outcome(pooler: TestPooler, parameters: Readonly<Record<string, string>> = {}): Promise<string> {
  return pooler.login(parameters).then(
    () => 'in',
    (error: unknown) => (error as Error).message,
  )
}

async function toldBy(answer: Buffer): Promise<string> {
  const server = await pretender(answer)
  const pooler = await poolers.start({
    queryWaitTimeoutMs: 300,
    database: { address: { host: '127.0.0.1', port: server.port } },
  })
  const said = await outcome(pooler)
  const isAlive = await RawClient.login(pooler.port, { database: 'pgbouncer' })
  isAlive.leave()
  await pooler.stop()
  server.close()
  return said + pooler.logged.join('')
}

describe('CVE-2021-23222 and CVE-2024-10977', () => {
  it('what a server says before TLS, in any split, is neither believed nor shown', { timeout: 60_000 }, async () => {
    const error = raw.message('E', Buffer.from('SFATAL\0Mtrust me\0\0'))
    for (const answer of [error, Buffer.concat([Buffer.from('S'), error]), Buffer.concat([Buffer.from('N'), error])]) {
      const servers = await startSplitServers(answer)
      const pooler = await poolers.start({
        queryWaitTimeoutMs: 500,
        databases: servers.databases,
        serverEncryption: connectingTls({ mode: 'require' }),
      })
      const databases = Object.keys(servers.databases)
      const logins = databases.map((database) => outcome(pooler, { database }))
      const told = [...(await Promise.all(logins)), ...pooler.logged].join('\n')
      assert.match(told, /sent more than its answer before TLS had begun/)
      assert.doesNotMatch(told, /^in$|trust me/m)
      assert.equal(servers.asked(), databases.length)
      await pooler.stop()
      servers.close()
    }
  })
})

describe('CVE-2026-6666', () => {
  it('an error without SQLSTATE, or without anything, is an error', async () => {
    assert.match(await toldBy(raw.message('E', Buffer.from('SFATAL\0Mgo away\0\0'))), /FATAL 08006: go away/)
    assert.match(await toldBy(raw.message('E', Buffer.from('\0'))), /FATAL 08006: login refused/)
    assert.match(await toldBy(raw.message('E', Buffer.alloc(0))), /FATAL 08006/)
  })
})

describe('CVE-2026-6665 and a server that asks for 2^31 rounds', () => {
  it('a hostile server costs nobody anything but its own attempt', async () => {
    const sasl = (kind: number, text: string): Buffer => {
      const code = Buffer.alloc(4)
      code.writeUInt32BE(kind)
      return raw.message('R', code, Buffer.from(text))
    }
    const offer = sasl(10, 'SCRAM-SHA-256\0\0')
    for (const first of [`r=${'x'.repeat(60_000)},s=AAAA,i=4096`, 'r=x,s=AAAA,i=2147483648', 'r=x,s=AAAA,i=4096']) {
      const said = await toldBy(Buffer.concat([offer, sasl(11, first)]))
      assert.match(said, /server login failed|does not speak protocol 3|nonce|iterations|wrong password type/)
    }
  })
})

describe('the checker', () => {
  it('finds no breach in what the tests above did', { timeout: 60_000 }, () => poolers.assertNoBreach())
})
