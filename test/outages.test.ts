/**
 * PostgreSQL that is away for a while, is starting up, or has no connection left: clients wait, attempts are few and come
 * at growing intervals, and nobody storms it when it is back.
 */

import assert from 'node:assert/strict'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import { eventually, TestPoolers, type TestPooler, type TestPoolerOptions } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'
import { Way } from './support/way.ts'

let postgres: TestPostgres
let direct: RawClient
const poolers = new TestPoolers(() => postgres.port)
const ways: Way[] = []
const clients: RawClient[] = []
const ok = ['T ?column?', 'D 7', 'C SELECT 1', 'Z I']

before(async () => {
  postgres = await startTestPostgres()
  direct = await RawClient.login(postgres.port)
  await direct.query('create role limited login connection limit 2')
})

after(async () => {
  direct.leave()
  await poolers.remove()
  await postgres.remove()
})

afterEach(() => {
  for (const client of clients.splice(0)) client.reset()
  for (const way of ways.splice(0)) way.stop()
})

async function start(options: TestPoolerOptions = {}): Promise<{ pooler: TestPooler; way: Way }> {
  const way = new Way(postgres.port)
  ways.push(way)
  const database = { ...options.database, address: { host: '127.0.0.1', port: way.port } }
  return { pooler: await poolers.start({ queryWaitTimeoutMs: 20_000, ...options, database }), way }
}

async function login(pooler: TestPooler, parameters: Readonly<Record<string, string>> = {}): Promise<RawClient> {
  const client = await pooler.login(parameters)
  clients.push(client)
  return client
}

const manyLogins = (pooler: TestPooler, count: number, parameters = {}): Promise<RawClient[]> =>
  Promise.all(Array.from({ length: count }, () => login(pooler, parameters)))

async function isAnswered(client: RawClient): Promise<void> {
  assert.deepEqual(await client.answer(), ok)
}

describe('a PostgreSQL that is away', () => {
  it('is asked at growing intervals, and everybody who waited is served when it is back', async () => {
    const { pooler, way } = await start({ poolSize: 5, serverLoginRetryMs: 400 })
    const waiting = await manyLogins(pooler, 20)
    way.hurtNext({ fromClient: { resetAtByte: 1 } })
    way.hurt({ fromClient: { resetAtByte: 1 } })
    const before = way.begun.length
    const began = performance.now()
    for (const client of waiting) client.send(raw.query('select 7'))
    const all = Promise.allSettled(waiting.map(isAnswered))
    await Bun.sleep(1_500)
    const attempts = way.begun.slice(before).map((at) => at - began)
    way.hurtNext({})
    const lost = (await all).filter(({ status }) => status === 'rejected').length
    assert.ok(lost <= 1, `${lost} clients: who had the server when it went`)
    assert.ok(attempts.length >= 3 && attempts.length <= 8, `attempts after ${attempts.map(Math.round).join(', ')} ms`)
    // Two may begin together, until the first has failed.
    const pauses = attempts.slice(2).map((at, index) => at - (attempts[index + 1] ?? 0))
    assert.ok(
      pauses.every((pause) => pause >= 60),
      `pauses of ${pauses.map(Math.round).join(', ')} ms`,
    )
    assert.ok((pauses.at(-1) ?? 0) >= 250)
  })

  it('and takes its servers with it is not stormed by 200 clients who come back', async () => {
    const { pooler, way } = await start({ poolSize: 10, serverLoginRetryMs: 200 })
    let answers = 0
    const stop = new AbortController()
    const isOver = (): boolean => stop.signal.aborted
    const work = async (): Promise<void> => {
      while (!isOver()) {
        const client = await login(pooler)
        try {
          while (!isOver()) {
            assert.equal(await client.value('select 7 from pg_sleep(0.001)'), '7')
            answers++
          }
        } catch (error) {
          assert.match(String(error), /08006|57P01|closed \((fin|reset)\)/)
        }
        client.reset()
      }
    }
    const all = Promise.all(Array.from({ length: 200 }, work))
    await eventually('all work', () => answers > 1_000, 15_000)
    const opened = way.begun.length
    way.hurtNext({ fromClient: { resetAtByte: 1 } })
    way.hurt({ fromClient: { resetAtByte: 1 } })
    await Bun.sleep(800)
    const whileAway = way.begun.length - opened
    way.hurtNext({})
    const before = answers
    await eventually('all work again', () => answers > before + 1_000, 15_000)
    const afterwards = way.begun.length - opened - whileAway
    stop.abort()
    await all
    assert.ok(opened <= 10, `${opened} connections at first`)
    // Once as many as were lost, because until then every attempt had gone well; then one after the other.
    assert.ok(whileAway <= 10 + 6, `${whileAway} attempts in 800 ms`)
    assert.ok(afterwards <= 11, `${afterwards} connections when it was back`)
  })
})

describe('a PostgreSQL that has no connection left', () => {
  it('serves all clients over those that there are; more are tried for now and then, and had when there are', async () => {
    const { pooler, way } = await start({ poolSize: 10, serverLoginRetryMs: 400 })
    const all = await manyLogins(pooler, 12, { user: 'limited' })
    const end = performance.now() + 1_500
    const work = async (client: RawClient): Promise<void> => {
      while (performance.now() < end) {
        assert.deepEqual(await client.query('begin'), ['C BEGIN', 'Z T'])
        assert.deepEqual((await client.query('select pg_sleep(0.02)')).at(-1), 'Z T')
        assert.deepEqual(await client.query('commit'), ['C COMMIT', 'Z I'])
      }
    }
    await Promise.all(all.map(work))
    const refused = way.begun.length - 2
    assert.ok(refused >= 2 && refused <= 10, `${refused} refused attempts in 1.5 s`)
    const told = pooler.logged.filter((line) => line.includes('too many connections for role "limited"'))
    assert.equal(told.length, 1)
    await eventually('no attempt is under way', () => pooler.figures.lists().servers === 2)
    await direct.query('alter role limited connection limit 100')
    for (const client of all.slice(0, 6)) client.send(raw.query('begin; select 7'))
    for (const client of all.slice(0, 6)) assert.equal((await client.answer()).at(-1), 'Z T')
    assert.equal(pooler.figures.lists().servers, 6)
  })
})

describe('a PostgreSQL that is starting up', () => {
  it('keeps clients waiting, is asked now and then, and serves them when it is ready', async () => {
    const starting = await StartingPostgres.start(postgres.port)
    const address = { host: '127.0.0.1', port: starting.port }
    const pooler = await poolers.start({ poolSize: 3, serverLoginRetryMs: 400, database: { address } })
    const logins = manyLogins(pooler, 10)
    await Bun.sleep(1_200)
    const { refused } = starting
    assert.ok(refused >= 2 && refused <= 8, `${refused} attempts in 1.2 s`)
    starting.isReady = true
    for (const client of await logins) assert.deepEqual(await client.query('select 7'), ok)
    const told = pooler.logged.filter((line) => line.includes('the database system is starting up'))
    assert.equal(told.length, 1)
    starting.stop()
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})

/** Answers 57P03 until it is ready, and then is the one at `target`. */
class StartingPostgres {
  isReady = false
  refused = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(target: number) {
    const fields = ['SFATAL', 'VFATAL', 'C57P03', 'Mthe database system is starting up', '']
    const refusal = raw.message('E', ...fields.map((field) => Buffer.from(`${field}\0`)))
    this.#server = createServer((client) => {
      this.#keep(client)
      if (this.isReady) {
        const server = this.#keep(connect(target, '127.0.0.1'))
        client.pipe(server).pipe(client)
        return
      }
      this.refused++
      client.once('data', () => client.end(refusal))
    })
  }

  static async start(target: number): Promise<StartingPostgres> {
    const starting = new StartingPostgres(target)
    await new Promise<void>((resolve) => starting.#server.listen(0, '127.0.0.1', resolve))
    return starting
  }

  get port(): number {
    const address = this.#server.address()
    assert.ok(address !== null && typeof address === 'object')
    return address.port
  }

  stop(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    return socket
  }
}
