/** Cancel requests: they stop what they are meant for, at once, and never anything else. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { startRelay } from '../src/relay/relay.ts'
import { eventually, TestPoolers, type TestPooler } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'
import { say } from './support/raw-messages.ts'
import { needs } from './support/tools.ts'

let postgres: TestPostgres
let direct: RawClient
let pooler: TestPooler
let one: RawClient
let two: RawClient
const poolers = new TestPoolers(() => postgres.port)

before(async () => {
  postgres = await startTestPostgres()
  direct = await RawClient.login(postgres.port)
  await direct.query('create table entry (who text)')
  pooler = await poolers.start({ poolSize: 1 })
})

after(async () => {
  direct.leave()
  await poolers.remove()
  await postgres.remove()
})

beforeEach(async () => {
  await direct.query('truncate entry')
  one = await pooler.login()
  two = await pooler.login()
})

afterEach(() => {
  one.reset()
  two.reset()
})

/** Resolves when the pooler has closed the connection: the cancel is over then. */
async function cancel(key: Buffer): Promise<void> {
  const connection = await RawClient.connect(pooler.port)
  connection.send(raw.cancelRequest(key))
  assert.deepEqual(await connection.rest(), [])
}

async function runs(sql: string): Promise<void> {
  const text = `select count(*) from pg_stat_activity where state = 'active' and query like '${sql}%'`
  await eventually(`${sql} runs`, async () => (await direct.value(text)) !== '0')
}

const sleep = raw.query('select pg_sleep(10)')
const column = ['T pg_sleep']
const canceled = 'E ERROR 57014: canceling statement due to user request'
const unsent = 'E ERROR 57014: canceling statement due to user request, before it was sent'
const ok = ['T ?column?', 'D 7', 'C SELECT 1', 'Z I']
const insert = (who: string): Buffer => raw.query(`insert into entry values ('${who}')`)

describe('a cancel', () => {
  it('stops a running query, which gets the error of PostgreSQL', async () => {
    one.send(sleep)
    await runs('select pg_sleep')
    await cancel(one.key)
    assert.deepEqual(await one.answer(), [...column, canceled, 'Z I'])
    assert.deepEqual(await one.query('select 7'), ok)
    assert.deepEqual(await two.query('select 7'), ok)
  })

  it('works with the longer keys of protocol 3.2, and not with part of one', async () => {
    const newer = await RawClient.connect(pooler.port)
    newer.send(raw.startup({ user: 'postgres' }, raw.version3 + 2))
    await newer.answer()
    newer.send(sleep)
    await runs('select pg_sleep')
    await cancel(newer.key.subarray(0, 8))
    await newer.staysSilent()
    await cancel(newer.key)
    assert.deepEqual(await newer.answer(), [...column, canceled, 'Z I'])
    newer.leave()
  })

  it('stops a running statement of the extended protocol', async () => {
    one.send(raw.statement('select pg_sleep(10)'), raw.sync)
    await runs('select pg_sleep')
    await cancel(one.key)
    assert.deepEqual(await one.answer(), ['1', '2', canceled, 'Z I'])
    assert.deepEqual(await two.query('select 7'), ok)
  })

  it('stops a statement whose Sync has not come yet', async () => {
    one.send(raw.statement('select pg_sleep(10)'), raw.flush)
    await runs('select pg_sleep')
    await cancel(one.key)
    assert.deepEqual((await one.until('E')).map(say), ['1', '2', canceled])
    assert.deepEqual(await one.ask(raw.sync), ['Z I'])
    assert.deepEqual(await two.query('select 7'), ok)
  })

  it('fails the transaction that its statement runs in, and nothing more', async () => {
    await one.query('begin')
    one.send(sleep)
    await runs('select pg_sleep')
    await cancel(one.key)
    assert.deepEqual(await one.answer(), [...column, canceled, 'Z E'])
    assert.deepEqual(await one.query('rollback'), ['C ROLLBACK', 'Z I'])
    assert.deepEqual(await two.query('select 7'), ok)
  })

  it('does nothing to an idle client', async () => {
    await cancel(one.key)
    assert.deepEqual(await one.query('select 7'), ok)
    await cancel(one.key)
    await cancel(one.key)
    assert.deepEqual(await one.query('select 7'), ok)
  })

  it('does nothing to a client that is idle in a transaction', async () => {
    await one.query("begin; insert into entry values ('kept')")
    await cancel(one.key)
    await one.query('commit')
    assert.equal(await direct.value('select who from entry'), 'kept')
  })

  it('does nothing without the right secret', async () => {
    one.send(raw.query('select pg_sleep(0.3), 7'))
    await runs('select pg_sleep')
    for (const at of [0, 3, 4, 7]) {
      const wrong = Buffer.from(one.key)
      wrong[at] = (wrong[at] as number) ^ 1
      await cancel(wrong)
    }
    await cancel(two.key)
    await cancel(Buffer.alloc(8))
    assert.deepEqual(await one.answer(), ['T pg_sleep,?column?', 'D |7', 'C SELECT 1', 'Z I'])
  })

  it('does nothing for a client that is gone', async () => {
    const { key } = one
    one.leave()
    await one.closed()
    two.send(raw.query('select pg_sleep(0.1), 7'))
    await cancel(key)
    assert.deepEqual((await two.answer())[1], 'D |7')
  })

  it('sent twice, or ten times, stops one statement', async () => {
    one.send(sleep)
    await runs('select pg_sleep')
    await Promise.all(Array.from({ length: 10 }, () => cancel(one.key)))
    assert.deepEqual(await one.answer(), [...column, canceled, 'Z I'])
    assert.deepEqual(await one.query('select 7'), ok)
    assert.deepEqual(await two.query('select 7'), ok)
  })

  it('leaves alone what its client sends after it', async () => {
    for (let round = 0; round < 20; round++) {
      one.send(sleep)
      await runs('select pg_sleep')
      const done = cancel(one.key)
      if (round % 2 === 0) await Bun.sleep(round / 10)
      one.send(raw.query('select 7'), raw.query('select 7'))
      assert.deepEqual(await one.answer(), [...column, canceled, 'Z I'])
      assert.deepEqual(await one.answer(), ok)
      assert.deepEqual(await one.answer(), ok)
      await done
    }
  })

  it('does not keep what comes in long messages after it', async () => {
    one.send(sleep)
    await runs('select pg_sleep')
    const done = cancel(one.key)
    one.send(raw.query(`select length('${'x'.repeat(500_000)}')`))
    assert.deepEqual(await one.answer(), [...column, canceled, 'Z I'])
    assert.deepEqual(await one.answer(), ['T length', 'D 500000', 'C SELECT 1', 'Z I'])
    await done
  })

  it('ends a COPY when its next data come', async () => {
    one.send(raw.query('copy entry from stdin'))
    await one.until('G')
    await cancel(one.key)
    one.send(raw.copyData('a\n'), raw.copyDone)
    const answer = await one.answer()
    assert.ok([canceled, 'C COPY 1'].includes(String(answer[0])), String(answer[0]))
    assert.deepEqual(await one.query('select 7'), ok)
    assert.deepEqual(await two.query('select 7'), ok)
  })
})

describe('a cancel of a request that waits for a server', () => {
  beforeEach(async () => {
    await two.query('begin')
  })

  async function isOver(): Promise<void> {
    await two.query('commit')
    assert.deepEqual(await one.query('select 7'), ok)
    assert.equal(await two.value('select count(*) from entry'), '0')
  }

  it('answers a Query without its having been sent', async () => {
    one.send(insert('never'))
    await pooler.queues(1)
    await cancel(one.key)
    assert.deepEqual(await one.answer(), [unsent, 'Z I'])
    await pooler.queues(0)
    await isOver()
  })

  it('answers a whole extended group once', async () => {
    one.send(raw.statement("insert into entry values ('a')"), raw.statement("insert into entry values ('b')"), raw.sync)
    await pooler.queues(1)
    await cancel(one.key)
    assert.deepEqual(await one.answer(), [unsent, 'Z I'])
    await one.staysSilent()
    await isOver()
  })

  it('answers a group that is not complete with the error now, and its end with the rest', async () => {
    one.send(raw.parse("insert into entry values ('a')"), raw.bind())
    await pooler.queues(1)
    await cancel(one.key)
    assert.deepEqual((await one.until('E')).map(say), [unsent])
    one.send(raw.execute(), raw.statement("insert into entry values ('b')"))
    await one.staysSilent()
    assert.deepEqual(await one.ask(raw.sync), ['Z I'])
    await isOver()
  })

  it('takes a group that ends in the middle of a chunk', async () => {
    const group = raw.all(raw.statement("insert into entry values ('a')"), raw.sync)
    one.send(group.subarray(0, group.length - 3))
    await pooler.queues(1)
    await cancel(one.key)
    assert.deepEqual((await one.until('E')).map(say), [unsent])
    one.send(raw.all(group.subarray(group.length - 3), raw.query('select 7')))
    assert.deepEqual(await one.answer(), ['Z I'])
    await two.query('commit')
    assert.deepEqual(await one.answer(), ok)
  })

  it('answers only the first of several', async () => {
    one.send(insert('never'), raw.query('select 7'), raw.statement('select 7'), raw.sync)
    await pooler.queues(1)
    await cancel(one.key)
    assert.deepEqual(await one.answer(), [unsent, 'Z I'])
    await pooler.queues(1)
    await two.query('commit')
    assert.deepEqual(await one.answer(), ok)
    assert.deepEqual(await one.answer(), ['1', '2', 'D 7', 'C SELECT 1', 'Z I'])
    assert.equal(await two.value('select count(*) from entry'), '0')
  })

  it('answers each of several, cancelled one by one', async () => {
    one.send(insert('never'), insert('never'), insert('never'))
    for (let n = 0; n < 3; n++) {
      await pooler.queues(1)
      await cancel(one.key)
      assert.deepEqual(await one.answer(), [unsent, 'Z I'])
    }
    await isOver()
  })

  it('takes a function call, a Sync alone and a long Query', async () => {
    const long = raw.query(`insert into entry values ('${'x'.repeat(200_000)}')`)
    for (const request of [raw.functionCall(177, ['1', '2']), raw.sync, long]) {
      one.send(request)
      await pooler.queues(1)
      await cancel(one.key)
      assert.deepEqual(await one.answer(), [unsent, 'Z I'])
    }
    await isOver()
  })

  it('takes a Flush for nothing', async () => {
    await two.query('begin')
    one.send(raw.flush)
    await one.staysSilent()
    await cancel(one.key)
    await two.query('commit')
    assert.equal(await one.value('select 7'), '7')
  })

  it('keeps the places of the others', async () => {
    const three = await pooler.login()
    one.send(insert('never'))
    await pooler.queues(1)
    three.send(raw.query('select 7'))
    await pooler.queues(2)
    await cancel(one.key)
    assert.deepEqual(await one.answer(), [unsent, 'Z I'])
    await two.query('commit')
    assert.deepEqual(await three.answer(), ok)
    three.leave()
  })
})

describe('cancels that have to wait', () => {
  it('let others in, however many there are', async () => {
    const asking = await poolers.start({ poolSize: 1, sessionAuditEvery: 1, maxClients: 4 })
    const client = await asking.login()
    await client.query('select 1')
    // The first sample is over: the lock is for the second.
    await eventually('the server is idle', () => asking.figures.servers().every(({ state }) => state === 'idle'))
    await direct.query('begin; lock table pg_catalog.pg_depend in access exclusive mode')
    await client.query('select 1')
    const cancels: RawClient[] = []
    for (let at = 0; at < 60; at++) {
      const connection = await RawClient.connect(asking.port)
      connection.send(raw.cancelRequest(client.key))
      cancels.push(connection)
    }
    await client.staysSilent()
    assert.ok(cancels.some(({ over }) => over === undefined))
    for (let at = 0; at < 3; at++) (await RawClient.login(asking.port, { database: 'pgbouncer' })).leave()
    await direct.query('rollback')
    assert.equal(await client.value('select 7'), '7')
    client.leave()
  })
})

describe('races', () => {
  it('never let a storm of cancels touch another client', async () => {
    for (let round = 0; round < 3; round++) {
      const isOver = { now: false }
      const victim = (async () => {
        const seen = new Set<string>()
        while (!isOver.now) seen.add((await one.query('select pg_sleep(0.001)')).slice(1).join())
        return seen
      })()
      const bystander = (async () => {
        for (let token = 0; !isOver.now; token++) {
          const answer = await two.query(`select '${token}' from pg_sleep(0.001)`)
          assert.deepEqual(answer, ['T ?column?', `D ${token}`, 'C SELECT 1', 'Z I'])
        }
      })()
      for (let n = 0; n < 20; n++) await Promise.all(Array.from({ length: 5 }, () => cancel(one.key)))
      isOver.now = true
      await bystander
      // PostgreSQL may also heed one when it has given the row already.
      const known = new Set(['D ,C SELECT 1,Z I', `${canceled},Z I`, `D ,${canceled},Z I`, 'Z I'])
      for (const answer of await victim) assert.ok(known.has(answer), answer)
    }
  })

  it('never let a cancel reach the transaction that gets the server next', async () => {
    for (let round = 0; round < 40; round++) {
      one.send(raw.query(`select pg_sleep(${(round % 10) / 2_000})`))
      two.send(raw.query('select 7 from pg_sleep(0.002)'))
      await Bun.sleep(round % 5)
      const done = Promise.all([cancel(one.key), cancel(one.key)])
      assert.deepEqual(await two.answer(), ok)
      assert.equal((await one.answer()).at(-1), 'Z I')
      await done
    }
  })

  it('never cancel the parameters that are set ahead of the query', async () => {
    const zones = ['Asia/Tokyo', 'Europe/Berlin']
    for (let round = 0; round < 30; round++) {
      const zone = String(zones[round % 2])
      const client = await pooler.login({ TimeZone: zone })
      client.send(raw.query("select current_setting('TimeZone') from pg_sleep(3)"))
      await Bun.sleep(round % 3)
      await cancel(client.key)
      const answer = await Promise.race([client.answer(), Bun.sleep(500).then(() => 'running')])
      if (answer === 'running') {
        // The cancel came before the query: it had nothing to do.
        await cancel(client.key)
        await client.until('Z')
      } else {
        assert.ok([canceled, unsent].includes(String((answer as string[]).at(-2))), String(answer))
      }
      assert.equal(await client.value('show time zone'), zone)
      client.leave()
    }
    assert.equal(await two.value('show time zone'), 'Etc/UTC')
  })

  it('are shown: waiting until the parameters are set, then active', async () => {
    const target = { host: '127.0.0.1', port: postgres.port }
    let delayMs = 0
    const relay = startRelay({ target, plan: () => ({ fromClient: { delayMs }, fromTarget: { delayMs } }), seed: 1 })
    const behind = await poolers.start({ database: { address: { ...target, port: relay.port } } })
    const client = await behind.login({ TimeZone: 'Asia/Tokyo' })
    await behind.login()
    delayMs = 300
    relay.replan()
    client.send(sleep)
    const connection = await RawClient.connect(behind.port)
    connection.send(raw.cancelRequest(client.key))
    const shown = (): unknown => {
      const { active_cancel_req: active, waiting_cancel_req: waiting } = behind.figures.pools()[0]?.clients ?? {}
      const state = behind.figures.clients().find(({ state: one }) => one.endsWith('cancel_req'))?.state
      return { active, waiting, state }
    }
    const isShown = (state: unknown) => (): boolean => isDeepStrictEqual(shown(), state)
    await eventually('it waits', isShown({ active: 0, waiting: 1, state: 'waiting_cancel_req' }))
    await eventually('it is sent', isShown({ active: 1, waiting: 0, state: 'active_cancel_req' }))
    assert.deepEqual(await client.answer(), [...column, canceled, 'Z I'])
    assert.deepEqual(await connection.rest(), [])
    await eventually('it is over', isShown({ active: 0, waiting: 0, state: undefined }))
    client.leave()
    relay.stop()
  })

  it('let a client vanish while it is being cancelled', async () => {
    for (let round = 0; round < 10; round++) {
      const client = await pooler.login()
      client.send(sleep)
      await runs('select pg_sleep')
      const done = cancel(client.key)
      if (round % 2 === 0) client.reset()
      else client.vanish()
      await done
      assert.deepEqual(await two.query('select 7'), ok)
    }
  })

  it('let a client vanish while the cancel for one request is still on its way during the next', async () => {
    const slowly = { fromClient: { splitBytes: 1, bytesPerSecond: 80 } }
    const target = { host: '127.0.0.1', port: postgres.port }
    const relay = startRelay({ target, plan: (connection) => (connection === 1 ? {} : slowly), seed: 1 })
    const behind = await poolers.start({ database: { address: { ...target, port: relay.port } } })
    const [client, next] = [await behind.login(), await behind.login()]
    client.send(raw.query('select 7 from pg_sleep(0.02)'), sleep)
    next.send(raw.query('select 7'))
    await behind.queues(1)
    const connection = await RawClient.connect(behind.port)
    connection.send(raw.cancelRequest(client.key))
    assert.deepEqual(await client.answer(), ok)
    client.reset()
    const answer = next.answer()
    for (let n = 0; n < 8; n++) {
      const passing = await behind.login()
      await Bun.sleep(10)
      passing.leave()
    }
    assert.deepEqual(await answer, ok)
    assert.deepEqual(await connection.rest(), [])
    next.leave()
    relay.stop()
  })

  it('let the canceller vanish', async () => {
    for (let round = 0; round < 5; round++) {
      one.send(sleep)
      await runs('select pg_sleep')
      const connection = await RawClient.connect(pooler.port)
      connection.send(raw.cancelRequest(one.key))
      await Bun.sleep(round)
      connection.reset()
      if (round === 0) await cancel(one.key)
      const answer = await Promise.race([one.answer(), Bun.sleep(300).then(() => undefined)])
      if (!answer) {
        await cancel(one.key)
        await one.until('Z')
      }
      assert.deepEqual(await one.query('select 7'), ok)
    }
  })
})

describe('psql', () => {
  it('stops a query at Ctrl-C', needs('psql'), async () => {
    const url = `postgres://postgres@127.0.0.1:${pooler.port}/postgres`
    const psql = spawn('psql', ['-X', url, '-c', 'select pg_sleep(20)'], { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    psql.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    await runs('select pg_sleep')
    psql.kill('SIGINT')
    await once(psql, 'close')
    assert.match(said, /canceling statement due to user request/)
    assert.deepEqual(await two.query('select 7'), ok)
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
