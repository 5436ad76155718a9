/**
 * LISTEN in transaction mode: a client that listens keeps no server. One connection listens for all clients of a pool, and nobody misses a
 * notification or gets it twice.
 */

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { eventually, TestPoolers, type TestPooler, type TestPoolerOptions } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import type { Message } from './support/raw-messages.ts'
import * as raw from './support/raw-messages.ts'

let postgres: TestPostgres
let direct: RawClient
const poolers = new TestPoolers(() => postgres.port)

before(async () => {
  postgres = await startTestPostgres()
  direct = await RawClient.login(postgres.port)
  await direct.query('create role few login connection limit 1')
})

after(async () => {
  direct.leave()
  await poolers.remove()
  await postgres.remove()
})

/** Of a NotificationResponse: its channel and payload. */
function said({ body }: Message): string {
  const [channel = '', payload = ''] = body.toString('latin1', 4).split('\0')
  return `${channel} ${payload}`
}

async function heard(client: RawClient): Promise<string> {
  const message = (await client.until('A')).at(-1)
  assert.ok(message)
  return said(message)
}

const start = (options: TestPoolerOptions = {}): Promise<TestPooler> => poolers.start({ poolSize: 2, ...options })

/** Nobody keeps a server. */
const areFree = (pooler: TestPooler): Promise<void> =>
  eventually('no server is kept', () => pooler.figures.servers().every(({ state }) => state !== 'active'))

/** Of the connection that listens to this channel, and has done nothing since. */
const listeningPid = async (channel: string): Promise<string | null> =>
  direct.value(`select pid from pg_stat_activity where query = 'LISTEN "${channel}"' and pid <> pg_backend_pid()`)

describe('a client that listens', () => {
  it('hears, and keeps no server', async () => {
    const pooler = await start()
    const [one, two] = [await pooler.login(), await pooler.login()]
    assert.deepEqual(await one.query('listen news'), ['C LISTEN', 'Z I'])
    await areFree(pooler)
    assert.equal(pooler.figures.pins().length, 0)
    await two.query("notify news, 'first'")
    assert.equal(await heard(one), 'news first')
    await direct.query("begin; notify news, 'second'; notify other, 'no'; notify news, 'third'; commit")
    assert.equal(await heard(one), 'news second')
    assert.equal(await heard(one), 'news third')
    await two.staysSilent()
    await one.staysSilent()
  })

  it('hears of a channel with a long name that is not ASCII, in its own encoding', async () => {
    const pooler = await start()
    const one = await pooler.login({ client_encoding: 'LATIN1' })
    await one.query(`listen "${'\u00e9'.repeat(40)}"`)
    const said = await one.query(`notify "${'\u00e9'.repeat(40)}", 'heard'`)
    assert.ok(said.some((line) => line.startsWith('A')))
  })

  it('hears between its transactions only', async () => {
    const pooler = await start()
    const one = await pooler.login()
    await one.query('listen news')
    await areFree(pooler)
    await one.query('begin')
    await direct.query("notify news, 'late'")
    await one.staysSilent()
    assert.deepEqual(await one.query('select 1'), ['T ?column?', 'D 1', 'C SELECT 1', 'Z T'])
    const [end] = await one.query('commit')
    assert.equal(end, 'C COMMIT')
    assert.equal(await heard(one), 'news late')
  })

  it('hears at once while it keeps a server for another reason', async () => {
    const pooler = await start()
    const one = await pooler.login()
    await one.query('listen news; create temp table mine (id int)')
    await one.query('select 1')
    await eventually('the client is pinned for its table only', () => {
      return String(pooler.figures.pins().map(({ reasons }) => reasons)) === 'temporary objects'
    })
    await direct.query("notify news, 'now'")
    assert.equal(await heard(one), 'news now')
  })

  it('hears of its own', async () => {
    const pooler = await start()
    const one = await pooler.login()
    await one.query('listen news')
    await areFree(pooler)
    await one.query("notify news, 'mine'")
    assert.equal(await heard(one), 'news mine')
    await one.staysSilent()
  })

  it('listens once what it has committed is committed', async () => {
    const pooler = await start()
    const one = await pooler.login()
    const ways = ['begin; listen news; rollback', 'begin; savepoint a; listen news; rollback to a; commit']
    for (const way of ways) await one.query(way)
    await one.query('listen news; select 1/0')
    await areFree(pooler)
    await direct.query("notify news, 'none'")
    await one.staysSilent()
    await one.query('begin; savepoint a; listen other; rollback to a; listen news; commit')
    await direct.query("notify other, 'none'; notify news, 'this'")
    assert.equal(await heard(one), 'news this')
    await one.staysSilent()
  })

  it('may stop, in every way, and begin again', async () => {
    const pooler = await start()
    const one = await pooler.login()
    const other = await pooler.login()
    await other.query('listen news')
    for (const way of ['unlisten news', 'unlisten *', 'begin; unlisten news; commit', 'discard all']) {
      await one.query('listen news; listen "Other news"')
      await areFree(pooler)
      await direct.query("notify news, 'a'; notify \"Other news\", 'b'")
      assert.equal(await heard(one), 'news a')
      assert.equal(await heard(one), 'Other news b')
      await one.query(way)
      await areFree(pooler)
      await direct.query("notify news, 'c'")
      await one.staysSilent(20)
    }
    await one.query('listen news')
    for (const way of ['begin; unlisten news; rollback', 'unlisten news; select 1/0']) await one.query(way)
    await one.ask(raw.parse('unlisten nothing'), raw.bind(), raw.sync)
    await areFree(pooler)
    await direct.query("notify news, 'd'")
    assert.equal(await heard(one), 'news d')
  })

  it('stops also where its lease begins with the removal of what others have left', async () => {
    const pooler = await poolers.start({ poolSize: 1 })
    const [one, two] = [await pooler.login(), await pooler.login()]
    await one.query('listen before')
    await areFree(pooler)
    await two.query('do $$ begin end $$')
    await one.query('unlisten before')
    await direct.query("notify before, 'unheard'")
    assert.deepEqual(await one.query('select 7'), ['T ?column?', 'D 7', 'C SELECT 1', 'Z I'])
    await one.staysSilent()
  })

  it('misses nothing while it stops and begins again in one transaction', async () => {
    const pooler = await start()
    const one = await pooler.login()
    for (const stop of ['unlisten again', 'unlisten *', 'unlisten again; listen again; unlisten again']) {
      await one.query('listen again; listen other')
      await areFree(pooler)
      await one.query('begin')
      await one.query(`${stop}; listen again`)
      await direct.query("notify again, 'meanwhile'; notify other, 'meanwhile'")
      await one.query('commit')
      await direct.query("notify again, 'after'")
      const isAll = stop === 'unlisten *'
      const expected = ['again meanwhile', ...(isAll ? [] : ['other meanwhile']), 'again after']
      const got: string[] = []
      while (got.at(-1) !== 'again after') got.push(await heard(one))
      assert.deepEqual(got, expected, stop)
    }
  })

  it('listens by the extended protocol and in code, too', async () => {
    const pooler = await start()
    const one = await pooler.login()
    await one.ask(raw.statement('listen news'), raw.sync)
    await one.query("do $$ begin execute 'listen code'; end $$")
    await one.ask(raw.parse('listen prepared', 'p'), raw.sync)
    await one.ask(raw.bind([], 'p'), raw.execute(), raw.sync)
    await areFree(pooler)
    await direct.query("notify code, '1'; notify news, '2'; notify prepared, '3'")
    assert.deepEqual([await heard(one), await heard(one), await heard(one)], ['code 1', 'news 2', 'prepared 3'])
  })

  it('keeps its server where nobody can listen for it', async () => {
    const pooler = await start({ poolSize: 2 })
    const one = await pooler.login({ user: 'few' })
    await one.query('listen news')
    await eventually('it is pinned', () => pooler.figures.pins().length === 1)
    await direct.query("notify news, 'kept'")
    assert.equal(await heard(one), 'news kept')
    await one.query('unlisten news')
    await eventually('it is pinned no more', () => pooler.figures.pins().length === 0)
  })

  it('hears on when its connection is replaced before it has logged in', async () => {
    const pooler = await start()
    for (let ms = 0; ms < 24; ms += 2) {
      const one = await pooler.login()
      await one.query('listen early')
      await Bun.sleep(ms)
      pooler.verbs.reconnect()
      await areFree(pooler)
      await direct.query("notify early, 'bird'")
      assert.equal(await heard(one), 'early bird')
      one.leave()
      await eventually('nobody listens', () => pooler.figures.pools()[0]?.listeners === 0)
    }
  })

  it("has no say in the pooler's own channel", async () => {
    const pooler = await start()
    const one = await pooler.login()
    await one.query('listen news')
    await areFree(pooler)
    const text =
      "select substring(query from 'taxirank_[0-9a-f]{24}') from pg_stat_activity where query ~ 'NOTIFY taxirank_' and pid <> pg_backend_pid()"
    pooler.verbs.reconnect()
    let channel: string | null = null
    await eventually('its name is seen', async () => (channel = await direct.value(text)) !== null)
    const two = await pooler.login()
    await two.query(`listen ${String(channel)}`)
    await two.query(`unlisten ${String(channel)}`)
    await two.query('unlisten *')
    const three = await pooler.login()
    await three.query('listen news')
    await areFree(pooler)
    await direct.query("notify news, 'still'")
    for (const client of [one, three]) assert.equal(await heard(client), 'news still')
  })

  it('may stop to listen to thousands of channels at once, whatever is kept for it', { timeout: 60_000 }, async () => {
    const pooler = await start()
    const [one, two] = [await pooler.login(), await pooler.login()]
    const channels = Array.from({ length: 4_000 }, (_, n) => `a${n}`)
    await two.query(channels.map((name) => `listen ${name}`).join(';'))
    await one.query('listen a0; listen a1')
    await areFree(pooler)
    await one.query('begin')
    await direct.query("select pg_notify('a0', n::text) from generate_series(1, 30000) n")
    await one.query(channels.map((name) => `unlisten ${name}`).join(';'))
    await one.query(channels.map(() => 'unlisten *').join(';'))
    await one.query('commit')
    await one.staysSilent()
    await direct.query("notify a1, 'last'")
    await one.staysSilent()
    assert.match(await heard(two), /^a0 1$/)
  })

  it('leaves no connection behind', async () => {
    const pooler = await start()
    const [one, two] = [await pooler.login(), await pooler.login()]
    for (const client of [one, two]) await client.query('listen gone')
    await areFree(pooler)
    assert.ok(await listeningPid('gone'))
    one.leave()
    await direct.query("notify gone, 'still'")
    assert.equal(await heard(two), 'gone still')
    two.vanish()
    await eventually('nobody listens', async () => (await listeningPid('gone')) === null)
  })
})

describe('a client that could have missed something', () => {
  const isTold = async (client: RawClient, why: RegExp): Promise<void> => {
    const last = (await client.rest()).at(-1) ?? ''
    assert.match(last, /^E FATAL 57P01: notifications may have been missed: /)
    assert.match(last, why)
  }

  it('is told so when the connection that listens is lost', async () => {
    const pooler = await start()
    const [one, two] = [await pooler.login(), await pooler.login()]
    await one.query('listen lost')
    await areFree(pooler)
    await direct.query(`select pg_terminate_backend(${await listeningPid('lost')})`)
    await isTold(one, /terminating connection due to administrator command/)
    await two.query('listen news')
    await areFree(pooler)
    await direct.query("notify news, 'again'")
    assert.equal(await heard(two), 'news again')
  })

  it('is told so when too much waits for it', async () => {
    const pooler = await start()
    const one = await pooler.login()
    await one.query('listen news')
    await areFree(pooler)
    await one.query('begin')
    for (let n = 0; n < 200; n++) await direct.query(`notify news, '${String(n).padEnd(7_000, 'x')}'`)
    await isTold(one, /too many notifications wait/)
  })

  it('is told so when its database is another from now on', async () => {
    const pooler = await start()
    const one = await pooler.login()
    await one.query('listen news')
    await areFree(pooler)
    await direct.query('create database elsewhere')
    pooler.reload({ poolSize: 2, database: { name: 'elsewhere' } })
    await isTold(one, /no notification of its successor came/)
  })

  it('is told so when the connection that listens cannot be replaced', async () => {
    const pooler = await start()
    await direct.query('create role full login connection limit 2')
    const one = await pooler.login({ user: 'full' })
    await one.query('listen news')
    await areFree(pooler)
    await one.query('begin')
    pooler.verbs.reconnect()
    await isTold(one, /can't be replaced: too many connections for role "full"/)
  })

  it('is told so when it listens on a server of the database from which its pool has moved', async () => {
    await direct.query('create database moved')
    const pooler = await start()
    const one = await pooler.login()
    await one.query('begin; select 1')
    pooler.reload({ poolSize: 2, database: { name: 'moved' } })
    await one.query('listen news')
    await one.query('commit')
    await isTold(one, /no notification of its server came/)
  })

  it('is told so when the connection that listens hangs; who would listen there keeps its server', async () => {
    const pooler = await start({ maxPinned: 1, serverConnectTimeoutMs: 700 })
    const [one, two] = [await pooler.login(), await pooler.login()]
    await one.query('listen hangs')
    await areFree(pooler)
    const pid = Number(await listeningPid('hangs'))
    process.kill(pid, 'SIGSTOP')
    try {
      await two.query('listen too')
      await isTold(one, /gave no answer within 700 ms/)
      await eventually('it keeps its server', () => pooler.figures.pins().length === 1)
      await direct.query("notify too, 'all the same'")
      assert.equal(await heard(two), 'too all the same')
    } finally {
      process.kill(pid, 'SIGCONT')
    }
  })

  it('is told so when what was kept for it is in another encoding than it wants by then', async () => {
    const pooler = await start()
    const one = await pooler.login({ client_encoding: 'UTF8' })
    await one.query('listen encoded')
    await areFree(pooler)
    await one.query('begin')
    await direct.query("notify encoded, 'caf\u00e9'")
    assert.equal(await one.value('select count(pg_sleep(0.1))'), '1')
    await one.query("set client_encoding = 'LATIN1'")
    one.send(raw.query('commit'))
    await isTold(one, /came in UTF8, and client_encoding is LATIN1/)
  })

  it('is told so when its database is paused', async () => {
    const pooler = await start()
    const one = await pooler.login()
    await one.query('listen paused')
    await areFree(pooler)
    const two = await pooler.login()
    await two.query('begin; listen paused')
    const paused = pooler.verbs.pause()
    await isTold(one, /its database is paused/)
    await two.query('commit')
    await isTold(two, /its database is paused/)
    await paused
    assert.equal(await listeningPid('paused'), null)
  })
})

const disturbances = { often: () => Promise.resolve(), 'often, and replaced': reconnecting }

/** Again and again, until it is over, whenever a new server has been opened. */
async function reconnecting(pooler: TestPooler, over: AbortSignal): Promise<void> {
  const isNew = (): boolean => pooler.figures.servers().some(({ state, isMarked }) => state !== 'login' && !isMarked)
  for (let n = 0; !over.aborted; n++) {
    pooler.verbs.reconnect()
    await Bun.sleep(50 + (n % 7) * 10)
    await eventually('a new server is there', () => isNew() || over.aborted)
  }
}

describe('what happens while listening is handed over', () => {
  for (const [how, disturb] of Object.entries(disturbances))
    it(`is heard once, in order, by all that listen, however ${how}`, { timeout: 60_000 }, async () => {
      const pooler = await start({ poolSize: 4 })
      const pinned = new Set<string>()
      const looking = setInterval(() => {
        for (const { reasons } of pooler.figures.pins()) pinned.add(String(reasons))
      }, 1)
      const clients = await Promise.all(Array.from({ length: 8 }, () => pooler.login()))
      let sent = 0
      const over = new AbortController()
      const notifying = (async () => {
        while (!over.signal.aborted) await direct.query(`notify news, '${++sent}'`)
      })()
      const disturbing = disturb(pooler, over.signal)
      const each = clients.map(async (client, index) => {
        const numbers: number[] = []
        const note = (messages: Message[]): void => {
          for (const message of messages) if (message.type === 'A') numbers.push(Number(said(message).slice(5)))
        }
        for (let round = 0; round < 6; round++) {
          client.send(raw.query(index % 2 === 0 ? 'listen news' : 'begin; listen news; listen other; commit'))
          note(await client.until('Z'))
          const since = sent
          for (let n = 0; n < 20; n++) {
            client.send(raw.query(n % 3 === 0 ? 'listen news' : 'select 1'))
            note(await client.until('Z'))
          }
          const until = sent
          while ((numbers.at(-1) ?? 0) < until) note(await client.until('A'))
          const expected = Array.from({ length: numbers.length }, (_, n) => (numbers[0] ?? 0) + n)
          assert.deepEqual(numbers, expected)
          assert.ok(
            (numbers[0] ?? 0) <= since + 1,
            `the first is ${numbers[0]}, and ${since} were sent when it listened`,
          )
          client.send(raw.query('unlisten *'))
          await client.until('Z')
          numbers.length = 0
        }
      })
      await Promise.all(each)
      over.abort()
      await Promise.all([notifying, disturbing])
      clearInterval(looking)
      assert.deepEqual([...pinned], [])
    })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
