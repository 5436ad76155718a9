/** Limits of a client's time, in transaction and in session mode: what they end, and what they leave alone. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { type ClientLimits, noClientLimits } from '../src/pooler/client-limits.ts'
import { eventually, TestPoolers, type TestPooler } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'

let postgres: TestPostgres
let direct: RawClient
const poolers = new TestPoolers(() => postgres.port)
const clients: RawClient[] = []

before(async () => {
  postgres = await startTestPostgres()
  direct = await RawClient.login(postgres.port)
  await direct.query('create table entry (who text)')
})

after(async () => {
  direct.leave()
  await poolers.remove()
  await postgres.remove()
})

afterEach(() => {
  for (const client of clients.splice(0)) client.reset()
})

async function login(pooler: TestPooler): Promise<RawClient> {
  const client = await pooler.login()
  clients.push(client)
  return client
}

const limitMs = 250
const insert = "insert into entry values ('x')"

/** Nothing of the pooler's runs, or is in a transaction, in PostgreSQL. */
async function isQuiet(): Promise<void> {
  const text =
    "select count(*) from pg_stat_activity where state <> 'idle' and pid <> pg_backend_pid() and backend_type = 'client backend'"
  await eventually('nothing runs', async () => (await direct.value(text)) === '0')
}

for (const poolMode of ['transaction', 'session'] as const) {
  const startWith = (limits: Partial<ClientLimits>): Promise<TestPooler> =>
    poolers.start({ poolMode, serverResetQuery: 'DISCARD ALL', clientLimits: { ...noClientLimits, ...limits } })

  describe(`in ${poolMode} mode query_timeout`, () => {
    let pooler: TestPooler
    before(async () => {
      pooler = await startWith({ queryTimeoutMs: limitMs })
    })

    it('ends the client, cancels what it runs, and keeps the server', async () => {
      const one = await login(pooler)
      const pid = await one.value('select pg_backend_pid()')
      one.send(raw.query('select pg_sleep(30)'))
      assert.deepEqual(await one.rest(), ['E FATAL 57014: query timeout'])
      const two = await login(pooler)
      assert.equal(await two.value('select pg_backend_pid()'), pid)
      await isQuiet()
    })

    it('rolls the transaction back', async () => {
      const one = await login(pooler)
      await one.query(`begin; ${insert}`)
      one.send(raw.query('select pg_sleep(30)'))
      assert.deepEqual(await one.rest(), ['E FATAL 57014: query timeout'])
      assert.equal(await (await login(pooler)).value('select count(*) from entry'), '0')
    })

    it('leaves a client alone that has no request, and one that has many short ones', async () => {
      const one = await login(pooler)
      await one.query('begin')
      await one.staysSilent(2 * limitMs)
      await one.query('commit')
      const end = performance.now() + 3 * limitMs
      while (performance.now() < end) assert.equal(await one.value('select 1'), '1')
      one.send(raw.flush)
      await one.staysSilent(2 * limitMs)
      assert.equal(await one.value('select 1'), '1')
    })

    it('counts the wait for a server', async () => {
      const one = await login(pooler)
      const two = await login(pooler)
      await one.query('begin')
      two.send(raw.query('select 2'))
      assert.deepEqual(await two.rest(), ['E FATAL 57014: query timeout'])
      assert.deepEqual(await one.query('commit'), ['C COMMIT', 'Z I'])
    })

    it('counts for a group that has no end', async () => {
      const one = await login(pooler)
      one.send(raw.statement('select 1'), raw.flush)
      assert.deepEqual(await one.rest(), ['1', '2', 'D 1', 'C SELECT 1', 'E FATAL 57014: query timeout'])
      assert.equal(await (await login(pooler)).value('select 1'), '1')
    })

    it('counts for a copy that does not end', async () => {
      const one = await login(pooler)
      one.send(raw.query('copy entry from stdin'))
      assert.deepEqual((await one.rest()).slice(-1), ['E FATAL 57014: query timeout'])
      assert.equal(await (await login(pooler)).value('select 1'), '1')
    })

    it('cuts a client that has half a message of a reply', async () => {
      const one = await login(pooler)
      one.send(raw.query("select repeat('x', 1000000) from generate_series(1, 5000)"))
      const last = (await one.rest()).at(-1)
      // It may have happened to be between two rows.
      assert.ok(one.over === 'reset' || last === 'E FATAL 57014: query timeout', `${one.over}, ${last?.slice(0, 50)}`)
      await isQuiet()
      assert.equal(await (await login(pooler)).value('select 1'), '1')
    })

    it('counts for each request of a pipeline on its own', async () => {
      const one = await login(pooler)
      one.send(...Array.from({ length: 4 }, () => raw.query(`select pg_sleep(${limitMs / 2_000})`)))
      for (let n = 0; n < 4; n++) assert.deepEqual((await one.answer()).slice(-1), ['Z I'])
    })
  })

  describe(`in ${poolMode} mode idle_transaction_timeout`, () => {
    let pooler: TestPooler
    before(async () => {
      pooler = await startWith({ idleTransactionTimeoutMs: limitMs })
    })

    it('ends a client that leaves its transaction idle, and rolls that back', async () => {
      const one = await login(pooler)
      await one.query(`begin; ${insert}`)
      assert.deepEqual(await one.rest(), ['E FATAL 25P03: idle transaction timeout'])
      await isQuiet()
      assert.equal(await (await login(pooler)).value('select count(*) from entry'), '0')
    })

    it('ends one whose transaction has failed', async () => {
      const one = await login(pooler)
      await one.query('begin; select 1/0')
      assert.deepEqual(await one.rest(), ['E FATAL 25P03: idle transaction timeout'])
    })

    it('leaves alone who works in it, and who is idle outside of one', async () => {
      const one = await login(pooler)
      await one.query('begin')
      assert.equal((await one.query(`select pg_sleep(${(2 * limitMs) / 1_000})`)).at(-1), 'Z T')
      await one.query('commit')
      await one.staysSilent(2 * limitMs)
      assert.equal(await one.value('select 1'), '1')
    })
  })

  describe(`in ${poolMode} mode transaction_timeout`, () => {
    let pooler: TestPooler
    before(async () => {
      pooler = await startWith({ transactionTimeoutMs: limitMs })
    })

    it('ends a client whose transaction lasts, though each statement is short', async () => {
      const one = await login(pooler)
      await one.query(`begin; ${insert}`)
      const rest = one.rest()
      for (let n = 0; n < 20; n++) {
        one.send(raw.query('select 1'))
        await Bun.sleep(20)
      }
      assert.equal((await rest).at(-1), 'E FATAL 25P04: transaction timeout')
      assert.equal(await (await login(pooler)).value('select count(*) from entry'), '0')
    })

    it('cancels what runs in it', async () => {
      const one = await login(pooler)
      one.send(raw.query('select pg_sleep(30)'))
      assert.deepEqual(await one.rest(), ['E FATAL 25P04: transaction timeout'])
      await isQuiet()
    })

    it('begins anew with each transaction', async () => {
      const one = await login(pooler)
      const end = performance.now() + 3 * limitMs
      while (performance.now() < end) {
        assert.deepEqual(await one.query('begin; select 1; commit'), [
          'C BEGIN',
          'T ?column?',
          'D 1',
          'C SELECT 1',
          'C COMMIT',
          'Z I',
        ])
        await Bun.sleep(limitMs / 4)
      }
    })
  })

  describe(`in ${poolMode} mode client_idle_timeout`, () => {
    let pooler: TestPooler
    before(async () => {
      pooler = await startWith({ clientIdleTimeoutMs: limitMs })
    })

    it('ends a client that never asks anything, and one that asks no more', async () => {
      const silent = await login(pooler)
      assert.deepEqual(await silent.rest(), ['E FATAL 57P05: client_idle_timeout'])
      const one = await login(pooler)
      assert.equal(await one.value('select 1'), '1')
      assert.deepEqual(await one.rest(), ['E FATAL 57P05: client_idle_timeout'])
    })

    it('leaves alone who works, waits, or is in a transaction', async () => {
      const one = await login(pooler)
      const two = await login(pooler)
      await one.query('begin')
      two.send(raw.query('select 2'))
      await one.staysSilent(2 * limitMs)
      await one.query('commit')
      if (poolMode === 'session') one.leave()
      assert.deepEqual(await two.answer(), ['T ?column?', 'D 2', 'C SELECT 1', 'Z I'])
    })
  })

  describe(`in ${poolMode} mode query_wait_notify`, () => {
    it('tells a client once a wait that it waits', async () => {
      const pooler = await startWith({ queryWaitNotifyMs: 60 })
      const one = await login(pooler)
      const two = await login(pooler)
      await one.query('begin')
      two.send(raw.query('select 2'))
      const told = 'N NOTICE 00000: No server connection available in postgres backend, client being queued'
      await Bun.sleep(250)
      await one.query('commit')
      if (poolMode === 'session') one.leave()
      assert.deepEqual(await two.answer(), [told, 'T ?column?', 'D 2', 'C SELECT 1', 'Z I'])
      assert.deepEqual(await two.query('select 3'), ['T ?column?', 'D 3', 'C SELECT 1', 'Z I'])
      await two.staysSilent(150)
    })
  })
}

describe('limits', () => {
  it("are a user's own, if there are any", async () => {
    const pooler = await poolers.start({
      clientLimits: { ...noClientLimits, queryTimeoutMs: 50 },
      userClientLimits: new Map([['postgres', noClientLimits]]),
      userOptions: new Map([['postgres', { queryWaitTimeoutMs: 900 }]]),
    })
    const one = await login(pooler)
    await one.query('begin; select pg_sleep(0.2)')
    const two = await login(pooler)
    two.send(raw.query('select 2'))
    assert.match((await two.rest()).join(), /^E FATAL 53300: no server became free within 900 ms/)
  })

  it("leave PostgreSQL's own to it: a client in a transaction hears of its end, and the next one gets a new server", async () => {
    const pooler = await poolers.start()
    const one = await login(pooler)
    await one.query("begin; set local idle_in_transaction_session_timeout = '50ms'")
    assert.deepEqual(await one.rest(), ['E FATAL 25P03: terminating connection due to idle-in-transaction timeout'])
    const two = await login(pooler)
    const answer = await two.query("begin; set local statement_timeout = '20ms'; select pg_sleep(5)")
    assert.deepEqual(answer.slice(-2), ['E ERROR 57014: canceling statement due to statement timeout', 'Z E'])
    assert.deepEqual(await two.query('rollback'), ['C ROLLBACK', 'Z I'])
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
