/**
 * What a client changes in its session beyond its transaction, in transaction mode: under `session_state = track` it follows the client, or the
 * client keeps its server; no other client ever meets it.
 */

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { eventually, TestPoolers, type TestPooler, type TestPoolerOptions } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'

let postgres: TestPostgres
const poolers = new TestPoolers(() => postgres.port)

before(async () => {
  postgres = await startTestPostgres()
  const direct = await RawClient.login(postgres.port)
  await direct.query(
    'create role plain login; grant plain to postgres; create sequence numbers; create table item (id int)',
  )
  await direct.query(
    "create function hide(text) returns void language plpgsql as $$ begin perform set_config('app.tenant', $1, false); end $$",
  )
  await direct.query(
    "create function covertly() returns void language plpgsql as 'begin execute $$listen covert$$; end'",
  )
  direct.leave()
})

after(async () => {
  await poolers.remove()
  await postgres.remove()
})

const pid = (client: RawClient): Promise<string | null> => client.value('select pg_backend_pid()')
const show = (client: RawClient, name: string): Promise<string | null> =>
  client.value(`select current_setting('${name}', true)`)

interface Trio {
  readonly pooler: TestPooler
  readonly one: RawClient
  readonly two: RawClient
  readonly other: RawClient
}

async function trio(options: TestPoolerOptions = {}): Promise<Trio> {
  const pooler = await poolers.start({ poolSize: 2, ...options })
  return { pooler, one: await pooler.login(), two: await pooler.login(), other: await pooler.login() }
}

async function until(holds: () => boolean): Promise<void> {
  for (let waitedMs = 0; !holds(); waitedMs += 5) {
    assert.ok(waitedMs < 5_000, 'it does not come to hold')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** While another client holds the server that was used last. */
async function elsewhere<T>(other: RawClient, ask: () => Promise<T>): Promise<T> {
  await other.query('begin')
  try {
    return await ask()
  } finally {
    await other.query('rollback')
  }
}

describe('a parameter that PostgreSQL does not report', () => {
  let clients: Trio
  const first = (): RawClient => clients.one
  const second = (): RawClient => clients.two
  const moved = <T>(ask: () => Promise<T>): Promise<T> => elsewhere(clients.other, ask)

  beforeEach(async () => {
    clients = await trio()
  })

  it('follows its client, and nobody else', async () => {
    await first().query("set work_mem = '5MB'")
    assert.equal(await show(second(), 'work_mem'), '4MB')
    assert.equal(await show(first(), 'work_mem'), '5MB')
    assert.equal(await moved(() => show(first(), 'work_mem')), '5MB')
    assert.equal(await show(second(), 'work_mem'), '4MB')
    await first().query('reset work_mem')
    assert.equal(await moved(() => show(first(), 'work_mem')), '4MB')
  })

  it('may be of anybody, set in any way', async () => {
    const ways: Record<string, string> = {
      one: "set app.tenant = 'one'",
      two: "select set_config('app.tenant', 'two', false)",
      three: "do $$ begin perform set_config('app.tenant', 'three', false); end $$",
      four: "begin; set app.tenant = 'four'; commit",
      five: "begin; savepoint a; set app.tenant = 'no'; rollback to a; set app.tenant = 'five'; commit",
    }
    for (const [value, way] of Object.entries(ways)) {
      await first().query(way)
      assert.ok([null, ''].includes(await show(second(), 'app.tenant')), way)
      assert.equal(await show(first(), 'app.tenant'), value)
      assert.equal(await moved(() => show(first(), 'app.tenant')), value)
    }
  })

  it('is as it was after a rollback, to a savepoint, too, and after an error', async () => {
    await first().query("set statement_timeout = '11s'")
    const ways = [
      ['begin', "set statement_timeout = '12s'", 'rollback'],
      ['begin', 'savepoint a', "set statement_timeout = '13s'", 'rollback to a', 'commit'],
      ['begin', "set statement_timeout = '14s'", 'select 1/0', 'commit'],
      ["set statement_timeout = '15s'; select 1/0"],
      ['begin', "set local statement_timeout = '16s'", 'commit'],
    ]
    for (const way of ways) {
      for (const text of way) await first().query(text)
      assert.equal(await show(first(), 'statement_timeout'), '11s', way.join(';'))
      assert.equal(await moved(() => show(first(), 'statement_timeout')), '11s', way.join(';'))
      assert.equal(await show(second(), 'statement_timeout'), '0')
    }
  })

  it('is as it was after a rollback to a savepoint behind which it was reset', async () => {
    await first().query("begin; set work_mem = '5MB'; savepoint a; reset work_mem; rollback to a; commit")
    assert.equal(await show(second(), 'work_mem'), '4MB')
    assert.equal(await moved(() => show(first(), 'work_mem')), '5MB')
    await first().query("do $$ begin perform set_config('work_mem', '7MB', false); end $$")
    await first().query('begin; savepoint a; reset work_mem; rollback to a; commit')
    assert.equal(await moved(() => show(first(), 'work_mem')), '7MB')
    const computed = "select set_config(n, '6MB', false) from (values ('work_mem')) v (n)"
    await first().query(`begin; reset work_mem; ${computed}; commit`)
    assert.equal(await show(second(), 'work_mem'), '4MB')
    assert.equal(await moved(() => show(first(), 'work_mem')), '6MB')
  })

  it('that can not be set is not carried', async () => {
    const plain = await clients.pooler.login({ user: 'plain' })
    for (const text of [
      'set port = 1',
      'set log_statement = all',
      'set auto_explain.x = 1',
      'set data_directory = x',
    ]) {
      await plain.query(text)
      await plain.query('select 1/0')
      assert.equal(await plain.value('select 1'), '1', text)
      await second().query('select 1')
      assert.equal(await plain.value('select 1'), '1', text)
    }
    await plain.query("set work_mem = '5MB'")
    await plain.query("begin; set work_mem = '6MB'; savepoint a; select 1/0")
    await plain.query('commit')
    assert.equal(await show(plain, 'work_mem'), '5MB')
    plain.leave()
  })

  it('is known when it comes in pieces', async () => {
    const text = raw.query(`set app.long = '${'x'.repeat(70_000)}'`)
    first().send(text.subarray(0, 300))
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(String(await first().ask(text.subarray(300))), 'C SET,Z I')
    assert.notEqual((await show(second(), 'app.long'))?.length, 70_000)
    assert.equal((await moved(() => show(first(), 'app.long')))?.length, 70_000)
  })

  it('goes with DISCARD ALL and RESET ALL', async () => {
    for (const way of ['discard all', 'reset all']) {
      await first().query("set work_mem = '6MB'; set app.tenant = 'x'")
      await first().query(way)
      assert.equal(await show(first(), 'work_mem'), '4MB')
      assert.equal(await moved(() => show(first(), 'work_mem')), '4MB')
      assert.ok([null, ''].includes(await moved(() => show(first(), 'app.tenant'))))
    }
  })

  it('is known though it was set behind a DISCARD ALL of the same pipeline', async () => {
    const sets = [
      raw.query("set work_mem = '6MB'; set app.tenant = 'x'"),
      raw.all(raw.statement('select set_config($1, $2, false)', ['work_mem', '6MB']), raw.sync),
      raw.query("do $$ begin set work_mem = '6MB'; end $$"),
    ]
    for (const sessionState of ['track', 'pin', 'reset'] as const) {
      const { one, two, other } = await trio({ sessionState, poolSize: 3 })
      for (const set of sets) {
        for (const discards of [
          raw.query('discard all'),
          raw.all(raw.query('discard all'), raw.query('discard all')),
        ]) {
          one.send(discards, set)
          await one.answer()
          if (discards.length > 17) await one.answer()
          await one.answer()
          if (sessionState !== 'reset') assert.equal(await show(one, 'work_mem'), '6MB')
          const others = [await show(two, 'work_mem'), await elsewhere(two, () => show(other, 'work_mem'))]
          assert.deepEqual(others, ['4MB', '4MB'], sessionState)
          await one.query('discard all')
        }
      }
    }
  })

  it('is that of the startup packet again behind RESET and DISCARD ALL', async () => {
    for (const way of ['reset work_mem; reset application_name', 'reset all', 'discard all']) {
      const eager = await clients.pooler.login({ options: '-c work_mem=7MB', application_name: 'eager' })
      await eager.query("set work_mem = '8MB'; set application_name = 'other'")
      await eager.query(way)
      await eager.query('select 1')
      assert.equal(await show(eager, 'work_mem'), '7MB', way)
      assert.equal(await show(eager, 'application_name'), 'eager', way)
      assert.equal(eager.parameters.get('application_name'), 'eager', way)
      assert.equal(await moved(() => show(eager, 'work_mem')), '7MB', way)
      eager.leave()
    }
  })

  it('may be named in the startup packet', async () => {
    const eager = await clients.pooler.login({ options: '-c statement_timeout=7s -c work_mem=7MB' })
    assert.equal(await show(eager, 'statement_timeout'), '7s')
    assert.equal(await moved(() => show(eager, 'work_mem')), '7MB')
    assert.equal(await show(second(), 'work_mem'), '4MB')
  })

  it('is set by the extended protocol, too, and by a prepared statement again and again', async () => {
    await first().ask(raw.statement("set work_mem = '8MB'"), raw.sync)
    assert.equal(await moved(() => show(first(), 'work_mem')), '8MB')
    await first().ask(raw.parse("set work_mem = '9MB'", 'nine'), raw.sync)
    assert.equal(await show(first(), 'work_mem'), '8MB')
    await moved(() => first().ask(raw.bind([], 'nine'), raw.execute(), raw.sync))
    assert.equal(await show(first(), 'work_mem'), '9MB')
    assert.equal(await show(second(), 'work_mem'), '4MB')
    await first().query('reset work_mem')
    await first().ask(raw.bind([], 'nine'), raw.execute(), raw.sync)
    assert.equal(await moved(() => show(first(), 'work_mem')), '9MB')
  })

  it('is set by the unnamed statement, though a newer one or a Close of it was sent, which is skipped', async () => {
    const { one, two } = await trio({ poolSize: 1 })
    for (const skipped of [
      raw.parse('select 1'),
      raw.closeStatement(''),
      raw.all(raw.parse('select 1'), raw.query('x')),
    ]) {
      one.send(raw.parse("set work_mem = '1MB'"), raw.sync)
      one.send(raw.bind([], 'none'), skipped, raw.sync, raw.bind(), raw.execute(), raw.sync)
      const answers = [await one.answer(), await one.answer(), await one.answer()]
      assert.deepEqual(answers.at(-1)?.at(-1), 'Z I')
      assert.equal(await show(two, 'work_mem'), '4MB')
      await one.query('reset work_mem')
    }
  })

  it('may have its name in a Bind, also one that nobody knows of', async () => {
    const set = 'select set_config($1, $2, false)'
    await first().ask(raw.statement(set, ['app.Bound', 'one']), raw.sync)
    assert.equal(await show(second(), 'app.bound'), '')
    assert.equal(await moved(() => show(first(), 'app.bound')), 'one')
    await second().ask(raw.parse(set, 'set'), raw.sync)
    await second().ask(raw.bind(['app.bound', 'two'], 'set'), raw.execute(), raw.sync)
    assert.equal(await show(first(), 'app.bound'), 'one')
    assert.equal(await moved(() => show(second(), 'app.bound')), 'two')
  })

  it('is exit_on_error alone', async () => {
    await first().query('set exit_on_error = on')
    assert.equal(await moved(() => show(first(), 'exit_on_error')), 'on')
    assert.equal(await show(second(), 'exit_on_error'), 'off')
    await assert.rejects(
      moved(() => first().query('select 1/0')),
      /FATAL 22012/,
    )
  })

  it('is the role', async () => {
    await first().query('set role plain')
    assert.equal(await second().value('select current_user'), 'postgres')
    assert.equal(await first().value('select current_user'), 'plain')
    assert.equal(await moved(() => first().value('select current_user')), 'plain')
    await first().query("set work_mem = '5MB'")
    await first().query('reset role')
    assert.equal(await moved(() => first().value('select current_user')), 'postgres')
    assert.equal(await first().value('select current_user'), 'postgres')
  })

  it('may be set in a pipeline with what reads it', async () => {
    first().send(raw.query("set work_mem = '5MB'"), raw.query('show work_mem'), raw.query('reset work_mem'))
    first().send(raw.query('show work_mem'))
    const answers = [...(await first().answer()), ...(await first().answer())]
    answers.push(...(await first().answer()), ...(await first().answer()))
    assert.deepEqual(
      answers.filter((line) => line.startsWith('D')),
      ['D 5MB', 'D 4MB'],
    )
    assert.equal(await moved(() => show(first(), 'work_mem')), '4MB')
  })

  it('is not left behind by a client that vanishes, at whatever moment', async () => {
    for (const leave of ['leave', 'vanish', 'reset'] as const) {
      const gone = await clients.pooler.login()
      gone.send(raw.query("set work_mem = '9MB'"))
      gone[leave]()
      const open = await clients.pooler.login()
      await open.query("begin; set work_mem = '9MB'")
      open[leave]()
      for (let n = 0; n < 5; n++) assert.equal(await show(second(), 'work_mem'), '4MB')
      assert.equal(await moved(() => show(second(), 'work_mem')), '4MB')
    }
  })
})

describe('what can not be carried', () => {
  let clients: Trio
  const first = (): RawClient => clients.one
  const second = (): RawClient => clients.two

  beforeEach(async () => {
    clients = await trio()
  })

  const pins: Record<string, { make: string; drop: string }> = {
    'temporary objects': { make: 'create temp table scratch (id int)', drop: 'discard temp' },
    'advisory locks': { make: 'select pg_advisory_lock(7)', drop: 'select pg_advisory_unlock(7)' },
    'WITH HOLD cursors': { make: 'declare c cursor with hold for select 1', drop: 'discard all' },
    'SQL PREPARE': { make: 'prepare p as select 1', drop: 'deallocate p' },
  }
  for (const [kind, { make, drop }] of Object.entries(pins)) {
    it(`keeps its server for the client: ${kind}`, async () => {
      const notices = (lines: string[]): string[] => lines.filter((line) => line.startsWith('N NOTICE'))
      const mine = await pid(first())
      await first().query(make)
      await until(() => clients.pooler.figures.pins().length === 1)
      assert.notEqual(await pid(second()), mine)
      const told = notices(await first().query('select 1'))
      assert.equal(told.length, 1)
      assert.match(String(told), new RegExp(kind))
      assert.equal(await pid(first()), mine)
      await first().query(drop)
      assert.deepEqual(notices(await first().query(make)), [])
      await first().query(drop)
      assert.equal(
        await elsewhere(clients.other, () => pid(first())),
        await elsewhere(clients.other, () => pid(first())),
      )
      await until(() => clients.pooler.figures.servers().every(({ state }) => state !== 'active'))
    })

    it(`is gone when the client is: ${kind}`, async () => {
      const gone = await clients.pooler.login()
      const mine = await pid(gone)
      await gone.query(make)
      gone.leave()
      const left = [
        'select count(*) from pg_prepared_statements where from_sql',
        'select count(*) from pg_cursors',
        'select count(*) from pg_listening_channels()',
        "select count(*) from pg_locks where locktype = 'advisory'",
        'select count(*) from pg_class where relnamespace = pg_my_temp_schema()',
      ]
      await first().query('begin')
      for (const client of [first(), second()]) {
        for (const question of left) assert.equal(await client.value(question), '0', `${question} on ${mine}`)
      }
      await first().query('commit')
    })

    it(`keeps nothing when it was rolled back: ${kind}`, async () => {
      if (kind === 'advisory locks' || kind === 'SQL PREPARE') return
      await first().query('begin')
      await first().query(make)
      await first().query('rollback')
      await until(() => clients.pooler.figures.servers().every(({ state }) => state !== 'active'))
    })
  }

  it('LISTEN misses no notification while the session is asked what has become of it', async () => {
    const notifier = await RawClient.login(postgres.port)
    await first().query('listen news')
    const got: string[] = []
    const heard = (): number => got.filter((line) => line.startsWith('A')).length
    for (let round = 0; round < 200; round++) {
      const notified = notifier.query("notify news, 'seven'")
      got.push(...(await first().query('do $$ begin end $$')))
      await notified
    }
    for (let round = 0; heard() < 200 && round < 100; round++) {
      got.push(...(await first().query('select pg_sleep(0.01)')))
    }
    notifier.leave()
    assert.equal(heard(), 200)
  })

  it('may be kept by so many clients only: others are told, and their transaction fails', async () => {
    await first().query('select pg_advisory_lock(1)')
    await second().query('begin')
    const refusal =
      /^E ERROR 53300: advisory locks would keep a server beyond the transaction, and max_pinned is 1,Z E$/
    assert.match(String(await second().query('select pg_advisory_lock(2)')), refusal)
    assert.deepEqual(await second().query('commit'), ['C ROLLBACK', 'Z I'])
    assert.match(
      String(await second().ask(raw.statement('prepare p as select 1'), raw.sync)),
      /^1,E ERROR 53300: SQL PREPARE would keep .*,Z I$/,
    )
    await second().ask(raw.parse('prepare p as select 1', 'l'), raw.sync)
    const group = raw.all(raw.bind([], 'l'), raw.execute(), raw.sync)
    assert.match(String(await second().ask(group)), /^E ERROR 53300: SQL PREPARE would keep .*,Z I$/)
    assert.deepEqual(await second().query('select 2'), ['T ?column?', 'D 2', 'C SELECT 1', 'Z I'])
    await first().query('select pg_advisory_unlock(1)')
    await until(() => clients.pooler.figures.pins().length === 0)
    assert.deepEqual((await second().ask(group)).slice(0, 2), ['2', 'C PREPARE'])
  })

  it('costs the server when nothing undoes it', async () => {
    const gone = await clients.pooler.login()
    const mine = await pid(gone)
    await gone.query('select setseed(0.5)')
    assert.equal(await pid(gone), mine)
    gone.leave()
    for (let n = 0; n < 4; n++) assert.notEqual(await elsewhere(clients.other, () => pid(first())), mine)
  })
})

describe('what a session last drew from a sequence', () => {
  it('is read by nobody else', async () => {
    const { one, two } = await trio({ poolSize: 1 })
    await one.query("select nextval('numbers')")
    assert.match(String(await two.query('select lastval()')), /,E ERROR 55000/)
    await one.query("select nextval('numbers')")
    assert.match(String(await two.ask(raw.statement("select currval('numbers')"), raw.sync)), /E ERROR 55000/)
    await two.query('begin')
    await two.query("select nextval('numbers')")
    assert.equal((await two.query('select lastval()'))[0], 'T lastval')
    await two.query('commit')
  })
})

describe('a statement that is deallocated in SQL', () => {
  it('is gone for its client, and for nobody else', async () => {
    const { one, two } = await trio()
    for (const client of [one, two]) await client.ask(raw.parse('select 1', 'pdo_stmt_1'), raw.sync)
    assert.deepEqual(await one.query('DEALLOCATE pdo_stmt_1'), ['C DEALLOCATE', 'Z I'])
    const run = raw.all(raw.bind([], 'pdo_stmt_1'), raw.execute(), raw.sync)
    assert.match(String(await one.ask(run)), /^E ERROR 26000/)
    assert.deepEqual(await two.ask(run), ['2', 'D 1', 'C SELECT 1', 'Z I'])
    assert.match(String(await one.query('deallocate pdo_stmt_1')), /^E ERROR 26000: .*"pdo_stmt_1" does not exist/)
  })
})

describe('session_state = reset', () => {
  it('removes what a client has left when another one comes', async () => {
    const { one, two } = await trio({ poolSize: 1, sessionState: 'reset' })
    await one.query(
      "set work_mem = '5MB'; set role plain; create temp table scratch (id int); declare c cursor with hold for select 1",
    )
    await one.query('select pg_advisory_lock(7)')
    assert.equal(await show(one, 'work_mem'), '5MB')
    await one.query("set time zone 'Asia/Tokyo'")
    assert.equal(await show(two, 'work_mem'), '4MB')
    assert.equal(await two.value('select current_user'), 'postgres')
    assert.equal(await two.value('select count(*) from pg_cursors'), '0')
    assert.equal(await two.value("select count(*) from pg_locks where locktype = 'advisory'"), '0')
    assert.equal(await two.value("select to_regclass('scratch')"), null)
    assert.equal(
      await two.value('show time zone'),
      await two.value("select reset_val from pg_settings where name = 'TimeZone'"),
    )
    assert.equal(await one.value('show time zone'), 'Asia/Tokyo')
    assert.equal(await show(one, 'work_mem'), '4MB')
  })
})

describe('what is prepared under session_state = reset', () => {
  it('is not what it was under the settings of another client', async () => {
    const { one, two } = await trio({ poolSize: 1, sessionState: 'reset' })
    const text = "select '{null}'::text[] is distinct from array[null::text]"
    const group = raw.all(raw.parse(text, 's'), raw.bind([], 's'), raw.execute(), raw.sync)
    await one.query('set array_nulls = off')
    assert.ok((await one.ask(group)).includes('D t'))
    assert.ok((await two.ask(group)).includes('D f'))
  })
})

describe('session_state = reject', () => {
  it('refuses what would outlast its transaction', async () => {
    const { one, two } = await trio({ sessionState: 'reject' })
    for (const text of [
      "set work_mem = '5MB'",
      'listen news',
      'create temp table t (id int)',
      'select pg_advisory_lock(1)',
    ]) {
      assert.match(String(await one.query(text)), /^E ERROR 0A000: .*session_state is reject,Z I$/, text)
    }
    assert.deepEqual(await one.query("begin; set local work_mem = '5MB'; commit"), [
      'C BEGIN',
      'C SET',
      'C COMMIT',
      'Z I',
    ])
    await one.query('begin')
    assert.match(String(await one.query('set work_mem = 1000')), /^E ERROR 0A000.*,Z E$/)
    assert.deepEqual(await one.query('commit'), ['C ROLLBACK', 'Z I'])
    await one.query("do $$ begin perform set_config('app.tenant', 'x', false); end $$")
    assert.ok([null, ''].includes(await show(two, 'app.tenant')))
    const named = raw.bind(['app.tenant'])
    const [, refusal] = await one.ask(raw.parse("select set_config($1, 'x', false)"), named, raw.execute(), raw.sync)
    assert.match(String(refusal), /^E ERROR 0A000: set_config would outlast/)
  })
})

describe('session_state = pin', () => {
  it('keeps the server for whoever sets something', async () => {
    const { one, two } = await trio({ sessionState: 'pin' })
    const mine = await pid(one)
    await one.query("set work_mem = '5MB'")
    assert.notEqual(await pid(two), mine)
    assert.equal(await show(one, 'work_mem'), '5MB')
    assert.equal(await pid(one), mine)
    one.leave()
    assert.equal(await show(two, 'work_mem'), '4MB')
  })

  it('gives what the startup packet has set back behind RESET ALL', async () => {
    const { pooler } = await trio({ sessionState: 'pin' })
    const one = await pooler.login({ application_name: 'eager' })
    await one.query("set work_mem = '5MB'; set application_name = 'other'")
    await one.query('reset all')
    assert.equal(await show(one, 'application_name'), 'eager')
    one.leave()
  })
})

describe('what the connect query has set', () => {
  it('every client has, whatever others set and reset', async () => {
    const connectQuery = "set statement_timeout = '31s'; set app.operator = 'set'"
    const { one, two } = await trio({ poolSize: 1, databases: { postgres: { connectQuery } } })
    const isThere = async (client: RawClient): Promise<void> => {
      assert.equal(await show(client, 'statement_timeout'), '31s')
      assert.equal(await show(client, 'app.operator'), 'set')
    }
    await isThere(one)
    for (const text of [
      "set work_mem = '5MB'",
      'reset all',
      'discard all',
      'do $$ begin end $$',
      'select pg_advisory_lock(1)',
    ]) {
      await one.query(text)
      await one.query('select pg_advisory_unlock_all()')
      await isThere(two)
      await isThere(one)
    }
  })
})

describe('a session that another client has left', () => {
  it("is nobody's who has called a function by the protocol", async () => {
    const { one, two } = await trio({ poolSize: 1 })
    const setConfig = 2_078
    await one.ask(raw.functionCall(setConfig, ['app.tenant', 'mine', 'f']))
    assert.ok([null, ''].includes(await show(two, 'app.tenant')))
    assert.equal(await show(one, 'app.tenant'), 'mine')
  })

  it('gives no notification to the next one, under reset either', async () => {
    for (const sessionState of ['reset', 'track'] as const) {
      const { one, two } = await trio({ poolSize: 1, sessionState })
      const [text, channel] = sessionState === 'reset' ? ['listen news', 'news'] : ['select covertly()', 'covert']
      await one.query(text)
      for (let n = 0; n < 20; n++) {
        await one.query('select 1')
        two.send(raw.query(`notify ${channel}, 'none of yours'`))
        assert.deepEqual(await two.answer(), ['C NOTIFY', 'Z I'])
      }
      await two.staysSilent(20)
    }
  })

  it('gives none to the next one that listens to something else, then and later', async () => {
    const { one, two, other } = await trio({ poolSize: 1 })
    await one.query('select covertly()')
    await two.query('listen other')
    for (let n = 0; n < 5; n++) {
      await other.query("notify covert, 'none of yours'")
      assert.deepEqual(await two.query('select 1'), ['T ?column?', 'D 1', 'C SELECT 1', 'Z I'])
    }
    await other.query("notify other, 'yours'")
    assert.deepEqual((await two.until('A')).length, 1)
  })

  it('may be in another encoding', async () => {
    const { one, two } = await trio({ poolSize: 1 })
    await two.query("set app.name = 'caf\u00e9'")
    await one.query('set client_encoding = sjis')
    assert.equal(await show(one, 'client_encoding'), 'SJIS')
    assert.equal(await show(two, 'client_encoding'), 'UTF8')
    assert.equal(await two.value("select current_setting('app.name') = 'caf\u00e9'"), 't')
  })

  it('does not end while nobody holds it', async () => {
    const { one, two } = await trio({ poolSize: 1 })
    await one.query("set idle_session_timeout = '50ms'")
    const mine = await pid(one)
    await new Promise((resolve) => setTimeout(resolve, 150))
    assert.equal(await pid(two), mine)
    assert.equal(await show(one, 'idle_session_timeout'), '50ms')
  })

  it('has no tables of a client whose search_path begins with its own schema', async () => {
    const { pooler, two } = await trio({ poolSize: 2 })
    const one = await pooler.login({ options: '-c search_path=pg_temp,public' })
    await one.query('create table covert_table (id int)')
    await eventually('it is pinned', () => pooler.figures.pins().length === 1)
    one.leave()
    await eventually('it has left', () => pooler.figures.pins().length === 0)
    assert.match(String(await two.query('select * from covert_table')), /42P01/)
  })
})

describe('tables of a client', () => {
  const begins: Readonly<Record<string, (one: RawClient) => Promise<unknown>>> = {
    'by a Bind, for the transaction': (one) =>
      one.ask(raw.statement("select set_config('search_path', $1, true)", ['pg_temp']), raw.sync),
    'by a Bind': (one) => one.ask(raw.statement("select set_config('search_path', $1, false)", ['pg_temp']), raw.sync),
    'by a Bind, with its name': (one) =>
      one.ask(raw.statement('select set_config($1, $2, true)', ['search_path', 'pg_temp']), raw.sync),
    'in two parts': (one) => one.query("select set_config('search_path', 'pg_' || 'temp', false)"),
    'in the view of all': (one) =>
      one.query("update pg_settings set setting = 'pg_' || 'temp' where name = 'search_path'"),
    'behind what may not be used': (one) => one.query('set local search_path = public, pg_temp'),
  }
  for (const [how, begin] of Object.entries(begins)) {
    it(`are met by nobody else, if its search_path is set ${how}`, async () => {
      const direct = await RawClient.login(postgres.port)
      await direct.query('create database hard')
      const hard = await RawClient.login(postgres.port, { database: 'hard' })
      await hard.query('revoke all on schema public from public')
      const user = how.startsWith('behind') ? 'plain' : 'postgres'
      for (const sessionState of ['track', 'pin', 'reset', 'reject'] as const) {
        const { pooler } = await trio({ poolSize: 2, sessionState })
        const [one, two] = [
          await pooler.login({ user, database: 'hard' }),
          await pooler.login({ user, database: 'hard' }),
        ]
        await one.query('begin')
        await begin(one)
        await one.query('create table orders (id int); insert into orders values (1); commit')
        for (let n = 0; n < 3; n++) assert.match(String(await two.query('select * from orders')), /42P01/, sessionState)
        one.leave()
        for (let n = 0; n < 3; n++) assert.match(String(await two.query('select * from orders')), /42P01/, sessionState)
        await pooler.stop()
      }
      hard.leave()
      await direct.query('drop database hard with (force)')
      direct.leave()
    })
  }
})

describe('a search_path that a Bind gives', () => {
  it('costs no question, if it does not name the schema of temporary tables', async () => {
    const direct = await RawClient.login(postgres.port)
    const { one, pooler } = await trio({ poolSize: 1 })
    const mine = await pid(one)
    const last = (): Promise<string | null> => direct.value(`select query from pg_stat_activity where pid = ${mine}`)
    for (const [path, isAsked] of [
      ['tenant_7, public', false],
      ['public, pg_temp', true],
    ] as const) {
      await one.query('begin')
      await one.ask(raw.statement("select set_config('search_path', $1, true)", [path]), raw.sync)
      await one.query('commit')
      await eventually('it is free', () => pooler.figures.servers().every(({ state }) => state !== 'active'))
      assert.equal((await last())?.includes('pg_depend'), isAsked)
    }
    direct.leave()
  })
})

describe('a parameter with a long name', () => {
  it('is what PostgreSQL cuts it to, and nobody else has it', async () => {
    for (const sessionState of ['track', 'pin', 'reset', 'reject'] as const) {
      const { pooler, one, two } = await trio({ poolSize: 2, sessionState })
      await one.query(`set app.${'a'.repeat(70)} = 'secret'`)
      for (let n = 0; n < 3; n++) assert.ok([null, ''].includes(await show(two, `app.${'a'.repeat(63)}`)), sessionState)
      await pooler.stop()
    }
  })
})

describe('random numbers', () => {
  it("do not follow another client's seed, though only a Bind has named it", async () => {
    for (const isLocal of [false, true]) {
      const { pooler, one, two } = await trio({ poolSize: 2 })
      const seen = new Set<string | null>()
      for (let n = 0; n < 4; n++) {
        await one.ask(raw.statement(`select set_config($1, $2, ${isLocal})`, ['seed', '0.5']), raw.sync)
        seen.add(await two.value('select random()'))
      }
      assert.equal(seen.size, 4)
      await pooler.stop()
    }
  })
})

describe('what a Bind sets for the transaction', () => {
  const local = 'select set_config($1, $2, true)'

  it('pins nobody, whatever words are in it', async () => {
    const { one, pooler } = await trio({ poolSize: 2 })
    for (const value of ['/seed', 'db-seed 1.0', 'the search_path']) {
      await one.query('begin')
      await one.ask(raw.statement(local, ['request.path', value]), raw.sync)
      await one.query('commit')
    }
    await eventually('it is free', () => pooler.figures.servers().every(({ state }) => state !== 'active'))
    assert.equal(pooler.figures.pins().length, 0)
  })

  it('is refused to nobody whose names are left as they are', async () => {
    for (const sessionState of ['track', 'reject'] as const) {
      const { one } = await trio({ poolSize: 1, maxPreparedStatements: 0, sessionState })
      const set = raw.all(raw.parse(local, 'n'), raw.bind(['app.x', 'y'], 'n'), raw.execute(), raw.sync)
      assert.deepEqual(await one.ask(set), ['1', '2', 'D y', 'C SELECT 1', 'Z I'])
    }
  })
})

describe('a limit of time that is short', () => {
  it("is nobody else's, not for what brings the session to theirs either", async () => {
    const direct = await RawClient.login(postgres.port)
    const { one, two } = await trio({ poolSize: 1 })
    const mine = await pid(two)
    for (const name of ['statement_timeout', 'transaction_timeout']) {
      await one.query(`set ${name} = 90`)
      await eventually('it is removed at once', async () =>
        ((await direct.value(`select query from pg_stat_activity where pid = ${mine}`)) ?? '').includes('DISCARD ALL'),
      )
      assert.equal(await show(one, name), '90ms')
      await one.query(`reset ${name}`)
    }
    direct.leave()
  })
})

describe('a long statement that must not run', () => {
  it('ends its client, and nothing of it reaches anybody', async () => {
    const { pooler, one, two } = await trio({ sessionState: 'pin', maxPinned: 0 })
    const tail = Buffer.concat([raw.query("select 'smuggled'"), raw.query("select 'more'")])
    const text = Buffer.concat([Buffer.from(`set work_mem = '5MB' -- ${'x'.repeat(20_000)}`), tail])
    const message = raw.message('Q', Buffer.concat([text, Buffer.alloc(1)]))
    one.send(message.subarray(0, 17_000))
    await new Promise((resolve) => setTimeout(resolve, 30))
    one.send(message.subarray(17_000))
    assert.match(String(await one.rest()), /FATAL 54000: a long statement must not run/)
    assert.equal(await two.value('select 2'), '2')
    assert.equal(await (await pooler.login()).value('select 3'), '3')
  })
})

describe('session_state = allow', () => {
  it('leaves what a client has set to whoever comes next, and who it is to nobody', async () => {
    const { one, two } = await trio({ poolSize: 1, sessionState: 'allow' })
    await one.query("set work_mem = '5MB'")
    assert.equal(await show(two, 'work_mem'), '5MB')
    for (const text of ['set session authorization plain', 'set role plain', 'prepare p as select 1', 'listen news']) {
      const before = await pid(one)
      assert.equal((await one.query(text)).at(-1), 'Z I')
      assert.notEqual(await pid(two), before)
      assert.equal(await one.value('select current_user'), 'postgres')
      assert.equal(one.parameters.get('session_authorization'), 'postgres')
      assert.equal(one.parameters.get('is_superuser'), 'on')
    }
  })
})

describe('what is seen', () => {
  it('is who keeps a server, why and since when', async () => {
    const { pooler, one } = await trio({ poolSize: 3 })
    assert.deepEqual(pooler.figures.pins(), [])
    await one.query("set application_name = 'keeper'; select pg_advisory_lock(1); create temp table mine ()")
    await until(() => pooler.figures.pins().length === 1)
    const seen = pooler.figures
      .pins()
      .map(({ applicationName, reasons, pinned, maxPinned, waiting }) => [
        applicationName,
        reasons,
        pinned,
        maxPinned,
        waiting,
      ])
    assert.deepEqual(seen, [['keeper', ['advisory locks', 'temporary objects'], 1, 2, 0]])
    one.leave()
    await until(() => pooler.figures.pins().length === 0)
    const [pool] = pooler.figures.pools()
    assert.ok(pool && pool.pinned === 0 && pool.pinnedMs > 0)
  })

  it('is what applications do that plain transaction pooling would break, in every mode', async () => {
    for (const poolMode of ['transaction', 'session'] as const) {
      for (const sessionState of ['track', 'allow'] as const) {
        const { pooler, one } = await trio({ poolMode, sessionState })
        await one.query("set application_name = 'app'")
        for (let n = 0; n < 3; n++) await one.query('set work_mem = 1000')
        await one.ask(raw.statement('listen news'), raw.sync)
        await one.ask(raw.parse('select pg_try_advisory_lock(1)', 'lock'), raw.sync)
        await one.ask(raw.bind([], 'lock'), raw.execute(), raw.sync)
        await one.query('begin; set local work_mem = 1000; commit; reset work_mem')
        const seen = pooler.figures.audit().map(({ applicationName, what, times }) => [applicationName, what, times])
        assert.deepEqual(seen, [
          ['app', 'SET work_mem', 3],
          ['app', 'LISTEN', 1],
          ['app', 'session advisory locks', 1],
        ])
      }
    }
  })
})

describe('behind this pooler', () => {
  it('another one is found out, and told loudly', async () => {
    const inner = await poolers.start({ poolSize: 1, databases: { postgres: {} } })
    const behind = { address: { host: '127.0.0.1', port: inner.port } }
    const outer = await poolers.start({ poolSize: 2, databases: { postgres: behind } })
    const [one, two] = [await outer.login(), await outer.login()]
    assert.equal(await one.value('select 7'), '7')
    const warnings = outer.logged.filter((line) => line.includes('another pooler stands behind'))
    assert.equal(warnings.length, 1)
    assert.equal(inner.logged.filter((line) => line.includes('another pooler')).length, 0)
    await one.query('listen news')
    await two.query('begin')
    assert.equal(outer.figures.pins().length, 0)
    await two.query('commit')
    await assert.rejects(outer.login({ options: '-c work_mem=7MB' }), /unsupported startup parameter/)
  })

  it('none is looked for where the settings say so', async () => {
    const inner = await poolers.start({ poolSize: 1 })
    const behind = { address: { host: '127.0.0.1', port: inner.port } }
    for (const serverIsPooler of [true, false]) {
      const outer = await poolers.start({ poolSize: 1, databases: { postgres: behind }, serverIsPooler })
      const one = await outer.login()
      assert.equal(await one.value('select 7'), '7')
      assert.ok(!outer.logged.some((line) => line.includes('another pooler')))
      one.leave()
      await outer.stop()
    }
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
