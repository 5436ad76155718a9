/** A pool in front of a real PostgreSQL, and everything between them that can go wrong. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool as TaxirankPool, PoolClient } from '../../src/pg/taxirank.ts'
import { deadNetwork } from '../../src/relay/faults.ts'
import { Canary } from './canary.ts'
import { Taxirank } from './support/library.ts'
import { Stage } from './support/stage.ts'
import { eventually } from './support/waiting.ts'

let stage: Stage
/** What a busy machine may add to a limit. */
const slackMs = 1_000

before(async () => {
  stage = await Stage.start()
  await stage.ask('create table entry (who text)')
})
afterEach(() => stage.clear())
after(() => stage.remove())

/** Nobody listens for its errors: none may end the process. */
function open(options: object): TaxirankPool {
  const pool = stage.pool(Taxirank, options)
  pool.removeAllListeners('error')
  return pool as unknown as TaxirankPool
}

async function assertServes(pool: TaxirankPool): Promise<void> {
  const { rows } = await pool.query('select 7 as seven')
  assert.deepEqual(rows, [{ seven: 7 }])
}

/** How long something takes, in milliseconds. */
async function taken(what: Promise<unknown>): Promise<number> {
  const began = performance.now()
  await what
  return performance.now() - began
}

async function entries(who: string): Promise<unknown> {
  const [count] = await stage.ask('select count(*)::int from entry where who = $1', who)
  return count
}

const runs = (text: string) => async (): Promise<boolean> => {
  const [count] = await stage.ask(
    "select count(*)::int from pg_stat_activity where query = $1 and state = 'active'",
    text,
  )
  return count === 1
}

const lost = /Connection terminated|ECONNRESET|not queryable/

for (const how of ['FIN', 'RST'] as const) {
  describe(`a connection that ends with ${how}`, () => {
    it('while it is idle is forgotten, and nobody sees anything of it', async () => {
      const cord = await stage.cord()
      const pool = open({ port: cord.port })
      await Promise.all([assertServes(pool), assertServes(pool), assertServes(pool)])
      cord.cut(how)
      await eventually('they are forgotten', () => pool.totalCount === 0)
      await assertServes(pool)
    })

    it('while somebody has it between two queries fails the next of them, and is not lent on', async () => {
      const cord = await stage.cord()
      const pool = open({ port: cord.port, max: 1 })
      const told: unknown[] = []
      pool.on('clientError', (_error, client) => told.push(client))
      const client = await pool.connect()
      await client.query('select 1')
      cord.cut(how)
      await eventually('the pool knows', () => told.length > 0)
      await assert.rejects(client.query('select 1'), lost)
      client.release()
      await assertServes(pool)
      assert.deepEqual(told, [client])
    })

    it('while a query runs fails that query, once', async () => {
      const cord = await stage.cord()
      const pool = open({ port: cord.port, max: 2 })
      const client = await pool.connect()
      const [one, other] = [`select pg_sleep(30), 'one ${how}'`, `select pg_sleep(30), 'other ${how}'`]
      const told = Promise.all([pool.query(one), client.query(other)].map((query) => assert.rejects(query, lost)))
      await eventually('it runs', runs(one))
      await eventually('it runs', runs(other))
      cord.cut(how)
      await told
      client.release()
      await assertServes(pool)
    })

    it('in a transaction fails it, and nothing of it is left', async () => {
      const cord = await stage.cord()
      const pool = open({ port: cord.port, max: 1 })
      let count = 0
      const work = async (client: PoolClient): Promise<void> => {
        count++
        await client.query(`insert into entry values ('in transaction ${how}')`)
        cord.cut(how)
        await client.query('select 1')
      }
      await assert.rejects(pool.transaction(work, { retries: 3 }), lost)
      await assertServes(pool)
      assert.deepEqual([count, await entries(`in transaction ${how}`)], [1, 0])
    })

    it('anywhere in a login fails whoever waits for it, and the next is served', async () => {
      const kind = how === 'FIN' ? 'cutAtByte' : 'resetAtByte'
      for (const bytes of [1, 9, 30, 200]) {
        const way = stage.way()
        const pool = open({ port: way.port })
        way.hurtNext({ fromTarget: { [kind]: bytes } })
        await assert.rejects(pool.connect(), lost)
        way.hurtNext({})
        await assertServes(pool)
      }
    })

    it('in COMMIT leaves it unknown whether that took effect, and it is not run again', async () => {
      const way = stage.way()
      const kind = how === 'FIN' ? 'cutAtByte' : 'resetAtByte'
      const pool = open({ port: way.port, max: 1 })
      let count = 0
      const work = async (client: PoolClient): Promise<void> => {
        count++
        await client.query(`insert into entry values ('in commit ${how}')`)
        way.hurt({ fromTarget: { [kind]: 0 } })
      }
      await assert.rejects(pool.transaction(work, { retries: 3 }), { code: 'commit_unknown', retryable: false })
      await assertServes(pool)
      assert.deepEqual([count, await entries(`in commit ${how}`)], [1, 1])
    })
  })
}

describe('a COMMIT', () => {
  it('that nobody answers in time is unknown, too', async () => {
    const way = stage.way()
    const pool = open({
      port: way.port,
      max: 1,
      query_timeout: 1_000,
      resetTimeoutMillis: 200,
      closeTimeoutMillis: 200,
    })
    const work = async (client: PoolClient): Promise<void> => {
      await client.query("insert into entry values ('unanswered')")
      way.hurt({ fromTarget: { blackholeAtByte: 0 } })
    }
    await assert.rejects(pool.transaction(work), { code: 'commit_unknown' })
    await assertServes(pool)
    assert.equal(await entries('unanswered'), 1)
  })
})

describe('a cancel', () => {
  it('that is slow on its way meets the query of whoever asked for it, and no other', async () => {
    const way = stage.way()
    const pool = open({ port: way.port, max: 1 })
    await assertServes(pool)
    // It is 16 bytes long: 320 ms.
    way.hurtNext({ fromClient: { bytesPerSecond: 50 } })
    const query = { text: 'select pg_sleep(0.1)', signal: AbortSignal.timeout(20) }
    await assert.rejects(pool.query(query), { name: 'TimeoutError' })
    const tookMs = await taken(pool.query('select pg_sleep(0.5)'))
    assert.ok(tookMs >= 500, `${tookMs} ms`)
    assert.equal(way.begun.length, 2)
  })
})

describe('a black hole', () => {
  it('behind idle clients is found by the check, and whoever asks sees nothing of it', async () => {
    const way = stage.way()
    const pool = open({ port: way.port, max: 3, checkAfterIdleMillis: 50, checkTimeoutMillis: 300 })
    await Promise.all([1, 2, 3].map(() => pool.query('select pg_sleep(0.1)')))
    assert.equal(pool.idleCount, 3)
    way.hurt(deadNetwork)
    await sleep(80)
    const tookMs = await taken(Promise.all([1, 2, 3].map(() => assertServes(pool))))
    assert.ok(tookMs > 250 && tookMs < 300 + slackMs, `${tookMs} ms`)
  })

  it('in a login is given up after connectionTimeoutMillis', async () => {
    const way = stage.way()
    for (const bytes of [0, 9, 200]) {
      const pool = open({ port: way.port, connectionTimeoutMillis: 500 })
      way.hurtNext({ fromTarget: { blackholeAtByte: bytes } })
      const told = assert.rejects(pool.connect(), { message: 'Connection terminated due to connection timeout' })
      const tookMs = await taken(told)
      assert.ok(tookMs > 400 && tookMs < 500 + slackMs, `${tookMs} ms`)
      way.hurtNext({})
      await assertServes(pool)
    }
  })
})

describe('a PostgreSQL that restarts', () => {
  for (const how of ['fast', 'immediate'] as const) {
    it(`under load (${how}) is used again within a second, and nobody gets what is another's`, async () => {
      const pool = open({ max: 8 })
      const canary = new Canary()
      const load = new AbortController()
      let readyAtMs = Infinity
      let servedAtMs = Infinity
      const caller = async (): Promise<void> => {
        while (!load.signal.aborted) {
          const error = await canary.ask(pool)
          if (!error && performance.now() > readyAtMs) servedAtMs = Math.min(servedAtMs, performance.now())
          if (error) await sleep(10)
        }
      }
      const callers = Array.from({ length: 20 }, caller)
      try {
        await eventually('it is under load', () => canary.answered > 200)
        await stage.restart(how)
        readyAtMs = performance.now()
        await eventually('all is as it was', () => servedAtMs < Infinity && pool.totalCount === 8)
      } finally {
        load.abort()
        await Promise.all(callers)
      }
      assert.deepEqual(canary.breaches, [])
      assert.ok(servedAtMs - readyAtMs < 1_000 + slackMs, `${servedAtMs - readyAtMs} ms`)
    })
  }
})

describe('a crowd', () => {
  it('of 1,000 callers is served by max clients, each with its own answer', async () => {
    const pool = open({ max: 10, application_name: 'crowd' })
    const canary = new Canary()
    const asked = Promise.all(Array.from({ length: 1_000 }, () => canary.ask(pool)))
    let peak = 0
    const watching = asked.then(() => undefined)
    for (let isOver = false; !isOver; isOver = await Promise.race([watching.then(() => true), sleep(5, false)])) {
      peak = Math.max(peak, await stage.backendsOf('crowd'))
    }
    assert.deepEqual(canary.breaches, [])
    assert.equal(canary.answered, 900)
    assert.ok(peak > 1 && peak <= 10, `${peak} backends`)
  })

  it('that asks for more than PostgreSQL admits is served by what it admits', async () => {
    await stage.ask('create role few login connection limit 3')
    const pool = open({ user: 'few', max: 20 })
    const canary = new Canary()
    await assertServes(pool)
    const callers = Array.from({ length: 50 }, async () => {
      const client = await pool.connect()
      await canary.ask(client)
      await sleep(5)
      client.release()
    })
    await Promise.all(callers)
    assert.deepEqual([canary.breaches, canary.answered], [[], 45])
  })

  it('elsewhere that has all connections is told to whoever asks; or waited for, if that is wanted', async () => {
    await stage.ask('create role one login connection limit 1')
    const other = open({ user: 'one' })
    const client = await other.connect()
    await assert.rejects(open({ user: 'one' }).connect(), { code: '53300' })
    const patient = open({ user: 'one', waitWhenDown: true, connectionTimeoutMillis: 5_000 })
    const waiting = assertServes(patient)
    await sleep(300)
    client.release(true)
    await waiting
  })
})

describe('a wrong password', () => {
  const line = (who: string, how: string): string => `host all ${who} 127.0.0.1/32 ${how}\n`
  let strict: Stage
  before(async () => {
    strict = await Stage.start({}, { 'pg_hba.conf': line('postgres', 'trust') + line('all', 'scram-sha-256') })
    await strict.ask("create role guarded login password 'right'")
  })
  afterEach(() => strict.clear())
  after(() => strict.remove())

  it('is told to all who ask, and tried no more often than there may be clients', async () => {
    const way = strict.way()
    const pool = strict.pool(Taxirank, { port: way.port, user: 'guarded', password: 'wrong', max: 5 })
    const told = await Promise.all(
      Array.from({ length: 30 }, () => pool.connect().catch((error: unknown) => (error as { code: string }).code)),
    )
    assert.deepEqual([...new Set(told)], ['28P01'])
    assert.ok(way.begun.length <= 10, `${way.begun.length} attempts`)
  })

  it('that has been changed meanwhile is asked for anew', async () => {
    let password = 'wrong'
    const pool = strict.pool(Taxirank, { user: 'guarded', password: () => Promise.resolve(password) })
    await assert.rejects(pool.query('select 1'), { code: '28P01' })
    password = 'right'
    await pool.query('select 1')
  })
})

describe('thousands of queries over connections that break', () => {
  it('never give anybody an answer that is not theirs', { timeout: 60_000 }, async () => {
    const seed = Math.floor(Math.random() * 1e9)
    console.log(`seed ${seed}`)
    const relay = stage.relay((random) => {
      const side = random.chance(0.5) ? 'fromClient' : 'fromTarget'
      const at = random.integer(100, 4_000)
      const ending = random.chance(0.4) ? 'cutAtByte' : 'resetAtByte'
      const pace = random.chance(0.3) ? { splitBytes: 20 } : random.chance(0.3) ? { delayMs: 3 } : {}
      return { [side]: { ...pace, ...(random.chance(0.9) && { [ending]: at }) } }
    }, seed)
    const pool = open({ port: relay.port, max: 6, resetTimeoutMillis: 500, closeTimeoutMillis: 500 })
    const canary = new Canary()
    const callers = Array.from({ length: 30 }, (_, number) => playCaller(pool, canary, number))
    await Promise.all(callers)
    assert.deepEqual(canary.breaches, [])
    assert.ok(canary.answered > 2_000, `${canary.answered} answered, ${canary.failed} failed`)
    assert.ok(relay.faults.cut + relay.faults.reset > 20, JSON.stringify(relay.faults))
  })
})

/** Behaves as holders do, good and bad. */
async function playCaller(pool: TaxirankPool, canary: Canary, number: number): Promise<void> {
  for (let round = 0; round < 60; round++) {
    const step = (number + round) % 6
    if (step < 2) {
      await canary.ask(pool)
      await canary.ask(pool)
    } else if (step === 2)
      await pool.transaction(async (client) => void (await canary.ask(client))).catch(() => undefined)
    else if (step === 3) await abortOne(pool, (number * round) % 8)
    else await holdOnce(pool, canary, step === 4).catch(() => undefined)
  }
}

/** Its cancel must hit nobody else, however late it comes. */
async function abortOne(pool: TaxirankPool, afterMs: number): Promise<void> {
  const query = { text: 'select pg_sleep(0.003)', signal: AbortSignal.timeout(afterMs) }
  await pool.query(query).catch(() => undefined)
}

async function holdOnce(pool: TaxirankPool, canary: Canary, leavesMess: boolean): Promise<void> {
  const client = await pool.connect()
  try {
    await canary.ask(client)
    await canary.ask(client)
    if (!leavesMess) return
    await client.query('begin')
    // Nobody waits for this one.
    void canary.ask(client)
  } finally {
    client.release()
  }
}
