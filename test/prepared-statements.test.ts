/**
 * Prepared statements in transaction mode: they follow their client from server to server, are shared by clients with the same text, and no client
 * ever meets another's.
 */

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { TestPoolers, type TestPooler } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import type { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'

let postgres: TestPostgres
const poolers = new TestPoolers(() => postgres.port)
const mostPrepared = 5

before(async () => {
  postgres = await startTestPostgres()
})

after(async () => {
  await poolers.remove()
  await postgres.remove()
})

const run = (name: string, ...values: (string | null)[]): Buffer =>
  raw.all(raw.bind(values, name), raw.execute(), raw.sync)
const parsed = ['1', 'Z I']
const gave = (value: string | number): string[] => ['2', `D ${value}`, 'C SELECT 1', 'Z I']
const missing = (name: string): string => `E ERROR 26000: prepared statement "${name}" does not exist`
/** What its server has prepared, in the order of the texts. */
const onServer =
  "select coalesce(string_agg(statement, ', ' order by statement), 'nothing') from pg_prepared_statements"

/** Clients of a pool of two servers; `other` holds the one that was used last while `ask` runs, so that another is taken. */
async function elsewhere<T>(other: RawClient, ask: () => Promise<T>): Promise<T> {
  await other.query('begin')
  try {
    return await ask()
  } finally {
    await other.query('rollback')
  }
}

describe('a prepared statement', () => {
  let pooler: TestPooler
  let [one, two, other]: RawClient[] = []

  beforeEach(async () => {
    pooler = await poolers.start({ poolSize: 2, maxPreparedStatements: mostPrepared })
    const clients = [await pooler.login(), await pooler.login(), await pooler.login()]
    ;[one, two, other] = clients
  })

  const first = (): RawClient => one as RawClient
  const second = (): RawClient => two as RawClient
  const moved = <T>(ask: () => Promise<T>): Promise<T> => elsewhere(other as RawClient, ask)

  it('follows its client to another server', async () => {
    assert.deepEqual(await first().ask(raw.parse('select pg_backend_pid()', 'pid'), raw.sync), parsed)
    const [, here] = await first().ask(run('pid'))
    const [, there] = await moved(() => first().ask(run('pid')))
    assert.notEqual(there, here)
    assert.match(String(there), /^D [0-9]+$/)
  })

  it('may be deallocated beside other statements, which run', async () => {
    await first().query('create temp table kept (id int)')
    await first().ask(raw.parse('select 1', 'gone'), raw.sync)
    const seen = String(await first().query('insert into kept values (1); deallocate gone'))
    assert.match(seen, /^C INSERT 0 1,E ERROR 26000/)
    assert.deepEqual(await first().query('begin; insert into kept values (2); commit; deallocate gone'), [
      'C BEGIN',
      'C INSERT 0 1',
      'C COMMIT',
      'E ERROR 26000: prepared statement "gone" does not exist',
      'Z I',
    ])
    assert.equal(await first().value('select count(*) from kept'), '1')
    assert.deepEqual(await first().query('deallocate gone; -- alone'), ['C DEALLOCATE', 'Z I'])
    await first().query('drop table kept')
  })

  describe('that is deallocated by the extended protocol', () => {
    const aborted = 'E ERROR 25P02: current transaction is aborted, commands ignored until end of transaction block'
    const dropping = (text: string): Buffer => raw.all(raw.parse(text), raw.bind(), raw.describePortal(), raw.execute())
    const gone = dropping('deallocate s')
    const carriedOut = ['1', '2', 'n', 'C DEALLOCATE', 'Z I']
    const prepared = (name = 's'): Promise<readonly string[]> => first().ask(raw.parse('select 1', name), raw.sync)

    it('is gone, and no other, for its client alone', async () => {
      await prepared()
      await first().ask(raw.parse('select 2', 't'), raw.sync)
      await second().ask(raw.parse('select 1', 's'), raw.sync)
      assert.deepEqual(await first().ask(gone, raw.sync), carriedOut)
      assert.deepEqual(await first().ask(run('s')), [missing('s'), 'Z I'])
      assert.deepEqual(await first().ask(gone, raw.sync), ['1', '2', 'n', missing('s'), 'Z I'])
      assert.deepEqual(await first().ask(run('t')), gave(2))
      assert.deepEqual(await second().ask(run('s')), gave(1))
      assert.deepEqual(await first().ask(raw.parse('select 3', 's'), run('s')), ['1', ...gave(3)])
    })

    it('costs nobody what its server has prepared', async () => {
      const sinceWhen = "select prepare_time from pg_prepared_statements where statement ~ '^select prepare_time'"
      await second().ask(raw.parse(sinceWhen, 'kept'), raw.sync)
      const before = await second().ask(run('kept'))
      assert.match(String(before), /^2,D 2/)
      await prepared()
      assert.deepEqual(await first().ask(gone, raw.sync), carriedOut)
      assert.deepEqual(await second().ask(run('kept')), before)
    })

    it('is there still where its DEALLOCATE was skipped or has failed', async () => {
      await prepared()
      assert.deepEqual(await first().ask(raw.bind([], 'none'), gone, raw.sync), [missing('none'), 'Z I'])
      assert.deepEqual(await first().ask(run('s')), gave(1))
      await first().query('begin')
      await first().ask(raw.bind([], 'none'), raw.sync)
      assert.deepEqual(await first().ask(gone, raw.sync), [aborted, 'Z E'])
      await first().query('rollback')
      assert.deepEqual(await first().ask(run('s')), gave(1))
      await first().ask(raw.parse('deallocate s'), raw.sync)
      await first().query('begin')
      first().send(raw.all(raw.bind([], 'none'), raw.sync, gone, raw.sync, raw.query('rollback'), run('s')))
      const answers = [await first().answer(), await first().answer(), await first().answer(), await first().answer()]
      assert.deepEqual(answers, [[missing('none'), 'Z E'], [aborted, 'Z E'], ['C ROLLBACK', 'Z I'], gave(1)])
    })

    it('is there still where the DEALLOCATE was never prepared', async () => {
      await prepared()
      await first().ask(raw.parse('rollback', 'back'), raw.sync)
      const nothing = 'E ERROR 26000: unnamed prepared statement does not exist'
      const failing = raw.all(raw.bind([], 'none'), raw.sync, raw.parse('deallocate s'), raw.sync)
      await first().query('begin')
      first().send(raw.all(failing, run('back'), run(''), run('s')))
      const answers = []
      for (let n = 0; n < 5; n++) answers.push(await first().answer())
      assert.deepEqual(answers, [
        [missing('none'), 'Z E'],
        [aborted, 'Z E'],
        ['2', 'C ROLLBACK', 'Z I'],
        [nothing, 'Z I'],
        gave(1),
      ])
      await first().query('begin')
      await first().ask(raw.bind([], 'none'), raw.sync)
      await first().ask(raw.parse('deallocate s'), raw.sync)
      assert.deepEqual(await first().ask(run('back')), ['2', 'C ROLLBACK', 'Z I'])
      assert.deepEqual(await first().ask(run('')), [nothing, 'Z I'])
      assert.deepEqual(await first().ask(run('s')), gave(1))
    })

    it('is gone in a transaction, which goes on', async () => {
      await prepared()
      await first().query('begin')
      assert.deepEqual(await first().ask(gone, raw.sync), [...carriedOut.slice(0, -1), 'Z T'])
      await first().query('rollback')
      assert.deepEqual(await first().ask(run('s')), [missing('s'), 'Z I'])
    })

    it('is what its client has by then, with a DEALLOCATE that is kept, wherever that runs', async () => {
      await first().ask(raw.parse('deallocate s'), raw.sync)
      await prepared()
      const ended = ['2', 'C DEALLOCATE', 'Z I']
      const again = ['2', missing('s'), 'Z I']
      assert.deepEqual(await moved(() => first().ask(run(''))), ended)
      assert.deepEqual(await first().ask(run('')), again)
      assert.deepEqual(await moved(() => first().ask(run(''))), again)
      await prepared()
      assert.deepEqual(await first().ask(run('')), ended)
      await first().ask(raw.parse('deallocate s', 'ends s'), raw.parse('select 1', 's'), raw.sync)
      assert.deepEqual(await moved(() => first().ask(run('ends s'))), ended)
      assert.deepEqual(await first().ask(run('ends s')), again)
      await prepared()
      assert.deepEqual(await first().ask(run('ends s')), ended)
    })

    it('leaves the unnamed statement that its client has', async () => {
      const bound = raw.all(raw.bind(), raw.execute())
      await prepared()
      const twice = raw.all(raw.parse('deallocate s'), bound, bound, raw.sync)
      assert.deepEqual(await first().ask(twice), ['1', '2', 'C DEALLOCATE', '2', missing('s'), 'Z I'])
      const both = [raw.parse('select 1', 's'), raw.parse('deallocate s', 'ends s'), raw.parse('select 8')]
      const seen = await first().ask(...both, raw.bind([], 'ends s'), raw.execute(), bound, raw.sync)
      assert.deepEqual(seen, ['1', '1', '1', '2', 'C DEALLOCATE', ...gave(8)])
      assert.deepEqual(await first().ask(run('')), gave(8))
    })

    it('is what an earlier group of the same pipeline has made of it', async () => {
      first().send(raw.all(raw.parse('selec', 's'), raw.sync, gone, raw.sync))
      assert.match(String(await first().answer()), /^E ERROR 42601/)
      assert.deepEqual(await first().answer(), ['1', '2', 'n', missing('s'), 'Z I'])
      first().send(raw.all(raw.parse('select 1', 's'), raw.sync, gone, raw.sync, run('s')))
      assert.deepEqual(await first().answer(), parsed)
      assert.deepEqual(await first().answer(), carriedOut)
      assert.deepEqual(await first().answer(), [missing('s'), 'Z I'])
    })

    it('is nothing that another meets under any name, also if that was never executed', async () => {
      await prepared()
      assert.deepEqual(await first().ask(raw.parse('deallocate s'), raw.bind(), raw.sync), ['1', '2', 'Z I'])
      const nothing = 'E ERROR 26000: unnamed prepared statement does not exist'
      assert.deepEqual(await second().ask(run('')), [nothing, 'Z I'])
      assert.deepEqual(await second().ask(run('s')), [missing('s'), 'Z I'])
      assert.deepEqual(await second().ask(run('taxirank_doomed')), [missing('taxirank_0'), 'Z I'])
      await prepared()
      assert.deepEqual(await first().ask(gone, raw.sync), carriedOut)
    })

    it('may have a name of which PostgreSQL keeps 63 bytes', async () => {
      const name = 'n'.repeat(63)
      await prepared(`${name}one`)
      assert.deepEqual(
        await first()
          .ask(dropping(`deallocate ${name}two`), raw.sync)
          .then((seen) => seen.slice(1)),
        carriedOut,
      )
      assert.deepEqual(await first().ask(run(name)), [missing(name), 'Z I'])
    })
  })

  it('may be prepared behind DEALLOCATE ALL or DISCARD ALL in one group', async () => {
    await first().ask(raw.parse('select 7', 'seven'), raw.sync)
    for (const text of ['deallocate all', 'discard all']) {
      const again = raw.all(raw.parse('select 7', 'seven'), raw.bind([], 'seven'), raw.execute(), raw.sync)
      const seen = await first().ask(raw.statement(text), again)
      assert.deepEqual(seen.slice(-5), ['1', '2', 'D 7', 'C SELECT 1', 'Z I'])
      assert.deepEqual(await first().ask(run('seven')), gave(7))
      assert.deepEqual(await moved(() => first().ask(run('seven'))), gave(7))
    }
  })

  it('has the name that its client gave in what PostgreSQL complains of', async () => {
    await first().ask(raw.parse('select $1::int', 'one number'), raw.sync)
    const told = await first().ask(raw.bind([], 'one number'), raw.sync)
    assert.match(String(told), /^E ERROR 08P01: .* "one number" requires 1,Z I$/)
  })

  it('may have a name of which PostgreSQL keeps 63 bytes', async () => {
    const name = 'n'.repeat(63)
    await first().ask(raw.parse('select 5', `${name}one`), raw.sync)
    assert.deepEqual(await moved(() => first().ask(run(`${name}two`))), gave(5))
  })

  it('is described, bound and closed under the name that its client gave', async () => {
    await first().ask(raw.parse('select $1::int + 1 as next', 'plus'), raw.sync)
    assert.deepEqual(await moved(() => first().ask(raw.describeStatement('plus'), raw.sync)), [
      't 000100000017',
      'T next',
      'Z I',
    ])
    assert.deepEqual(await first().ask(run('plus', '4')), gave(5))
    assert.deepEqual(await first().ask(raw.closeStatement('plus'), raw.sync), ['3', 'Z I'])
    assert.deepEqual(await first().ask(run('plus', '4')), [missing('plus'), 'Z I'])
  })

  it('may have the same name as that of another client', async () => {
    await first().ask(raw.parse('select 1', 's'), raw.sync)
    await second().ask(raw.parse('select 2', 's'), raw.sync)
    for (const ask of [(do_: () => Promise<void>) => do_(), moved]) {
      await ask(async () => {
        assert.deepEqual(await first().ask(run('s')), gave(1))
        assert.deepEqual(await second().ask(run('s')), gave(2))
      })
    }
  })

  it('is shared by clients with the same text, and outlives the one that prepared it', async () => {
    await first().ask(raw.parse('select 42', 'a'), raw.sync)
    await second().ask(raw.parse('select 42', 'b'), raw.sync)
    assert.equal(await first().value(onServer), 'select 42')
    await first().ask(raw.closeStatement('a'), raw.sync)
    first().leave()
    assert.deepEqual(await second().ask(run('b')), gave(42))
    assert.equal(await second().value(onServer), 'select 42')
    assert.deepEqual(
      pooler.figures
        .clients()
        .map(({ preparedStatements }) => preparedStatements)
        .toSorted((a, b) => a - b),
      [0, 1],
    )
  })

  it('is not shared with other types of parameters, nor under another time zone', async () => {
    const typed = (name: string, oid: number): Buffer => {
      const types = Buffer.alloc(6)
      types.writeUInt16BE(1)
      types.writeUInt32BE(oid, 2)
      return raw.message('P', Buffer.from(`${name}\0select pg_typeof($1)\0`), types)
    }
    await first().ask(typed('t', 23), raw.sync)
    await second().ask(typed('t', 25), raw.sync)
    assert.deepEqual(await first().ask(run('t', '1')), gave('integer'))
    assert.deepEqual(await second().ask(run('t', '1')), gave('text'))
    const text = "select extract(epoch from timestamptz '2024-01-01 00:00')::int"
    const zoned = await pooler.login({ TimeZone: 'Asia/Tokyo' })
    await second().ask(raw.parse(text, 'z'), raw.sync)
    await zoned.ask(raw.parse(text, 'z'), raw.sync)
    const [, utc] = await second().ask(run('z'))
    const [, tokyo] = await zoned.ask(run('z'))
    assert.equal(Number(utc?.slice(2)) - Number(tokyo?.slice(2)), 9 * 3_600)
  })

  it('is prepared anew under the parameters that its client has set since', async () => {
    await first().ask(raw.parse("select timestamptz '2024-01-01 00:00' = '2023-12-31 15:00Z'", 's'), raw.sync)
    assert.deepEqual(await first().ask(run('s')), gave('f'))
    await first().query("set time zone 'Asia/Tokyo'")
    assert.deepEqual(await moved(() => first().ask(run('s'))), gave('t'))
    await second().ask(raw.parse("select timestamptz '2024-01-01 00:00' = '2023-12-31 15:00Z'", 's'), raw.sync)
    assert.deepEqual(await second().ask(run('s')), gave('f'))
  })

  it('that was prepared between SET and the report of it is not used under other parameters', async () => {
    const text = "select timestamptz '2024-01-01 00:00' = '2023-12-31 15:00Z'"
    first().send(
      raw.all(
        raw.statement("set time zone 'Asia/Tokyo'"),
        raw.parse(text, 's'),
        raw.bind([], 's'),
        raw.execute(),
        raw.sync,
      ),
    )
    assert.deepEqual(
      (await first().answer()).filter((line) => line.startsWith('D')),
      ['D t'],
    )
    await second().ask(raw.parse(text, 's'), raw.sync)
    assert.deepEqual(await second().ask(run('s')), gave('f'))
  })

  it('is analysed anew behind a SET of the same pipeline, though others have it as it was', async () => {
    const text = "select timestamptz '2024-01-01 00:00' = '2023-12-31 15:00Z'"
    const group = raw.all(raw.parse(text, 's'), run('s'))
    assert.deepEqual((await second().ask(group)).at(2), 'D f')
    const sets = [
      raw.query("set time zone 'Asia/Tokyo'"),
      raw.all(raw.statement("set time zone 'Asia/Tokyo'"), raw.sync),
    ]
    for (const set of sets) {
      first().send(set, group, raw.closeStatement('s'), raw.sync, raw.query('reset time zone'))
      await first().answer()
      assert.deepEqual((await first().answer()).at(2), 'D t')
      assert.deepEqual([await first().answer(), (await first().answer()).at(0)], [['3', 'Z I'], 'C RESET'])
      assert.deepEqual((await second().ask(run('s'))).at(1), 'D f')
    }
  })

  it('that was prepared behind a SET LOCAL is not used under other parameters', async () => {
    const texts = ["set local time zone 'Asia/Tokyo'", "select set_config('timezone', 'Asia/Tokyo', true)"]
    for (const [index, set] of texts.entries()) {
      const text = `select timestamptz '2024-01-01 00:00' = '2023-12-31 15:00Z' and ${index} = ${index}`
      const group = raw.all(raw.statement(set), raw.parse(text, `s${index}`), run(`s${index}`))
      assert.ok((await first().ask(group)).includes('D t'))
      await second().ask(raw.parse(text, `s${index}`), raw.sync)
      assert.deepEqual((await second().ask(run(`s${index}`))).at(1), 'D f')
    }
  })

  it('is planned anew where others have used it under what holds for a transaction only', async () => {
    const cases = [
      ['set local bytea_output = escape', "select '\\x41'::bytea::text", 'D \\x41'],
      ['set local extra_float_digits = -10', 'select pi()::text', 'D 3.141592653589793'],
      ['set local quote_all_identifiers = on', "select quote_ident('abc')", 'D abc'],
      ['create temp table passing (a int, b int) on commit drop', 'select * from passing', 'C SELECT 0'],
    ] as const
    await first().query('create table if not exists passing (a int)')
    for (const [index, [set, text, expected]] of cases.entries()) {
      for (const isPrepared of [false, true]) {
        const name = `p${index}${isPrepared}`
        const own = `${text} -- ${name}`
        if (isPrepared) await first().ask(raw.parse(own, name), raw.sync)
        await first().query(`begin; ${set}`)
        if (!isPrepared) await first().ask(raw.parse(own, name), raw.sync)
        await first().ask(run(name))
        await first().query('commit')
        await second().ask(raw.parse(own, name), raw.sync)
        assert.ok((await second().ask(run(name))).includes(expected), set)
      }
    }
    await first().query('drop table passing')
  })

  it('is another one than that of the same text under which it was prepared before', async () => {
    const text = "select timestamptz '2024-01-01 00:00' = '2023-12-31 15:00Z'"
    await first().ask(raw.parse(text, 's'), raw.sync)
    first().send(raw.query("set time zone 'Asia/Tokyo'"), raw.parse(text, 'u'), run('s'), run('u'))
    await first().answer()
    assert.deepEqual([await first().answer(), await first().answer()], [['1', ...gave('f')], gave('t')])
  })

  it('is of the moment of its own Parse', async () => {
    const text = "select clock_timestamp() - 'now'::timestamptz < '10 ms'"
    await first().ask(raw.parse(text, 's'), raw.sync)
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.deepEqual(await second().ask(raw.parse(text, 's'), run('s')), ['1', ...gave('t')])
  })

  it('is not found by what is skipped, however much of it there was', async () => {
    const many = Array.from({ length: 2_000 }, (_, n) => raw.parse(`select ${n}`, `many${n}`))
    for (let round = 0; round < 3; round++) await first().ask(raw.bind([], 'none'), ...many, raw.sync)
    assert.ok(pooler.figures.servers().every(({ preparedStatements }) => preparedStatements <= mostPrepared))
    assert.deepEqual(await first().ask(run('many7')), [missing('many7'), 'Z I'])
  })

  it('is not kept together with far more than may be: then its server is not lent on', async () => {
    const names = Array.from({ length: mostPrepared }, (_, n) => `s${n}`)
    // What gives way is closed where that is skipped; behind it something else gives way, which is not there.
    const pairs = Array.from({ length: 30 }, (_, pair) => {
      const some = (what: string): Buffer[] =>
        names.map((name) => `${name} ${what} ${pair}`).map((name) => raw.parse(`select '${name}'`, name))
      return raw.all(raw.bind([], 'none'), ...some('skipped'), raw.sync, ...some('kept'), raw.sync)
    })
    const before = await first().value('select pg_backend_pid()')
    first().send(raw.all(...pairs))
    for (let n = 0; n < 2 * pairs.length; n++) await first().answer()
    assert.notEqual(await second().value('select pg_backend_pid()'), before)
    assert.equal(await second().value(onServer), 'nothing')
    assert.deepEqual(await first().ask(run('s0 kept 29')), gave('s0 kept 29'))
    assert.deepEqual(await first().ask(run('s0 skipped 29')), [missing('s0 skipped 29'), 'Z I'])
  })

  it('is not taken for what it would be under a SET that is rolled back in front of it', async () => {
    const text = "select timestamptz '2024-01-01 00:00' = '2023-12-31 15:00Z'"
    const zoned = await pooler.login({ TimeZone: 'Asia/Tokyo' })
    await zoned.ask(raw.parse(text, 's'), raw.sync)
    await first().ask(raw.parse(text, 's'), raw.sync)
    await first().query('begin')
    await first().query("set time zone 'Asia/Tokyo'")
    first().send(raw.query('rollback'), run('s'))
    await first().answer()
    assert.deepEqual(await first().answer(), gave('f'))
  })

  it('of a name that is taken is refused in the words of PostgreSQL, and the client goes on', async () => {
    await first().ask(raw.parse('select 1', 's'), raw.sync)
    const taken = 'E ERROR 42P05: prepared statement "s" already exists'
    assert.deepEqual(await first().ask(raw.parse('select 2', 's'), raw.sync), [taken, 'Z I'])
    assert.deepEqual(await moved(() => first().ask(raw.parse('select 2', 's'), raw.sync)), [taken, 'Z I'])
    assert.deepEqual(await first().ask(run('s')), gave(1))
  })

  it('of an unknown name is refused in the words of PostgreSQL, also if it is one of ours', async () => {
    await second().ask(raw.parse('select 1', 's'), raw.sync)
    assert.deepEqual(await first().ask(run('s')), [missing('s'), 'Z I'])
    const [refusal] = await first().ask(run('taxirank_1'))
    assert.match(String(refusal), /^E ERROR 26000: prepared statement "taxirank_0" does not exist/)
    assert.deepEqual(await first().ask(raw.parse('select 3', 'taxirank_1'), raw.sync), parsed)
    assert.deepEqual(await first().ask(run('taxirank_1')), gave(3))
    assert.deepEqual(await second().ask(run('s')), gave(1))
  })

  it('that PostgreSQL refuses is none, and its name is free', async () => {
    assert.match(String(await first().ask(raw.parse('selec 1', 's'), raw.sync)), /^E ERROR 42601.*,Z I$/)
    assert.deepEqual(await first().ask(run('s')), [missing('s'), 'Z I'])
    assert.deepEqual(await first().ask(raw.parse('select 1', 's'), raw.sync), parsed)
    assert.deepEqual(await first().ask(run('s')), gave(1))
  })

  it('that PostgreSQL refuses is none, also with a Close of it skipped behind', async () => {
    const broken = raw.all(raw.parse('selec 1', 's'), raw.closeStatement('s'), raw.sync)
    assert.match(String(await first().ask(broken)), /^E ERROR 42601.*,Z I$/)
    assert.deepEqual(await first().ask(raw.parse('select 1', 's'), raw.sync), parsed)
    assert.deepEqual(await first().ask(run('s')), gave(1))
  })

  it('that was skipped behind an error is none, for whomever', async () => {
    const broken = raw.all(raw.bind([], 'none'), raw.parse('select 1', 's'), raw.bind([], 's'), raw.execute(), raw.sync)
    assert.deepEqual(await first().ask(broken), [missing('none'), 'Z I'])
    assert.deepEqual(await first().ask(run('s')), [missing('s'), 'Z I'])
    await second().ask(raw.parse('select 1', 's'), raw.sync)
    assert.deepEqual(await second().ask(run('s')), gave(1))
    assert.deepEqual(await first().ask(raw.parse('select 1', 's'), raw.sync), parsed)
    assert.deepEqual(await first().ask(run('s')), gave(1))
  })

  it('that is there already is not prepared again, but not behind an error', async () => {
    await second().ask(raw.parse('select 1', 's'), raw.sync)
    const broken = raw.all(raw.bind([], 'none'), raw.parse('select 1', 's'), raw.sync)
    assert.deepEqual(await first().ask(broken), [missing('none'), 'Z I'])
    assert.deepEqual(await first().ask(run('s')), [missing('s'), 'Z I'])
  })

  it('whose Close was skipped behind an error is still there', async () => {
    await first().ask(raw.parse('select 1', 's'), raw.sync)
    await first().ask(raw.bind([], 'none'), raw.closeStatement('s'), raw.sync)
    assert.deepEqual(await first().ask(run('s')), gave(1))
  })

  it('is there for every group of a pipeline, also on a server that lacks it and behind a group that fails', async () => {
    await first().ask(raw.parse('select 1', 's'), raw.sync)
    const group = run('s')
    const broken = raw.all(raw.bind([], 'none'), group)
    await moved(async () => {
      first().send(raw.all(broken, group, broken, group, group))
      const answers: string[] = []
      for (let n = 0; n < 5; n++) answers.push(...(await first().answer()))
      const no = [missing('none'), 'Z I']
      assert.deepEqual(answers, [...no, ...gave(1), ...no, ...gave(1), ...gave(1)])
    })
  })

  it('is what an earlier group of the same pipeline has made of its name', async () => {
    first().send(raw.all(raw.parse('selec', 's'), raw.sync, raw.parse('select 1', 's'), raw.sync, run('s')))
    assert.match(String(await first().answer()), /^E ERROR 42601/)
    assert.deepEqual(await first().answer(), parsed)
    assert.deepEqual(await first().answer(), gave(1))
    const skipped = raw.all(raw.bind([], 'none'), raw.closeStatement('s'), raw.sync)
    first().send(raw.all(skipped, raw.describeStatement('s'), raw.sync, raw.closeStatement('s'), raw.sync))
    assert.deepEqual(await first().answer(), [missing('none'), 'Z I'])
    assert.deepEqual(await first().answer(), ['t 0000', 'T ?column?', 'Z I'])
    assert.deepEqual(await first().answer(), ['3', 'Z I'])
    for (const drop of ['deallocate all', 'discard all']) {
      await first().ask(raw.parse('select 1', 's'), raw.sync)
      const group = raw.all(raw.parse('select 2', 's'), raw.bind([], 's'), raw.execute(), raw.sync)
      first().send(raw.all(raw.query(drop), group, raw.closeStatement('s'), raw.sync))
      assert.deepEqual(await first().answer(), [`C ${drop.toUpperCase()}`, 'Z I'])
      assert.deepEqual(await first().answer(), ['1', ...gave(2)])
      assert.deepEqual(await first().answer(), ['3', 'Z I'])
    }
  })

  it('is there behind an error of its own kind: the one that prepares it elsewhere', async () => {
    await first().query('create table gone (id int)')
    await first().ask(raw.parse('select id from gone', 's'), raw.sync)
    await first().query('drop table gone')
    const [refusal] = await moved(() => first().ask(run('s')))
    assert.match(String(refusal), /^E ERROR 42P01: relation "gone" does not exist/)
    await first().query('create table gone (id int)')
    assert.deepEqual(await first().ask(run('s')), ['2', 'C SELECT 0', 'Z I'])
    await first().query('drop table gone')
  })

  it('gives the place of the one that was not used for longest', async () => {
    const names = Array.from({ length: 2 * mostPrepared }, (_, index) => `s${index}`)
    for (const name of names) await first().ask(raw.parse(`select '${name}'`, name), raw.sync)
    const counted = 'select count(*) from pg_prepared_statements'
    assert.equal(await first().value(counted), String(mostPrepared))
    for (const name of [...names, ...names]) assert.deepEqual(await first().ask(run(name)), gave(name))
    first().send(raw.all(...names.map((name) => run(name))))
    for (const name of names) assert.deepEqual(await first().answer(), gave(name))
    const binds = names.map((name) => raw.all(raw.bind([], name), raw.execute()))
    const answers = await first().ask(raw.all(...binds, raw.sync))
    assert.deepEqual(
      answers.filter((line) => line.startsWith('D')),
      names.map((name) => `D ${name}`),
    )
    assert.equal(await first().value(counted), String(mostPrepared))
  })

  it('is forgotten by DEALLOCATE ALL and DISCARD ALL of its client, and by nobody else', async () => {
    for (const statement of ['deallocate all', 'discard all']) {
      await first().ask(raw.parse('select 1', 's'), raw.sync)
      await second().ask(raw.parse('select 1', 's'), raw.sync)
      await first().query(statement)
      assert.deepEqual(await first().ask(run('s')), [missing('s'), 'Z I'])
      assert.deepEqual(await second().ask(run('s')), gave(1))
      await second().ask(raw.closeStatement('s'), raw.sync)
    }
  })

  it('is found again when somebody has dropped it by SQL', async () => {
    await first().ask(raw.parse('select 1', 's'), raw.sync)
    const name = await second().value('select name from pg_prepared_statements')
    await second().query(`deallocate ${name}`)
    assert.deepEqual(await first().ask(run('s')), gave(1))
    await second().query(`do $$ begin execute 'deallocate ${name}'; end $$`)
    await first().ask(run('s'))
    assert.deepEqual(await first().ask(run('s')), gave(1))
  })

  it('whose result has changed is prepared anew', async () => {
    await first().query('create table item (id int)')
    await first().ask(raw.parse('select * from item', 's'), raw.sync)
    await first().ask(run('s'))
    await first().query('alter table item add name text')
    const changed = 'E ERROR 0A000: cached plan must not change result type'
    assert.deepEqual(await first().ask(run('s')), [changed, 'Z I'])
    assert.deepEqual(await first().ask(run('s')), ['2', 'C SELECT 0', 'Z I'])
    await first().query('drop table item')
  })

  it('has the types that its tables have by then, whoever has prepared the same text before they were changed', async () => {
    const text = 'insert into item values ($1) returning v'
    const value = '123456789.123456789'
    await first().query('drop table if exists item; create table item (v real)')
    const keeps = raw.all(raw.parse(text, 's'), raw.bind(['1'], 's'), raw.execute(), raw.sync)
    await first().ask(keeps)
    for (const change of [
      'alter table item alter v type numeric',
      "do $$ begin execute 'alter table item alter v type numeric'; end $$",
    ]) {
      await second().query('drop table if exists item; create table item (v real)')
      const old = await pooler.login()
      await old.ask(keeps)
      await second().query(change)
      const anew = await pooler.login()
      assert.deepEqual(await anew.ask(raw.parse(text, 's'), raw.bind([value], 's'), raw.execute(), raw.sync), [
        '1',
        '2',
        `D ${value}`,
        'C INSERT 0 1',
        'Z I',
      ])
      for (const client of [old, anew]) client.leave()
    }
  })

  it('is analysed anew by who has changed its tables, in the same transaction or group, and after COMMIT AND CHAIN', async () => {
    const text = 'insert into other_item values ($1) returning v'
    const value = '123456789.123456789'
    const anew = raw.all(
      raw.parse(text, 't'),
      raw.bind([value], 't'),
      raw.execute(),
      raw.parse('select * from other_item', 'u'),
      raw.bind([], 'u'),
      raw.sync,
    )
    const change = 'alter table other_item alter v type numeric'
    const ways: readonly ((one: RawClient) => Promise<string[]>)[] = [
      async (one) => {
        await one.query(`begin; ${change}`)
        return one.ask(anew)
      },
      async (one) => (await one.ask(raw.statement(change), anew)).slice(3),
      async (one) => {
        await one.query(`begin; ${change}; commit and chain`)
        return one.ask(anew)
      },
    ]
    for (const way of ways) {
      await second().query('drop table if exists other_item; create table other_item (v real)')
      const old = await pooler.login()
      const keeps = raw.all(
        raw.parse(text, 's'),
        raw.bind(['1'], 's'),
        raw.execute(),
        raw.parse('select * from other_item', 'r'),
        raw.bind([], 'r'),
        raw.execute(),
      )
      await old.ask(keeps, raw.sync)
      const one = await pooler.login()
      assert.deepEqual((await way(one)).slice(0, 6), ['1', '2', `D ${value}`, 'C INSERT 0 1', '1', '2'])
      await one.query('commit')
      for (const client of [old, one]) client.leave()
    }
  })

  it('that is refused or skipped behind one whose result has changed is none', async () => {
    await other?.query('create table shown (a int)')
    await first().ask(raw.parse('select * from shown', 'y'), raw.bind([], 'y'), raw.execute(), raw.sync)
    await other?.query('alter table shown add b int')
    await first().query('begin')
    first().send(raw.all(raw.bind([], 'y'), raw.execute(), raw.sync, raw.parse('select 7', 'x'), raw.sync))
    for (const code of ['0A000', '25P02']) assert.match(String(await first().answer()), new RegExp(`^E ERROR ${code}`))
    await first().query('rollback')
    assert.deepEqual(await first().ask(raw.parse('select 8', 'x'), raw.sync), parsed)
  })

  it('tells whoever has described it that its result has changed, though another client was told before', async () => {
    await other?.query('create table told (a int, b text)')
    const parse = raw.all(
      raw.parse('select * from told', 's'),
      raw.describeStatement('s'),
      raw.bind([], 's'),
      raw.execute(),
    )
    for (const client of [first(), second()]) await client.ask(parse, raw.sync)
    await other?.query('alter table told add c int')
    const changed = 'E ERROR 0A000: cached plan must not change result type'
    for (const client of [first(), second()]) {
      assert.deepEqual(await client.ask(run('s')), [changed, 'Z I'])
      assert.deepEqual(await client.ask(run('s')), ['2', 'C SELECT 0', 'Z I'])
    }
    const anew = await pooler.login()
    assert.equal((await anew.ask(parse, raw.sync)).filter((line) => line.startsWith('E')).length, 0)
  })

  it('is given back by a client that has vanished in a pipeline', async () => {
    const text = `select 1 /*${'x'.repeat(3_900_000)}*/`
    for (let n = 0; n < 40; n++) {
      const client = await pooler.login()
      assert.deepEqual(await client.ask(raw.parse(`${text} -- ${n}`, 's'), raw.sync), parsed)
      client.send(raw.query('select pg_sleep(0.02)'), raw.parse('bad'), raw.closeStatement('s'), raw.sync)
      await Bun.sleep(5)
      client.vanish()
    }
    assert.deepEqual(await first().ask(raw.parse('select 1', 's'), raw.sync), parsed)
  })

  it('is answered in a failed transaction as PostgreSQL does', async () => {
    await first().ask(raw.parse('select 1', 's'), raw.sync)
    await second().query('begin')
    await second().query('select 1/0')
    const aborted = 'E ERROR 25P02: current transaction is aborted, commands ignored until end of transaction block'
    assert.deepEqual(await second().ask(raw.parse('select 1', 's'), raw.sync), [aborted, 'Z E'])
    assert.deepEqual(await second().ask(raw.parse('rollback', 'r'), raw.sync), ['1', 'Z E'])
    assert.deepEqual(await second().ask(run('r')), ['2', 'C ROLLBACK', 'Z I'])
    assert.deepEqual(await first().ask(run('s')), gave(1))
  })

  it('is not given in a transaction that fails in the same pipeline', async () => {
    await first().ask(raw.parse('select 1', 's'), raw.sync)
    second().send(raw.query('begin'), raw.query('select 1/0'), raw.parse('select 1', 's'), raw.sync)
    assert.deepEqual(await second().answer(), ['C BEGIN', 'Z T'])
    assert.deepEqual(await second().answer(), ['E ERROR 22012: division by zero', 'Z E'])
    const aborted = 'E ERROR 25P02: current transaction is aborted, commands ignored until end of transaction block'
    assert.deepEqual(await second().answer(), [aborted, 'Z E'])
    await second().query('rollback')
    assert.deepEqual(await second().ask(run('s')), [missing('s'), 'Z I'])
  })

  describe('behind something that drops all statements in the same group', () => {
    const dropped = ['1', '2', 'C DEALLOCATE ALL']
    const set = raw.statement("set statement_timeout = '1h'")

    it('is there, also behind another statement without a name', async () => {
      const again = raw.all(raw.parse('select 7', 'seven'), set, run('seven'))
      const seen = await first().ask(raw.statement('deallocate all'), again)
      assert.deepEqual(seen, [...dropped, '1', '1', '2', 'C SET', ...gave(7)])
      assert.deepEqual(await first().ask(run('seven')), gave(7))
    })

    it('stays, if what drops all once more is skipped', async () => {
      const more = raw.all(raw.parse('select 7', 'seven'), raw.statement('selec'), raw.statement('deallocate all'))
      const seen = await first().ask(raw.statement('deallocate all'), more, raw.sync)
      assert.deepEqual(seen, [...dropped, '1', 'E ERROR 42601: syntax error at or near "selec"', 'Z I'])
      assert.deepEqual(await first().ask(run('seven')), gave(7))
    })

    it('does not come back, if its name is given anew or deallocated where that is skipped', async () => {
      for (const skipped of [raw.parse('select 8', 'seven'), raw.query('deallocate seven')]) {
        await first().ask(raw.parse('select 7', 'seven'), raw.sync)
        const seen = await first().ask(raw.statement('deallocate all'), raw.parse('selec'), skipped, raw.sync)
        assert.deepEqual(seen, [...dropped, 'E ERROR 42601: syntax error at or near "selec"', 'Z I'])
        assert.deepEqual(await first().ask(run('seven')), [missing('seven'), 'Z I'])
      }
    })
  })

  it('stays, if a DEALLOCATE of it fails, behind a semicolon, too', async () => {
    await first().ask(raw.parse('select 1', 's'), raw.sync)
    first().send(raw.query('begin'), raw.query('select 1/0'), raw.query(';deallocate s'), raw.query('rollback'))
    for (let n = 0; n < 2; n++) await first().answer()
    assert.match(String(await first().answer()), /^E ERROR 25P02/)
    await first().answer()
    assert.deepEqual(await first().ask(run('s')), gave(1))
  })

  it('stays for the rest of a pipeline, if a DEALLOCATE of it is skipped', async () => {
    await first().ask(raw.parse('select 7', 'seven'), raw.sync)
    first().send(raw.parse('selec'), raw.query('deallocate seven'), raw.sync, run('seven'))
    assert.deepEqual(await first().answer(), ['E ERROR 42601: syntax error at or near "selec"', 'Z I'])
    assert.deepEqual(await first().answer(), gave(7))
  })

  it('may be long, and come in pieces', async () => {
    const long = `select '${'x'.repeat(600_000)}'`
    first().send(raw.parse(long, 'long').subarray(0, 300_000))
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(await second().value('select 1'), '1')
    first().send(raw.parse(long, 'long').subarray(300_000), raw.sync)
    assert.deepEqual(await first().answer(), parsed)
    const [, row] = await moved(() => first().ask(run('long')))
    assert.equal(row?.length, 2 + 600_000)
    const tooLong = raw.parse(`select '${'x'.repeat(5_000_000)}'`, 'longer')
    first().send(tooLong, raw.sync)
    assert.match(String(await first().rest()), /^E FATAL 54000: a named statement of 5,000,\d+ bytes is too long/)
  })

  it('reads a Bind of any length in any pieces', async () => {
    await first().ask(raw.parse('select length($1::text)', 's'), raw.sync)
    const group = raw.all(raw.bind(['y'.repeat(100_000)], 's'), raw.execute(), raw.sync)
    for (const at of [1, 5, 6, 7, 8, 9, 20, 16_384, 50_000]) {
      first().send(group.subarray(0, at))
      await new Promise((resolve) => setTimeout(resolve, 2))
      first().send(group.subarray(at))
      assert.deepEqual(await first().answer(), gave(100_000))
    }
    await first().sendBytewise(raw.all(raw.parse('select 8', 'bytes'), raw.describeStatement('bytes'), run('bytes')))
    assert.deepEqual(await first().answer(), ['1', 't 0000', 'T ?column?', '2', 'D 8', 'C SELECT 1', 'Z I'])
  })
})

describe('the unnamed statement', () => {
  let pooler: TestPooler
  let [one, two, other]: RawClient[] = []

  beforeEach(async () => {
    pooler = await poolers.start({ poolSize: 2 })
    ;[one, two, other] = [await pooler.login(), await pooler.login(), await pooler.login()]
  })

  const first = (): RawClient => one as RawClient
  const second = (): RawClient => two as RawClient
  const moved = <T>(ask: () => Promise<T>): Promise<T> => elsewhere(other as RawClient, ask)
  const none = 'E ERROR 26000: unnamed prepared statement does not exist'

  it('is there at its Bind, on whichever server, and never that of another client', async () => {
    await first().ask(raw.parse('select 1'), raw.sync)
    await second().ask(raw.parse('select 2'), raw.sync)
    assert.deepEqual(await first().ask(run('')), gave(1))
    assert.deepEqual(await second().ask(run('')), gave(2))
    assert.deepEqual(await moved(() => first().ask(run(''))), gave(1))
    assert.deepEqual(await first().ask(raw.describeStatement(), raw.sync), ['t 0000', 'T ?column?', 'Z I'])
  })

  it('is the newest of its client, on whichever server', async () => {
    await first().ask(raw.parse('select 1'), raw.sync)
    await moved(() => first().ask(raw.parse('select 2'), raw.sync))
    assert.deepEqual(await first().ask(run('')), gave(2))
  })

  it('is dropped by a Query, a Close and a Parse that fails, on every server', async () => {
    const drops = [
      raw.query('select 1'),
      raw.all(raw.closeStatement(''), raw.sync),
      raw.all(raw.parse('selec'), raw.sync),
    ]
    for (const drop of drops) {
      await first().ask(raw.parse('select 1'), raw.sync)
      await first().ask(drop)
      assert.deepEqual(await first().ask(run('')), [none, 'Z I'])
      assert.deepEqual(await moved(() => first().ask(run(''))), [none, 'Z I'])
    }
  })

  it('is that of a later group, if one of an earlier group fails', async () => {
    first().send(raw.all(raw.parse('selec'), raw.sync, raw.parse('select 2'), raw.sync))
    assert.match(String(await first().answer()), /^E ERROR 42601/)
    assert.deepEqual(await first().answer(), parsed)
    assert.deepEqual(await moved(() => first().ask(run(''))), gave(2))
  })

  it('is left as it was by what is skipped once an error is known', async () => {
    await first().ask(raw.parse('select 1'), raw.sync)
    first().send(raw.describeStatement('none'), raw.flush)
    await first().until('E')
    assert.deepEqual(await first().ask(raw.parse('select 2'), raw.closeStatement(''), raw.query('x'), raw.sync), [
      'Z I',
    ])
    assert.deepEqual(await first().ask(run('')), gave(1))
    assert.deepEqual(await moved(() => first().ask(run(''))), gave(1))
  })

  it('of another client is not there for a client that has none', async () => {
    await second().ask(raw.parse('select 2'), raw.sync)
    assert.deepEqual(await first().ask(run('')), [none, 'Z I'])
    assert.deepEqual(await first().ask(raw.describeStatement(), raw.sync), [none, 'Z I'])
    assert.deepEqual(await second().ask(run('')), gave(2))
  })

  it('of another client is not there for a pipeline in which something is skipped', async () => {
    const skipped = [
      [raw.bind([], 'none'), raw.parse('select 1')],
      [raw.bind([], 'none'), raw.bind()],
      [raw.bind([], 'none'), raw.describeStatement()],
    ]
    for (const messages of skipped) {
      await second().ask(raw.statement("select 'secret'"), raw.sync)
      first().send(...messages, raw.sync, run(''), raw.describeStatement(), raw.sync)
      await first().answer()
      assert.deepEqual(
        [await first().answer(), await first().answer()],
        [
          [none, 'Z I'],
          [none, 'Z I'],
        ],
      )
    }
    await second().ask(raw.statement("select 'secret'"), raw.sync)
    first().send(raw.bind([], 'none'), raw.query('select 1'), raw.query('select 1'), raw.sync, run(''))
    await first().answer()
    assert.deepEqual(await first().answer(), [none, 'Z I'])
  })

  it('is what was parsed last in its group, and nothing that was before', async () => {
    const group = [raw.statement('deallocate all'), raw.parse('select 5', 's'), raw.statement('select 6')]
    const answer = await first().ask(...group, raw.bind([], 's'), raw.execute(), raw.sync)
    assert.deepEqual(answer.slice(-3), ['D 5', 'C SELECT 1', 'Z I'])
    const drops = Array.from({ length: 120 }, (_, n) => raw.statement(`drop table if exists n${n}`))
    await first().ask(...drops, raw.sync)
    assert.equal(pooler.figures.pins().length, 0)
    assert.deepEqual(await first().ask(run('s')), gave(5))
  })

  it('of another client is not there either when a Close of it, or a Query, was skipped', async () => {
    for (const skipped of [raw.closeStatement(''), raw.query('select 3')]) {
      await second().ask(raw.parse('select 2'), raw.sync)
      assert.deepEqual((await second().ask(raw.bind([], 'none'), skipped, raw.sync)).at(-1), 'Z I')
      assert.deepEqual(await first().ask(run('')), [none, 'Z I'])
    }
  })
})

describe('with max_prepared_statements = 0', () => {
  it('names are left as they are, for the length of a transaction', async () => {
    const pooler = await poolers.start({ poolSize: 1, maxPreparedStatements: 0 })
    const [one, two] = [await pooler.login(), await pooler.login()]
    await one.query('begin')
    await one.ask(raw.parse('select 5', 'mine'), raw.sync)
    assert.deepEqual(await one.ask(run('mine')), ['2', 'D 5', 'C SELECT 1', 'Z T'])
    await one.query('commit')
    assert.equal(await two.value(onServer), 'nothing')
    assert.deepEqual(await one.ask(run('mine')), [missing('mine'), 'Z I'])
  })
})

describe('with max_prepared_statements = 0 and a policy', () => {
  it('what must not run is not prepared either', async () => {
    for (const sessionState of ['track', 'reject'] as const) {
      const pooler = await poolers.start({ poolSize: 1, maxPreparedStatements: 0, sessionState })
      const one = await pooler.login()
      const code = sessionState === 'track' ? '53300' : '0A000'
      const lock = raw.all(raw.parse('select pg_advisory_lock(5)', 'n'), raw.bind([], 'n'), raw.execute(), raw.sync)
      assert.match(String(await one.ask(lock)), new RegExp(`^E ERROR ${code}: [^,]*, [^,]*,Z I$`))
      assert.equal(await one.value("select count(*) from pg_locks where locktype = 'advisory'"), '0')
      assert.deepEqual(await one.query('select 1'), ['T ?column?', 'D 1', 'C SELECT 1', 'Z I'])
    }
  })

  it('what is set follows its client, whenever it runs', async () => {
    const pooler = await poolers.start({ poolSize: 2, maxPreparedStatements: 0 })
    const [one, two] = [await pooler.login(), await pooler.login()]
    for (let n = 0; n < 20; n++) {
      await one.query('begin')
      await one.ask(raw.parse(`set app.n = '${n}'`, 'n'), raw.sync)
      await one.ask(run('n'))
      await one.query('commit')
      assert.ok([null, ''].includes(await two.value("select current_setting('app.n', true)")))
      assert.equal(await one.value("select current_setting('app.n', true)"), String(n))
    }
  })
})

describe('in statement mode', () => {
  it('statements follow their client, too', async () => {
    const pooler = await poolers.start({ poolSize: 2, poolMode: 'statement' })
    const [one, two] = [await pooler.login(), await pooler.login()]
    await one.ask(raw.parse('select 1', 's'), raw.sync)
    await two.ask(raw.parse('select 2', 's'), raw.sync)
    one.send(raw.all(...Array.from({ length: 20 }, () => run('s'))))
    two.send(raw.all(...Array.from({ length: 20 }, () => run('s'))))
    for (let n = 0; n < 20; n++) {
      assert.deepEqual(await one.answer(), gave(1))
      assert.deepEqual(await two.answer(), gave(2))
    }
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
