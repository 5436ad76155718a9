/** Clients and servers that die, at every moment, and a pooler that has to go on. */

import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { freePort } from '../src/embedded/free-port.ts'
import { startRelay } from '../src/relay/relay.ts'
import type { Faults } from '../src/relay/faults.ts'
import { eventually, startPoolerProcess, TestPoolers, type PoolerProcess, type TestPooler } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'

let postgres: TestPostgres
let direct: RawClient
let port: number
const poolers = new TestPoolers(() => port)

before(async () => {
  postgres = await startTestPostgres()
  port = postgres.port
  direct = await RawClient.login(port)
  await direct.query('create table entry (who text); create role limited login connection limit 0')
})

after(async () => {
  direct.reset()
  await poolers.remove()
  await postgres.remove()
})

const ok = ['T ?column?', 'D 7', 'C SELECT 1', 'Z I']
const ways = {
  FIN: (client: RawClient): void => client.vanish(),
  RST: (client: RawClient): void => client.reset(),
}
const terminated = 'E FATAL 57P01: terminating connection due to administrator command'
const copyIn = 'copy entry from stdin'

async function isQuiet(limitMs?: number): Promise<void> {
  const text =
    "select count(*) from pg_stat_activity where state <> 'idle' and pid <> pg_backend_pid() and backend_type = 'client backend'"
  await eventually('nothing runs', async () => (await direct.value(text)) === '0', limitMs)
}

async function isSleeping(): Promise<void> {
  const text = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
  await eventually('it runs', async () => (await direct.value(text)) === '1')
}

/** Kills the backends of the pooler, or those in a state; resolves when they are gone. */
async function terminateServers(state = '%'): Promise<void> {
  const others = `pid <> pg_backend_pid() and backend_type = 'client backend' and state like '${state}'`
  await eventually('there is somebody to terminate', async () => {
    return (await direct.value(`select count(*) from pg_stat_activity where ${others}`)) !== '0'
  })
  const victims = String(await direct.value(`select string_agg(pid::text, ',') from pg_stat_activity where ${others}`))
  await direct.value(`select count(pg_terminate_backend(pid)) from unnest('{${victims}}'::int[]) pid`)
  const left = `select count(*) from pg_stat_activity where pid in (${victims})`
  await eventually('they are gone', async () => (await direct.value(left)) === '0')
}

describe('a client that dies', () => {
  let pooler: TestPooler
  let next: RawClient
  before(async () => {
    pooler = await poolers.start({ poolSize: 1 })
    next = await pooler.login()
  })
  after(() => next.reset())
  beforeEach(async () => {
    await direct.query('truncate entry')
  })

  let token = 0
  /** The next client gets its own answer, no open transaction, no locks in its way. */
  async function assertNextIsClean(): Promise<void> {
    const lock = 'lock table entry in access exclusive mode nowait'
    const answer = await next.query(`select '${++token}', pg_current_xact_id_if_assigned(); begin; ${lock}; rollback`)
    const row = ['T ?column?,pg_current_xact_id_if_assigned', `D ${token}|null`, 'C SELECT 1']
    assert.deepEqual(answer, [...row, 'C BEGIN', 'C LOCK TABLE', 'C ROLLBACK', 'Z I'])
  }

  const insert = "insert into entry values ('lost')"
  const transcripts: Record<string, Buffer> = {
    'a query': raw.query('select 1'),
    'a transaction': raw.all(raw.query('begin'), raw.query(insert)),
    'a transaction in one query': raw.query(`begin; ${insert}`),
    'a failed transaction': raw.all(raw.query(`begin; ${insert}`), raw.query('select 1/0')),
    'an extended group': raw.all(raw.parse('select 1'), raw.bind(), raw.describePortal(), raw.execute(), raw.sync),
    'a transaction in extended form': raw.all(raw.statement('begin'), raw.statement(insert), raw.sync),
    'a pipeline with an error': raw.all(
      raw.statement('x'),
      raw.sync,
      raw.statement('begin'),
      raw.statement(insert),
      raw.sync,
    ),
    'a group with a flush': raw.all(raw.statement('begin'), raw.statement(insert), raw.flush),
    'a group without its end': raw.all(raw.statement(insert), raw.flush),
    'a copy': raw.all(raw.query('begin'), raw.query(copyIn), raw.copyData('lost\n'), raw.copyDone),
    'an extended copy': raw.all(
      raw.statement('begin'),
      raw.statement(copyIn),
      raw.sync,
      raw.copyData('a\n'),
      raw.copyDone,
      raw.sync,
    ),
    'a function call': raw.all(raw.query('begin'), raw.functionCall(177, ['1', '2'])),
    'a parameter': raw.all(raw.query('begin'), raw.query("set time zone 'Asia/Tokyo'"), raw.query(insert)),
  }

  for (const [what, bytes] of Object.entries(transcripts)) {
    it(`at any byte of ${what} leaves a clean server`, async () => {
      for (let length = 0; length <= bytes.length; length++) {
        const client = await pooler.login()
        client.send(bytes.subarray(0, length))
        if (length % 3 === 0) await Bun.sleep(0)
        if (length % 2 === 0) client.vanish()
        else client.reset()
        await assertNextIsClean()
      }
      assert.equal(await direct.value('select count(*) from entry'), '0')
      assert.equal(await next.value('show time zone'), 'Etc/UTC')
    })
  }

  for (const [name, die] of Object.entries(ways)) {
    it(`while it is being answered leaves a clean server: ${name}`, async () => {
      for (const bytes of [1, 100, 40_000, 400_000]) {
        const client = await pooler.login()
        client.send(raw.query(`begin; ${insert}; select repeat('x', 1000) from generate_series(1, 5000)`))
        await client.received(client.receivedBytes + bytes)
        die(client)
        await assertNextIsClean()
      }
      assert.equal(await direct.value('select count(*) from entry'), '0')
    })

    it(`while its statement runs has it stopped within a second: ${name}`, async () => {
      for (const request of [
        raw.query('select pg_sleep(30)'),
        raw.statement('select pg_sleep(30)'),
        raw.query('begin; select pg_sleep(30)'),
      ]) {
        const client = await pooler.login()
        client.send(request, raw.flush)
        await isSleeping()
        die(client)
        await isQuiet(1_000)
        await assertNextIsClean()
      }
    })

    it(`with several statements running or to be run has all of them stopped: ${name}`, async () => {
      const client = await pooler.login()
      client.send(...Array.from({ length: 5 }, () => raw.query('select pg_sleep(30)')))
      await Bun.sleep(30)
      die(client)
      await isQuiet(1_000)
      await assertNextIsClean()
    })

    it(`in a transaction frees its locks: ${name}`, async () => {
      const client = await pooler.login()
      await client.query(`begin; ${insert}; select pg_advisory_xact_lock(7)`)
      die(client)
      await assertNextIsClean()
      assert.equal(await direct.value('select pg_try_advisory_lock(7)'), 't')
      await direct.value('select pg_advisory_unlock(7)')
    })

    it(`in the queue leaves its place to the others: ${name}`, async () => {
      await next.query('begin')
      const [client, behind] = [await pooler.login(), await pooler.login()]
      client.send(raw.query(insert))
      await pooler.queues(1)
      behind.send(raw.query('select 7'))
      await pooler.queues(2)
      die(client)
      await pooler.queues(1)
      await next.query('commit')
      assert.deepEqual(await behind.answer(), ok)
      behind.leave()
      assert.equal(await direct.value('select count(*) from entry'), '0')
    })

    it(`in the queue, with much sent already, leaves its place to the others: ${name}`, async () => {
      await next.query('begin')
      const client = await pooler.login()
      client.send(...Array.from({ length: 2_000 }, () => raw.query(`${insert} -- ${'x'.repeat(500)}`)))
      await pooler.queues(1)
      die(client)
      await next.query('commit')
      await assertNextIsClean()
      client.reset()
    })

    it(`in the middle of a long message costs a server and nothing else: ${name}`, async () => {
      const client = await pooler.login()
      client.send(raw.query(`insert into entry values ('${'x'.repeat(200_000)}')`).subarray(0, 150_000))
      await Bun.sleep(30)
      die(client)
      await assertNextIsClean()
      assert.equal(await direct.value('select count(*) from entry'), '0')
    })
  }

  it('behind a running statement, in the middle of a long message, has it stopped', async () => {
    const client = await pooler.login()
    client.send(raw.query('select pg_sleep(30)'), raw.query('x'.repeat(100_000)).subarray(0, 50_000))
    await isSleeping()
    client.reset()
    await isQuiet(1_000)
    await assertNextIsClean()
  })

  it('after a Terminate has its statement stopped when the time to come to rest is up', async () => {
    const client = await pooler.login()
    client.send(raw.query('select pg_sleep(30)'))
    await isSleeping()
    client.leave()
    await Bun.sleep(200)
    await isSleeping()
    await isQuiet(2_500)
    await assertNextIsClean()
  })

  it('after a Terminate in an open transaction has it rolled back', async () => {
    const client = await pooler.login()
    await client.query(`begin; ${insert}`)
    client.leave()
    await assertNextIsClean()
  })
})

describe('a server that dies', () => {
  let pooler: TestPooler
  let one: RawClient
  let two: RawClient
  beforeEach(async () => {
    pooler = await poolers.start({ poolSize: 1 })
    one = await pooler.login()
    two = await pooler.login()
    assert.deepEqual(await two.query('select 7'), ok)
  })

  afterEach(() => {
    one.reset()
    two.reset()
  })

  async function assertNextIsClean(): Promise<void> {
    assert.deepEqual(await two.query('select 7'), ok)
  }

  it('idle is not missed', async () => {
    await terminateServers()
    await Bun.sleep(20)
    assert.deepEqual(await one.query('select 7'), ok)
    await assertNextIsClean()
  })

  it('while it runs a query ends its client with the reason', async () => {
    one.send(raw.query('select pg_sleep(10)'))
    await terminateServers('active')
    assert.deepEqual((await one.rest()).slice(1), [terminated])
    await assertNextIsClean()
  })

  it('while it runs a pipeline ends its client with the reason', async () => {
    one.send(raw.statement('select 1'), raw.sync, raw.statement('select pg_sleep(10)'), raw.sync, raw.query('select 1'))
    await terminateServers('active')
    const got = await one.rest()
    assert.deepEqual(got, ['1', '2', 'D 1', 'C SELECT 1', 'Z I', '1', '2', terminated])
    await assertNextIsClean()
  })

  it('in a transaction ends its client with the reason', async () => {
    await one.query('begin')
    await terminateServers('idle in transaction')
    assert.deepEqual(await one.rest(), [terminated])
    await assertNextIsClean()
  })

  it('in COPY FROM ends its client with the reason', async () => {
    one.send(raw.query(copyIn))
    await one.until('G')
    one.send(raw.copyData('lost\n'))
    await terminateServers('active')
    one.send(raw.copyData('lost\n'))
    const got = await one.rest()
    assert.equal(got.length, 1)
    assert.match(String(got[0]), /^E FATAL 57P01: terminating connection due to administrator command/)
    await assertNextIsClean()
  })

  it('in COPY TO ends its client', async () => {
    one.send(raw.query("copy (select repeat('x', 100), pg_sleep(0.001) from generate_series(1, 10000)) to stdout"))
    await one.received(one.receivedBytes + 1)
    await terminateServers('active')
    const got = await one.rest()
    assert.ok(one.over === 'reset' || got.at(-1) === terminated, String(got.at(-1)))
    await assertNextIsClean()
  })

  it('does not take those with it who wait', async () => {
    await one.query('begin')
    two.send(raw.query('select 7'))
    await pooler.queues(1)
    await terminateServers('idle in transaction')
    assert.deepEqual(await two.answer(), ok)
    assert.deepEqual(await one.rest(), [terminated])
  })

  it('without a word ends its client with an error, and PostgreSQL recovers', async () => {
    const pid = Number(await one.value('select pg_backend_pid()'))
    one.send(raw.query('select pg_sleep(10)'))
    await isSleeping()
    process.kill(pid, 'SIGKILL')
    assert.match(String((await one.rest()).at(-1)), /^E FATAL 08006: the server closed the connection unexpectedly/)
    await direct.closed()
    await eventually('PostgreSQL has recovered', async () => {
      direct = await RawClient.login(port).catch(() => direct)
      return direct.over === undefined
    })
    await assertNextIsClean()
  })

  it('with all of PostgreSQL keeps nobody who waits from the next one', async () => {
    await one.query('begin')
    const waiting = [two, await pooler.login(), await pooler.login()]
    for (const client of waiting) client.send(raw.query('select 7'))
    await pooler.queues(3)
    await postgres.postgres.restart()
    assert.match(String((await one.rest())[0]), /^E FATAL 57P01/)
    for (const client of waiting) assert.deepEqual(await client.answer(), ok)
    direct = await RawClient.login(port)
  })

  it('with all of PostgreSQL, under load, gives every client an answer or an end', async () => {
    const busy = await poolers.start({ poolSize: 3 })
    const seen = { answered: 0, ended: 0, isOver: false }
    const isOver = (): boolean => seen.isOver
    const load = Array.from({ length: 8 }, async (_, index) => {
      while (!isOver()) {
        const client = await busy.login()
        try {
          for (let n = 0; !isOver(); n++) {
            assert.equal(await client.value(`select '${index}-${n}' from pg_sleep(0.001)`), `${index}-${n}`)
            seen.answered++
          }
        } catch (error) {
          assert.match(String(error), /57P0[123]|08006|closed \((fin|reset)\)/)
          seen.ended++
        }
        client.reset()
      }
    })
    await Bun.sleep(100)
    await postgres.postgres.restart()
    const before = seen.answered
    await Bun.sleep(400)
    seen.isOver = true
    await Promise.all(load)
    assert.ok(seen.answered > before + 10, `${seen.answered - before} answers after the restart`)
    assert.ok(seen.ended >= 1)
    direct = await RawClient.login(port)
  })
})

describe('a server whose stream ends', () => {
  const request = raw.all(raw.query('select 7'), raw.statement('select 7'), raw.sync, raw.statement('oops'), raw.sync)
  const text = 'E FATAL 08006: the server closed the connection unexpectedly'
  const replies = [...ok, '1', '2', 'D 7', 'C SELECT 1', 'Z I', 'E ERROR 42601: syntax error at or near "oops"', 'Z I']

  for (const kind of ['cutAtByte', 'resetAtByte'] as const) {
    it(`at any byte of a reply ends its client with what came whole, and no other: ${kind}`, async () => {
      let faults: Faults = {}
      const relay = startRelay({ target: { host: '127.0.0.1', port }, plan: () => faults, seed: 1 })
      const pooler = await poolers.start({
        poolSize: 1,
        database: { address: { host: '127.0.0.1', port: relay.port } },
      })
      const next = await pooler.login()
      assert.deepEqual(await next.query('select 7'), ok)
      const reply = await replyBytes(request)
      for (let bytes = 0; bytes < reply; bytes++) {
        const client = await pooler.login()
        faults = { fromTarget: { [kind]: bytes } }
        relay.replan()
        client.send(request)
        const got = await client.rest()
        faults = {}
        const last = got.at(-1)
        if (client.over === 'fin') assert.ok(last?.startsWith(text), String(last))
        else
          assert.ok(last === undefined || replies.includes(last) || last.endsWith(' bytes of a message'), String(last))
        assert.deepEqual(got.slice(0, -1), replies.slice(0, Math.max(0, got.length - 1)))
        assert.deepEqual(await next.query('select 7'), ok)
      }
      next.leave()
      relay.stop()
    })
  }

  it('in the middle of its login is tried again', async () => {
    let faults: Faults = {}
    const relay = startRelay({ target: { host: '127.0.0.1', port }, plan: () => faults, seed: 1 })
    for (const bytes of [0, 1, 8, 9, 30, 200, 400]) {
      faults = { fromTarget: { cutAtByte: bytes } }
      const pooler = await poolers.start({
        poolSize: 1,
        database: { address: { host: '127.0.0.1', port: relay.port } },
      })
      const login = pooler.login()
      await Bun.sleep(20)
      faults = {}
      const client = await login
      assert.deepEqual(await client.query('select 7'), ok)
      client.leave()
    }
    relay.stop()
  })

  /** How many bytes PostgreSQL answers. */
  async function replyBytes(bytes: Buffer): Promise<number> {
    const client = await RawClient.login(port)
    const before = client.receivedBytes
    client.send(bytes)
    for (let n = 0; n < 3; n++) await client.answer()
    client.leave()
    return client.receivedBytes - before
  }
})

describe('a server that cannot be had', () => {
  it('because nobody listens: a login waits, and fails with the reason', async () => {
    const nobody = await freePort()
    const pooler = await poolers.start({
      queryWaitTimeoutMs: 300,
      database: { address: { host: '127.0.0.1', port: nobody } },
    })
    const reason = `cannot connect to 127.0.0.1:${nobody}: ECONNREFUSED`
    await assert.rejects(pooler.login(), (error: Error) => {
      const start = 'E FATAL 53300: no server became free within 300 ms: 0 of 1 leased, nobody else waiting'
      assert.equal(error.message, `${start}; the last attempt to open one failed: ${reason}`)
      return true
    })
  })

  it('because PostgreSQL is starting up: a login waits, and fails with the reason', async () => {
    const listeningAt = await freePort()
    const starting = startRefuser(listeningAt, '57P03', 'the database system is starting up')
    const pooler = await poolers.start({
      queryWaitTimeoutMs: 300,
      database: { address: { host: '127.0.0.1', port: listeningAt } },
    })
    await assert.rejects(pooler.login(), /failed: the database system is starting up$/)
    starting.stop(true)
  })

  it('because all connections are taken: clients wait until there is one', async () => {
    const pooler = await poolers.start({ queryWaitTimeoutMs: 400 })
    const limited = { user: 'limited', database: 'postgres' }
    await assert.rejects(
      pooler.login(limited),
      /^Error: E FATAL 53300: no server became free within 400 ms: .*too many connections for role "limited"$/,
    )
    const patient = await poolers.start()
    const login = patient.login(limited)
    await Bun.sleep(300)
    await direct.query('alter role limited connection limit 5')
    const client = await login
    assert.deepEqual(await client.query('select 7'), ok)
    client.leave()
    await direct.query('alter role limited connection limit 0')
  })

  it('because the database does not exist: that is the answer, at once', async () => {
    const pooler = await poolers.start()
    const began = performance.now()
    await assert.rejects(pooler.login({ database: 'nope' }), /^Error: E FATAL 3D000: database "nope" does not exist$/)
    await assert.rejects(pooler.login({ user: 'nobody' }), /^Error: E FATAL 28000: role "nobody" does not exist$/)
    assert.ok(performance.now() - began < 1_000)
  })

  it('because it asks for a password: that is the answer', async () => {
    const listeningAt = await freePort()
    const asking = Bun.listen({
      hostname: '127.0.0.1',
      port: listeningAt,
      socket: { data: (socket) => void socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3])) },
    })
    const pooler = await poolers.start({ database: { address: { host: '127.0.0.1', port: listeningAt } } })
    await assert.rejects(pooler.login(), /PostgreSQL asks for a clear-text password, the pooler has none for this user/)
    asking.stop(true)
  })

  it('because something else listens there: that is the answer', async () => {
    const listeningAt = await freePort()
    const web = Bun.listen({
      hostname: '127.0.0.1',
      port: listeningAt,
      socket: { data: (socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n') },
    })
    const pooler = await poolers.start({ database: { address: { host: '127.0.0.1', port: listeningAt } } })
    await assert.rejects(pooler.login(), /does not speak protocol 3/)
    web.stop(true)
  })

  it('because it says nothing: clients wait, and fail with the reason', async () => {
    const listeningAt = await freePort()
    const silent = Bun.listen({ hostname: '127.0.0.1', port: listeningAt, socket: { data: () => undefined } })
    const pooler = await poolers.start({
      queryWaitTimeoutMs: 500,
      serverConnectTimeoutMs: 200,
      database: { address: { host: '127.0.0.1', port: listeningAt } },
    })
    await assert.rejects(pooler.login(), /did not complete a login within 200 ms/)
    silent.stop(true)
  })

  it('because all are lent: a client waits for query_wait_timeout and is told the numbers', async () => {
    const pooler = await poolers.start({ poolSize: 1, queryWaitTimeoutMs: 300 })
    const [one, two, three] = [await pooler.login(), await pooler.login(), await pooler.login()]
    await one.query('begin')
    two.send(raw.query('select 7'))
    await pooler.queues(1)
    await Bun.sleep(100)
    three.send(raw.query('select 7'))
    const numbers = '1 of 1 leased, 1 other waiting, oldest lease 0.'
    const [error] = await two.rest()
    assert.ok(error?.startsWith(`E FATAL 53300: no server became free within 300 ms: ${numbers}`), String(error))
    await one.query('commit')
    assert.deepEqual(await three.answer(), ok)
    for (const client of [one, three]) client.leave()
  })
})

describe('a pooler that was stopped for a while', () => {
  let own: PoolerProcess
  before(async () => {
    own = await startPoolerProcess(port, ['default_pool_size = 1', 'query_wait_timeout = 2'])
  })
  after(() => own.stop())

  it('refuses nobody for the time in which it did not run, and serves those who wait', async () => {
    const holder = await RawClient.login(own.port)
    await holder.query('begin')
    const waiting = await Promise.all(Array.from({ length: 3 }, () => RawClient.login(own.port)))
    for (const client of waiting) client.send(raw.query('select 7'))
    await Bun.sleep(100)
    own.signal('SIGSTOP')
    await Bun.sleep(5_500)
    own.signal('SIGCONT')
    await Bun.sleep(300)
    await holder.query('commit')
    for (const client of waiting) assert.deepEqual(await client.answer(), ok)
    for (const client of [holder, ...waiting]) client.leave()
  })
})

describe('a limit of 0', () => {
  it('lets logins, servers and cancels take as long as they need', async () => {
    const pooler = await poolers.start({ clientLoginTimeoutMs: 0, serverConnectTimeoutMs: 0, cancelWaitTimeoutMs: 0 })
    const slow = await RawClient.connect(pooler.port)
    await Bun.sleep(60)
    slow.send(raw.startup({ user: 'postgres' }))
    assert.equal((await slow.answer()).at(-1), 'Z I')
    const pid = await slow.value('select pg_backend_pid()')
    slow.send(raw.query('select pg_sleep(10)'))
    await isSleeping()
    const canceller = await RawClient.connect(pooler.port)
    canceller.send(raw.cancelRequest(slow.key))
    assert.deepEqual(await canceller.rest(), [])
    assert.match(String((await slow.answer()).at(-2)), /^E ERROR 57014/)
    assert.equal(await slow.value('select pg_backend_pid()'), pid)
    slow.leave()
  })
})

describe('a message that is only begun', () => {
  it('ends its client after a while, and costs nobody else anything', async () => {
    const pooler = await poolers.start({ poolSize: 1, halfMessageTimeoutMs: 300 })
    const text = 'E FATAL 08P01: the rest of a message did not come within 300 ms'
    for (const length of [1, 4, 5, 10]) {
      const client = await pooler.login()
      client.send(raw.query('select 7').subarray(0, length))
      const other = await pooler.login()
      assert.deepEqual(await other.query('select 7'), ok)
      other.leave()
      assert.deepEqual(await client.rest(), [text])
    }
  })

  it('ends its client, and its server, when a server had part of it', async () => {
    const pooler = await poolers.start({ poolSize: 1, halfMessageTimeoutMs: 300 })
    const client = await pooler.login()
    client.send(raw.query(`select length('${'x'.repeat(200_000)}')`).subarray(0, 100_000))
    await Bun.sleep(50)
    const other = await pooler.login()
    other.send(raw.query('select 7'))
    assert.deepEqual(await client.rest(), ['E FATAL 08P01: the rest of a message did not come within 300 ms'])
    assert.deepEqual(await other.answer(), ok)
    other.leave()
  })

  it('does not end a client that goes on slowly, or that waits itself', async () => {
    const pooler = await poolers.start({ poolSize: 1, halfMessageTimeoutMs: 300 })
    const [slow, holder] = [await pooler.login(), await pooler.login()]
    await holder.query('begin')
    const bytes = raw.query(`select length('${'x'.repeat(100_000)}')`)
    slow.send(bytes.subarray(0, 50_000))
    await Bun.sleep(500)
    await holder.query('commit')
    await Bun.sleep(100)
    slow.send(bytes.subarray(50_000))
    assert.deepEqual(await slow.answer(), ['T length', 'D 100000', 'C SELECT 1', 'Z I'])
    await Bun.sleep(400)
    assert.deepEqual(await slow.query('select 7'), ok)
  })

  it('is not one that is there and waits for a server, in whichever pieces it came', async () => {
    const pooler = await poolers.start({ poolSize: 1, halfMessageTimeoutMs: 200 })
    const [client, holder] = [await pooler.login(), await pooler.login()]
    const bytes = raw.query(`select length('${'x'.repeat(17_000)}')`)
    for (const cut of [3, 5, 8_000, 16_383, 16_384, 16_385]) {
      await holder.query('begin')
      client.send(bytes.subarray(0, cut))
      await Bun.sleep(20)
      client.send(bytes.subarray(cut))
      await Bun.sleep(500)
      await holder.query('commit')
      assert.deepEqual(await client.answer(), ['T length', 'D 17000', 'C SELECT 1', 'Z I'])
    }
  })

  it('of a login ends it after a while', async () => {
    const pooler = await poolers.start({ clientLoginTimeoutMs: 300 })
    for (const bytes of [Buffer.alloc(0), raw.startup({ user: 'postgres' }).subarray(0, 12)]) {
      const client = await RawClient.connect(pooler.port)
      client.send(bytes)
      assert.deepEqual(await client.rest(), ['E FATAL 08P01: no login within 300 ms'])
    }
  })
})

describe('a pooler that stops', () => {
  const shutdown = 'E FATAL 57P01: the pooler is shutting down'
  let pooler: TestPooler
  let idle: RawClient
  let active: RawClient
  let waiting: RawClient
  beforeEach(async () => {
    await direct.query('truncate entry')
    pooler = await poolers.start({ poolSize: 1 })
    idle = await pooler.login()
    active = await pooler.login()
    waiting = await pooler.login()
    await active.query("begin; insert into entry values ('kept')")
    waiting.send(raw.query('select 7'))
    await pooler.queues(1)
  })

  it('when its servers are free lets transactions end, and tells everybody', async () => {
    const stopped = pooler.stop('wait_for_servers')
    assert.deepEqual(await idle.rest(), [shutdown])
    assert.deepEqual(await waiting.rest(), [shutdown])
    await assert.rejects(pooler.login())
    assert.deepEqual(await active.query('select 7'), [...ok.slice(0, 3), 'Z T'])
    assert.deepEqual(await active.query('commit'), ['C COMMIT', 'Z I'])
    assert.deepEqual(await active.rest(), [shutdown])
    await stopped
    assert.equal(await direct.value('select who from entry'), 'kept')
  })

  it('when its clients are gone serves those it has', async () => {
    let isStopped = false
    const stopped = pooler.stop('wait_for_clients').then(() => (isStopped = true))
    await assert.rejects(pooler.login())
    await active.query('commit')
    assert.deepEqual(await waiting.answer(), ok)
    assert.deepEqual(await idle.query('select 7'), ok)
    for (const client of [idle, active]) client.leave()
    await Bun.sleep(100)
    assert.equal(isStopped, false)
    waiting.leave()
    await stopped
  })

  it('at once closes everything', async () => {
    await pooler.stop('immediate')
    assert.deepEqual(await idle.rest(), [shutdown])
    assert.deepEqual(await waiting.rest(), [shutdown])
    assert.match(String((await active.rest())[0]), /^E FATAL (57P01|08006)/)
    await isQuiet()
    assert.equal(await direct.value('select count(*) from entry'), '0')
  })

  it('at once overtakes one that waits', async () => {
    const stopped = pooler.stop('wait_for_servers')
    await Bun.sleep(50)
    await pooler.stop('immediate')
    await stopped
    assert.equal(await direct.value('select count(*) from entry'), '0')
  })
})

describe('memory', () => {
  let own: PoolerProcess
  before(async () => {
    own = await startPoolerProcess(port)
  })
  after(() => own.stop())

  it('stays flat under a client that does not read a large reply, and others do not notice', async () => {
    const [slow, other] = [await RawClient.login(own.port), await RawClient.login(own.port)]
    assert.deepEqual(await other.query('select 7'), ok)
    const before = own.memory()
    slow.pause()
    slow.send(raw.query("select repeat('x', 10000) from generate_series(1, 6400)"))
    await Bun.sleep(200)
    for (let n = 0; n < 50; n++) assert.deepEqual(await other.query('select 7'), ok)
    const meanwhile = own.memory()
    slow.resume()
    await slow.received(64_000_000)
    assert.equal((await slow.until('Z')).filter(({ type }) => type === 'D').length, 6_400)
    assert.deepEqual(await slow.query('select 7'), ok)
    assert.ok(meanwhile < before + 24, `${before} MB before, ${meanwhile} MB meanwhile`)
    assert.ok(own.memory() < before + 40, `${before} MB before, ${own.memory()} MB at the end`)
    for (const client of [slow, other]) client.leave()
  })

  it('stays flat when a query is 64 MB long', async () => {
    const client = await RawClient.login(own.port)
    assert.deepEqual(await client.query('select 7'), ok)
    const before = own.memory()
    client.send(raw.query(`select length('${'x'.repeat(64_000_000)}')`))
    assert.deepEqual(await client.answer(), ['T length', 'D 64000000', 'C SELECT 1', 'Z I'])
    assert.ok(own.memory() < before + 40, `${before} MB before, ${own.memory()} MB at the end`)
    client.leave()
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})

/** Answers every startup packet with a FATAL error. */
function startRefuser(listeningAt: number, sqlState: string, text: string): Bun.TCPSocketListener<undefined> {
  const fields = ['SFATAL', 'VFATAL', `C${sqlState}`, `M${text}`, ''].map((field) => Buffer.from(`${field}\0`))
  const error = raw.message('E', ...fields)
  return Bun.listen({ hostname: '127.0.0.1', port: listeningAt, socket: { data: (socket) => void socket.end(error) } })
}
