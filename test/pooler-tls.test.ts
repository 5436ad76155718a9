/**
 * TLS through the pooler: what each mode means to real clients, and towards a real PostgreSQL for the first connection, a
 * reconnect and a cancel alike; and bytes that come at the border between clear and encrypted.
 */

import assert from 'node:assert/strict'
import { createServer, type Server as NetServer, type Socket as NetSocket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { Client, type ClientConfig } from 'pg'
import { acceptingTls, connectingTls, type TlsMode } from '../src/net/tls.ts'
import type { ServerEncryption } from '../src/server/target.ts'
import { type Issued, issue } from './support/certificates.ts'
import { eventually, type TestPooler, TestPoolers } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'
import { startSplitServers } from './support/split-servers.ts'
import { everySplit } from './support/splits.ts'

const authority = issue({ name: 'authority', isAuthority: true })
const stranger = issue({ name: 'stranger', isAuthority: true })
const own = issue({ name: 'pooler', names: ['localhost', '127.0.0.1'], issuer: authority })
const modes: readonly TlsMode[] = ['allow', 'prefer', 'require', 'verify-ca', 'verify-full']
let plain: TestPostgres
let poolers: TestPoolers

before(async () => {
  plain = await startTestPostgres()
  poolers = new TestPoolers(() => plain.port)
})

after(async () => {
  await poolers.remove()
  await plain.remove()
})

/** What a driver gets, or why it gets nothing. */
async function ask(port: number, ssl: ClientConfig['ssl']): Promise<string> {
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', ...(ssl && { ssl }) })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query('select 7 as seven')
    await client.end()
    return String(rows[0].seven)
  } catch (error) {
    return (error as Error).message
  }
}

describe('a client', () => {
  const accept = (mode: TlsMode): Parameters<typeof acceptingTls>[0] => ({
    mode,
    certificate: own.certificate,
    key: own.key,
    ca: authority.certificate,
  })

  const start = (mode: TlsMode, clientLoginTimeoutMs = 3_000): Promise<TestPooler> =>
    poolers.start({
      clientTls: acceptingTls(accept(mode)),
      isTlsRequired: mode !== 'allow' && mode !== 'prefer',
      clientLoginTimeoutMs,
    })

  const ca = authority.certificate
  const friend = issue({ name: 'postgres', issuer: authority })
  const foe = issue({ name: 'postgres', issuer: stranger })
  const shown = ({ certificate, key }: Issued): object => ({ ca, cert: certificate, key })

  for (const mode of modes) {
    const isVerifying = mode.startsWith('verify')
    it(`may encrypt with ${mode}${isVerifying ? ', if it shows a certificate of ours' : ''}`, async () => {
      const { port } = await start(mode)
      const isIn = (text: string): boolean => text === '7'
      assert.equal(isIn(await ask(port, { ca })), !isVerifying)
      assert.equal(isIn(await ask(port, shown(friend))), true)
      assert.equal(isIn(await ask(port, shown(foe))), !isVerifying)
      assert.equal(await ask(port, undefined), mode === 'allow' || mode === 'prefer' ? '7' : 'SSL required')
    })
  }

  it('finds that the certificate is for our host', async () => {
    const { port } = await start('require')
    assert.match(await ask(port, { ca: stranger.certificate }), /unable to verify|self.signed/i)
    assert.equal(await ask(port, { ca, servername: 'localhost' }), '7')
  })

  it('is refused encryption where there is none', async () => {
    const { port } = await poolers.start()
    assert.equal(await ask(port, { ca }), 'The server does not support SSL connections')
  })

  it('cancels in the clear also where TLS is required', async () => {
    const { port } = await start('require')
    const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', ssl: { ca } })
    await client.connect()
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
    const slow = client.query('select pg_sleep(20)').catch((error: unknown) => (error as { code: string }).code)
    await eventually('it runs', async () => (await count(plain.port, 'pg_sleep')) === 1)
    const key = Buffer.alloc(8)
    key.writeUInt32BE(processID)
    key.writeInt32BE(secretKey, 4)
    const canceller = await RawClient.connect(port)
    canceller.send(raw.cancelRequest(key))
    assert.equal(await slow, '57014')
    await client.end()
  })

  it('may send nothing behind its SSLRequest before the answer, in any split', async () => {
    const { port } = await start('prefer')
    const injected = [Buffer.from([0x16]), raw.startup({ user: 'postgres' }), raw.query('select 1')]
    for (const bytes of injected) {
      const client = await RawClient.connect(port)
      client.send(Buffer.concat([raw.sslRequest, bytes]))
      const said = await client.rest()
      assert.deepEqual(said, ['E FATAL 08P01: bytes behind an ssl-request'])
    }
    // What comes just after the answer was sent is taken for TLS, and is none.
    const pooler = await start('prefer', 40)
    for (const chunks of everySplit(Buffer.concat([raw.sslRequest, raw.startup({ user: 'postgres' })]))) {
      const client = await RawClient.connect(pooler.port)
      for (const chunk of chunks) {
        client.send(chunk)
        await Bun.sleep(1)
      }
      await client.closed()
    }
    assert.ok(!pooler.logged.join('').includes('login attempt'))
  })

  it('may not encrypt twice, nor ask for anything for ever', async () => {
    const { port } = await poolers.start()
    for (let round = 0; round < 200; round++) {
      const client = await RawClient.connect(port)
      client.send(raw.sslRequest)
      await client.byte()
      client.send(raw.gssRequest)
      await client.byte()
      client.send(round % 2 ? raw.sslRequest : raw.gssRequest)
      assert.match((await client.rest())[0] ?? '', /a second (ssl|gss)-request/)
    }
  })

  it('that says something else than TLS, or nothing, is let go', async () => {
    const pooler = await start('prefer', 200)
    const client = await RawClient.connect(pooler.port)
    client.send(raw.sslRequest)
    assert.equal(await client.byte(), 'S')
    client.send(raw.startup({ user: 'postgres' }))
    await client.closed()
    const silent = await RawClient.connect(pooler.port)
    silent.send(raw.sslRequest)
    assert.equal(await silent.byte(), 'S')
    await silent.closed()
    assert.equal(await ask(pooler.port, { ca }), '7')
  })

  it('gets the new certificate from its next connection on, and keeps the connection it has', async () => {
    let tls = acceptingTls(accept('prefer'))
    const pooler = await poolers.start({ clientEncryption: () => tls })
    const client = new Client({
      host: '127.0.0.1',
      port: pooler.port,
      user: 'postgres',
      database: 'postgres',
      ssl: { ca },
    })
    await client.connect()
    const other = issue({ name: 'new', names: ['localhost', '127.0.0.1'], issuer: stranger })
    tls = acceptingTls({ ...accept('prefer'), certificate: other.certificate, key: other.key })
    assert.equal(await ask(pooler.port, { ca: stranger.certificate }), '7')
    assert.notEqual(await ask(pooler.port, { ca }), '7')
    assert.equal((await client.query('select 8 as n')).rows[0].n, 8)
    await client.end()
  })
})

async function count(port: number, text: string): Promise<number> {
  const direct = await RawClient.login(port)
  const sql = `select count(*) from pg_stat_activity where pid <> pg_backend_pid() and query like '%${text}%' and state = 'active'`
  const found = Number(await direct.value(sql))
  direct.leave()
  return found
}

describe('towards PostgreSQL', () => {
  const day = 86_400_000
  const past = new Date(Date.now() - day)
  const certificates: Readonly<Record<string, Issued>> = {
    'of our authority': issue({ name: 'db', names: ['localhost', '127.0.0.1'], issuer: authority }),
    'of another authority': issue({ name: 'db', names: ['localhost', '127.0.0.1'], issuer: stranger }),
    'of its own': issue({ name: 'db', names: ['localhost', '127.0.0.1'] }),
    'for another host': issue({ name: 'db', names: ['db.example'], issuer: authority }),
    'for the name alone': issue({ name: 'db', names: ['localhost'], issuer: authority }),
    expired: issue({ name: 'db', names: ['localhost'], issuer: authority, notBefore: new Date(0), notAfter: past }),
  }
  const unchecked: readonly TlsMode[] = ['allow', 'prefer', 'require']
  const unnamed: readonly TlsMode[] = [...unchecked, 'verify-ca']
  /** The modes that connect, by host. */
  const expected: Readonly<Record<string, Readonly<Record<string, readonly TlsMode[]>>>> = {
    'of our authority': { localhost: modes },
    'of another authority': { localhost: unchecked },
    'of its own': { localhost: unchecked },
    'for another host': { localhost: unnamed },
    'for the name alone': { localhost: modes, '127.0.0.1': unnamed },
    expired: { localhost: unchecked },
  }

  const encryption = (mode: TlsMode): ServerEncryption => connectingTls({ mode, ca: authority.certificate })

  for (const [kind, { certificate, key }] of Object.entries(certificates)) {
    it(
      `with a certificate ${kind}: connects, reconnects and cancels by TLS, or not at all`,
      { timeout: 60_000 },
      async () => {
        const files = { 'server.crt': certificate, 'server.key': key }
        const postgres = await startTestPostgres({ ssl: 'on' }, files)
        try {
          for (const [host, connecting] of Object.entries(expected[kind] ?? {})) {
            const connected = []
            for (const mode of modes) if (await isUsable(postgres, host, encryption(mode))) connected.push(mode)
            assert.deepEqual(connected, connecting, host)
          }
        } finally {
          await postgres.remove()
        }
      },
    )
  }

  it('that has no TLS: allow and prefer do without, the others refuse', async () => {
    for (const mode of modes) {
      const pooler = await poolers.start({ serverEncryption: encryption(mode), queryWaitTimeoutMs: 300 })
      const login = pooler.login()
      if (mode === 'allow' || mode === 'prefer') (await login).leave()
      else await assert.rejects(login, new RegExp(`does not offer TLS, and server_tls_sslmode is ${mode}`))
    }
  })

  /** True if all three work, by TLS; false if no connection comes about. */
  async function isUsable(postgres: TestPostgres, host: string, serverEncryption: ServerEncryption): Promise<boolean> {
    const address = { host, port: postgres.port }
    const pooler = await poolers.start({ serverEncryption, queryWaitTimeoutMs: 500, database: { address } })
    const client = await pooler.login().catch(() => undefined)
    if (!client) {
      await pooler.stop()
      return false
    }
    const isEncrypted = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'
    assert.equal(await client.value(isEncrypted), 't')
    const pid = await client.value('select pg_backend_pid()')
    const direct = await RawClient.login(postgres.port)
    await direct.value(`select pg_terminate_backend(${pid})`)
    await eventually('the backend is gone', async () => {
      return (await direct.value(`select count(*) from pg_stat_activity where pid = ${pid}`)) === '0'
    })
    await Bun.sleep(20)
    assert.equal(await client.value(isEncrypted), 't')
    assert.notEqual(await client.value('select pg_backend_pid()'), pid)
    client.send(raw.query('select pg_sleep(20)'))
    await eventually('it runs', async () => (await count(postgres.port, 'pg_sleep(20)')) === 1)
    const canceller = await RawClient.connect(pooler.port)
    canceller.send(raw.cancelRequest(client.key))
    assert.match((await client.answer()).join(), /57014/)
    direct.leave()
    client.leave()
    await pooler.stop()
    return true
  }

  describe('that is none, but says', () => {
    const answers: Readonly<Record<string, [Buffer, RegExp]>> = {
      'more than S': [Buffer.from('SE'), /sent more than its answer before TLS had begun/],
      'S and a handshake of something': [Buffer.from(`S${'x'.repeat(20)}`), /sent more than its answer/],
      'an error': [raw.message('E', Buffer.from('SFATAL\0Mfooled you\0\0')), /sent more than its answer/],
      'something else': [Buffer.from('X'), /answered neither yes nor no/],
      'S and then no TLS': [Buffer.from('S'), /could not be reached: TLS|closed the connection before TLS/],
    }
    for (const [what, [answer, logged]] of Object.entries(answers)) {
      it(`${what}, in any split: nothing of it is believed or repeated`, async () => {
        const servers = await startSplitServers(answer)
        const { databases } = servers
        for (const mode of ['prefer', 'require'] as const) {
          const pooler = await poolers.start({
            serverEncryption: encryption(mode),
            queryWaitTimeoutMs: 500,
            databases,
          })
          const logins = Object.keys(databases).map((database) => outcome(pooler, database))
          const told = [...(await Promise.all(logins)), ...pooler.logged].join('\n')
          assert.match(told, logged)
          assert.doesNotMatch(told, /^in$|fooled|nonsense/m)
          await pooler.stop()
        }
        assert.equal(servers.asked(), Object.keys(databases).length)
        servers.close()
      })
    }

    it('its S only after ten seconds: the time for connecting counts', async () => {
      const server = await fakeServer((socket) => socket.on('data', () => undefined))
      const address = { host: '127.0.0.1', port: (server.address() as { port: number }).port }
      const pooler = await poolers.start({
        serverEncryption: encryption('require'),
        serverConnectTimeoutMs: 200,
        queryWaitTimeoutMs: 500,
        database: { address },
      })
      await assert.rejects(pooler.login(), /did not complete a login within 200 ms/)
      await pooler.stop()
      server.close()
    })
  })
})

/** What a client is told; `in` if it is let in. */
function outcome(pooler: TestPooler, database: string): Promise<string> {
  return pooler.login({ database }).then(
    () => 'in',
    (error: unknown) => (error as Error).message,
  )
}

async function fakeServer(speak: (socket: NetSocket) => void): Promise<NetServer> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    speak(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

describe('the checker', () => {
  it('finds no breach in what the tests above did', { timeout: 120_000 }, () => poolers.assertNoBreach())
})
