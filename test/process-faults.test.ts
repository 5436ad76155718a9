/** What happens to a pooler as a process: signals, a kill, files and certificates that are bad, disks and descriptors that are full. */

import assert from 'node:assert/strict'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { connect, type TLSSocket } from 'node:tls'
import { after, afterEach, before, describe, it } from 'node:test'
import { connect as connectTcp } from 'node:net'
import { once } from 'node:events'
import { type Issued, issue } from './support/certificates.ts'
import { eventually, type PoolerProcess, type PoolerProcessOptions, startPoolerProcess } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'

let postgres: TestPostgres
let direct: RawClient
const poolers: PoolerProcess[] = []
const clients: RawClient[] = []
const ok = ['T ?column?', 'D 7', 'C SELECT 1', 'Z I']
const shutdown = 'E FATAL 57P01: the pooler is shutting down'

before(async () => {
  postgres = await startTestPostgres()
  direct = await RawClient.login(postgres.port)
  await direct.query('create table entry (who text)')
})

after(async () => {
  direct.leave()
  await postgres.remove()
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.reset()
  await Promise.all(poolers.splice(0).map((pooler) => pooler.stop()))
  await direct.query('truncate entry')
})

async function start(settings: readonly string[] = [], options: PoolerProcessOptions = {}): Promise<PoolerProcess> {
  const pooler = await startPoolerProcess(postgres.port, settings, options)
  poolers.push(pooler)
  return pooler
}

async function login(pooler: PoolerProcess): Promise<RawClient> {
  const client = await RawClient.login(pooler.port)
  clients.push(client)
  return client
}

async function sleepers(): Promise<number> {
  return Number(await direct.value("select count(*) from pg_stat_activity where wait_event = 'PgSleep'"))
}

/** A statement whose pooler is gone runs on until it writes: PostgreSQL does not notice before. */
const nobodySleeps = (): Promise<void> => eventually('the last orphan has ended', async () => (await sleepers()) === 0)

const logged = (pooler: PoolerProcess, text: string): Promise<void> =>
  eventually(`it logs ${text}`, () => pooler.log().includes(text))

/** Its log tells of a signal before its door is shut: the cause comes before its effects. */
const letsInNobody = (pooler: PoolerProcess): Promise<void> =>
  eventually('it lets in nobody', () =>
    RawClient.connect(pooler.port).then(
      (client) => {
        client.reset()
        return false
      },
      () => true,
    ),
  )

/** A client in each state that one can be in; two servers are there. */
interface States {
  readonly silent: RawClient
  readonly idle: RawClient
  readonly inTransaction: RawClient
  readonly active: RawClient
  readonly waiting: RawClient
}

async function inEveryState(pooler: PoolerProcess): Promise<States> {
  await nobodySleeps()
  const silent = await RawClient.connect(pooler.port)
  clients.push(silent)
  silent.send(raw.startup({ user: 'postgres' }).subarray(0, 10))
  const [idle, inTransaction] = [await login(pooler), await login(pooler)]
  const [active, waiting] = [await login(pooler), await login(pooler)]
  await inTransaction.query("begin; insert into entry values ('kept')")
  active.send(raw.query('select 7 from pg_sleep(1)'))
  await eventually('it runs', async () => (await sleepers()) === 1)
  waiting.send(raw.query('select 7'))
  return { silent, idle, inTransaction, active, waiting }
}

describe('SIGTERM', () => {
  it('lets in nobody any more, serves everybody who is here, and ends the process when the last has left', async () => {
    const pooler = await start(['default_pool_size = 2'])
    const { idle, inTransaction, active, waiting } = await inEveryState(pooler)
    pooler.signal('SIGTERM')
    await letsInNobody(pooler)
    assert.deepEqual(await active.answer(), ok)
    assert.deepEqual(await waiting.answer(), ok)
    assert.deepEqual(await idle.query('select 7'), ok)
    assert.deepEqual(await inTransaction.query('commit'), ['C COMMIT', 'Z I'])
    for (const client of [idle, inTransaction, active]) client.leave()
    await Bun.sleep(100)
    assert.deepEqual(await waiting.query('select 7'), ok)
    waiting.leave()
    assert.equal(await pooler.exited, 0)
    assert.equal(await direct.value('select who from entry'), 'kept')
  })

  it('twice ends the process at once, and what is not committed is undone', async () => {
    const pooler = await start(['default_pool_size = 2'])
    const { idle, inTransaction, active, waiting } = await inEveryState(pooler)
    pooler.signal('SIGTERM')
    await logged(pooler, 'got SIGTERM')
    const began = performance.now()
    pooler.signal('SIGTERM')
    for (const client of [idle, waiting]) assert.deepEqual(await client.rest(), [shutdown])
    for (const client of [inTransaction, active]) assert.match((await client.rest()).join(), /^E FATAL (57P01|08006)/)
    assert.equal(await pooler.exited, 0)
    assert.ok(performance.now() - began < 900, `${performance.now() - began} ms`)
    assert.equal(await direct.value('select count(*) from entry'), '0')
  })
})

describe('SIGINT', () => {
  it('tells whoever has no server to go, at once, and lets the others finish', async () => {
    const pooler = await start(['default_pool_size = 2'])
    const { silent, idle, inTransaction, active, waiting } = await inEveryState(pooler)
    pooler.signal('SIGINT')
    for (const client of [idle, waiting]) assert.deepEqual(await client.rest(), [shutdown])
    await silent.closed()
    await assert.rejects(RawClient.connect(pooler.port))
    assert.deepEqual(await active.rest(), [...ok, shutdown])
    assert.deepEqual(await inTransaction.query('commit'), ['C COMMIT', 'Z I'])
    assert.deepEqual(await inTransaction.rest(), [shutdown])
    assert.equal(await pooler.exited, 0)
    assert.equal(await direct.value('select who from entry'), 'kept')
  })

  it('twice ends the process at once', async () => {
    const pooler = await start(['default_pool_size = 2'])
    const { inTransaction, active } = await inEveryState(pooler)
    pooler.signal('SIGINT')
    await logged(pooler, 'got SIGINT')
    const began = performance.now()
    pooler.signal('SIGINT')
    for (const client of [inTransaction, active]) assert.match((await client.rest()).join(), /^E FATAL (57P01|08006)/)
    assert.equal(await pooler.exited, 0)
    assert.ok(performance.now() - began < 900, `${performance.now() - began} ms`)
  })
})

describe('SIGKILL', () => {
  it('shows every client its end at once, and a new pooler serves; a statement runs on, a transaction does not', async () => {
    const killed = await start(['default_pool_size = 2'])
    const { silent, idle, inTransaction, active, waiting } = await inEveryState(killed)
    const began = performance.now()
    killed.signal('SIGKILL')
    await Promise.all([silent, idle, inTransaction, active, waiting].map((client) => client.closed()))
    assert.ok(performance.now() - began < 500, `${performance.now() - began} ms`)
    assert.equal(await sleepers(), 1)
    assert.equal(await killed.exited, 137)
    const next = await start([], { port: killed.port })
    const client = await login(next)
    assert.deepEqual(await client.query('select 7'), ok)
    const servedMs = performance.now() - began
    assert.ok(servedMs < 3_000, `${servedMs} ms until a new pooler has served`)
    assert.equal(await client.value('select count(*) from entry'), '0')
    await nobodySleeps()
  })
})

describe('SIGHUP', () => {
  it('with a good file changes what it says, and with a bad one nothing at all', async () => {
    const pooler = await start(['default_pool_size = 1'])
    const [one, two] = [await login(pooler), await login(pooler)]
    await one.query('begin')
    two.send(raw.query('select 7'))
    for (const bad of [
      ['default_pool_size = -1'],
      ['default_pool_size = 2', 'nonsense = 1'],
      ['auth_file = $folder/none'],
    ]) {
      pooler.configure(bad)
      pooler.signal('SIGHUP')
      const name = bad.at(-1)?.split(' ')[0] ?? ''
      await logged(pooler, name)
      assert.match(pooler.log(), new RegExp(`ERROR .*${name}`))
    }
    await two.staysSilent()
    pooler.configure(['default_pool_size = 2'])
    pooler.signal('SIGHUP')
    assert.deepEqual(await two.answer(), ok)
    await logged(pooler, 'default_pool_size was changed from 1 to 2')
    assert.deepEqual(await one.query('commit'), ['C COMMIT', 'Z I'])
  })
})

describe('certificates', () => {
  const authority = issue({ name: 'authority', isAuthority: true })
  const settings = (...more: string[]): string[] => [
    'client_tls_sslmode = require',
    'client_tls_cert_file = $folder/cert',
    'client_tls_key_file = $folder/key',
    ...more,
  ]

  function write(pooler: PoolerProcess, { certificate, key }: Pick<Issued, 'certificate' | 'key'>): void {
    writeFileSync(`${pooler.folder}/cert`, certificate)
    writeFileSync(`${pooler.folder}/key`, key, { mode: 0o600 })
  }

  const named = (name: string, notAfter?: Date): Issued =>
    issue({ name, names: ['127.0.0.1'], issuer: authority, ...(notAfter && { notAfter }) })

  /** Who is there, by its certificate; or why not. */
  async function peer(pooler: PoolerProcess): Promise<{ socket: TLSSocket; name: string; problem: string }> {
    const tcp = connectTcp(pooler.port, '127.0.0.1')
    tcp.write(raw.sslRequest)
    const [answer] = (await once(tcp, 'data')) as [Buffer]
    assert.equal(answer.toString(), 'S')
    const socket = connect({ socket: tcp, ca: authority.certificate, rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const { subject } = socket.getPeerCertificate()
    return { socket, name: String(subject.CN), problem: String(socket.authorizationError) }
  }

  async function seen(pooler: PoolerProcess): Promise<string> {
    const { socket, name, problem } = await peer(pooler)
    socket.destroy()
    return `${name}: ${problem}`
  }

  it('are exchanged by SIGHUP for connections to come; a bad one is refused, and the old one stays', async () => {
    const pooler = await start()
    write(pooler, named('first'))
    pooler.configure(settings())
    pooler.signal('SIGHUP')
    await logged(pooler, 'client_tls_sslmode was changed')
    const { socket, name } = await peer(pooler)
    assert.equal(name, 'first')
    write(pooler, named('second'))
    pooler.signal('SIGHUP')
    await eventually('it is new', async () => (await seen(pooler)) === 'second: null')
    const [startup] = [raw.startup({ user: 'postgres', database: 'postgres' })]
    socket.write(startup)
    const [greeting] = (await once(socket, 'data')) as [Buffer]
    assert.equal(greeting.toString('latin1', 0, 1), 'R')
    socket.destroy()

    const other = named('third')
    for (const bad of [
      { certificate: 'nonsense', key: other.key },
      { certificate: other.certificate, key: named('fourth').key },
      { certificate: '', key: '' },
    ]) {
      const before = pooler.log().split('ERROR').length
      write(pooler, bad)
      pooler.signal('SIGHUP')
      await eventually('it says so', () => pooler.log().split('ERROR').length > before)
      assert.equal(await seen(pooler), 'second: null')
    }
    assert.match(pooler.log(), /ERROR client_tls: /)
    assert.ok(!pooler.log().includes('PRIVATE'))
  })

  it('that have expired are taken, and it is the client who refuses them', async () => {
    const pooler = await start()
    write(pooler, named('old', new Date(Date.now() - 86_400_000)))
    pooler.configure(settings())
    pooler.signal('SIGHUP')
    await logged(pooler, 'client_tls_sslmode was changed')
    assert.equal(await seen(pooler), 'old: CERT_HAS_EXPIRED')
  })
})

describe('a full disk', () => {
  const fullDisk = { skip: !existsSync('/dev/full') && '/dev/full is missing' }

  async function work(pooler: PoolerProcess): Promise<void> {
    const client = await login(pooler)
    for (let n = 0; n < 200; n++) assert.deepEqual(await client.query('select 7'), ok)
    client.leave()
  }

  it('for the log costs lines and nothing else', fullDisk, async () => {
    const pooler = await start(['logfile = /dev/full', 'verbose = 2'])
    for (let n = 0; n < 3; n++) await work(pooler)
    pooler.signal('SIGHUP')
    await work(pooler)
  })

  it('for the trace ends the trace, and nothing else', fullDisk, async () => {
    const pooler = await start(['trace_file = /dev/full'])
    for (let n = 0; n < 3; n++) await work(pooler)
    const told = pooler.log().match(/ERROR the trace ends here.*/g) ?? []
    assert.equal(told.length, 1)
    assert.match(told.join(), /ENOSPC/)
  })

  it('in the middle of either is no more than that', async () => {
    const settings = ['trace_file = $folder/trace', 'verbose = 2']
    const pooler = await start(settings, { limits: "trap '' XFSZ && ulimit -f 128" })
    for (let n = 0; n < 4; n++) await work(pooler)
    const size = statSync(`${pooler.folder}/trace`).size
    assert.ok(size <= 128 * 1024, `${size} bytes`)
    assert.match(pooler.log(), /ERROR the trace ends here/)
  })
})
