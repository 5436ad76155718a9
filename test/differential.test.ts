/**
 * The same bytes straight to PostgreSQL and through the pooler: what comes back must be the same, byte for byte, but for
 * process ids and secrets. A pool of one server, which another client has used just before.
 */

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { TestPoolers, type TestPooler } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'

/** What is sent at once, and the type of message that ends the wait for its answers, counted. */
type Step = readonly [bytes: Buffer, until?: string, count?: number]

let postgres: TestPostgres
let direct: RawClient
let pooler: TestPooler
let other: RawClient
const poolers = new TestPoolers(() => postgres.port)

before(async () => {
  postgres = await startTestPostgres()
  direct = await RawClient.login(postgres.port)
  await direct.query('create table item (id int primary key, name text); create role plain')
  pooler = await poolers.start({ poolSize: 1 })
  other = await pooler.login()
})

after(async () => {
  for (const client of [direct, other]) client.leave()
  await poolers.remove()
  await postgres.remove()
})

const q = (sql: string): Step => [raw.query(sql)]
const x = (sql: string, ...values: string[]): Buffer => raw.all(raw.statement(sql, values), raw.sync)
const copyIn = 'copy item from stdin'
const rows = raw.copyData('1\ta\n2\tb\n')

const transcripts: Record<string, readonly Step[]> = {
  'a query': [q('select 1 as one, null as two, repeat($$x$$, 100) as three')],
  'an empty query': [q(''), q(';'), q('-- nothing')],
  'several statements': [
    q('select 1; insert into item values (1); update item set name = $$x$$; delete from item; select 2'),
  ],
  'a syntax error': [q('selec 1'), q('select 1')],
  'an error with all its fields': [
    q('insert into item values (1); insert into item values (1)'),
    q('select count(*) from item'),
  ],
  'an error with position and hint': [q('select nme from item'), q('select lenght(name) from item')],
  'a transaction': [
    q('begin'),
    q('insert into item values (1)'),
    q('select * from item'),
    q('commit'),
    q('select * from item'),
  ],
  'a rollback': [q('begin'), q('insert into item values (1)'), q('rollback'), q('select * from item')],
  'a failed transaction': [q('begin'), q('select 1/0'), q('select 1'), q('commit'), q('select 1')],
  'a failed transaction in one query': [q('begin; select 1/0; select 1'), q('select 1'), q('rollback')],
  savepoints: [
    q('begin'),
    q('savepoint a'),
    q('select 1/0'),
    q('rollback to a'),
    q('select 1'),
    q('release a'),
    q('end'),
  ],
  'transaction chains': [
    q('begin isolation level serializable'),
    q('commit and chain'),
    q('show transaction_isolation'),
    q('rollback'),
  ],
  'warnings about transactions': [q('commit'), q('rollback'), q('begin'), q('begin'), q('commit')],
  'two-phase commit that is off': [q('begin'), q("prepare transaction 'x'"), q('rollback')],
  notices: [
    q("do $$ begin raise notice 'a'; raise info 'b'; raise warning 'c' using hint = 'd', detail = 'e'; end $$"),
  ],
  'an exception with its own fields': [
    q("do $$ begin raise exception 'a' using errcode = 'P7777', column = 'c', table = 't'; end $$"),
  ],
  parameters: [
    q("set time zone 'Asia/Tokyo'"),
    q("select timestamptz '2024-01-01 00:00 UTC'"),
    q('reset time zone'),
    q('show time zone'),
  ],
  'parameters in a transaction': [
    q('begin'),
    q("set application_name = 'x'"),
    q('rollback'),
    q('show application_name'),
  ],
  'a parameter that is refused': [q("set time zone 'Nowhere'"), q('set work_mem = banana')],
  'other encodings': [q('set client_encoding = latin1'), q("select 'ä'"), q('reset client_encoding'), q("select 'ä'")],
  'an extended group': [
    [raw.all(raw.parse('select $1::text'), raw.bind(['v']), raw.describePortal(), raw.execute(), raw.sync)],
  ],
  'a described statement': [
    [raw.all(raw.parse('select id, name from item where id = $1'), raw.describeStatement(), raw.sync)],
  ],
  'no data': [
    [
      raw.all(
        raw.parse('delete from item'),
        raw.describeStatement(),
        raw.bind(),
        raw.describePortal(),
        raw.execute(),
        raw.sync,
      ),
    ],
  ],
  'an empty extended statement': [[x('')]],
  'errors at Parse, Bind and Execute': [
    [x('select nothing')],
    [x('select $1::int', 'x')],
    [x('select 1/$1::int', '0')],
  ],
  'a pipeline of groups': [[raw.all(x('select 1'), x('select 2'), x('select 1/0'), x('select 4')), 'Z', 4]],
  'a pipeline in one group': [
    [
      raw.all(
        raw.statement('insert into item values (1)'),
        raw.statement('insert into item values (1)'),
        x('select 1'),
      ),
    ],
    q('select * from item'),
  ],
  'simple and extended mixed': [[raw.all(raw.query('select 1'), x('select 2'), raw.query('select 3')), 'Z', 3]],
  'a Query in an unfinished group': [
    [raw.all(raw.parse('select 1'), raw.bind(), raw.query('select 2'), raw.execute(), raw.sync), 'Z', 2],
  ],
  'a Query behind an error in a group': [
    [raw.all(raw.parse('oops'), raw.query('select 2'), raw.functionCall(177, ['1', '2']), raw.sync)],
    q('select 3'),
  ],
  flushes: [
    [raw.all(raw.parse('select 1'), raw.flush), '1'],
    [raw.all(raw.bind(), raw.execute(), raw.flush), 'C'],
    [raw.sync],
  ],
  'an error at a flush': [[raw.all(raw.parse('oops'), raw.flush), 'E'], [raw.all(raw.parse('select 1'), raw.sync)]],
  syncs: [[raw.all(raw.sync, raw.sync, raw.sync), 'Z', 3]],
  'a suspended portal': [
    q('begin'),
    [raw.all(raw.parse('select generate_series(1, 5)'), raw.bind(), raw.execute(2), raw.execute(2), raw.sync)],
    [raw.all(raw.execute(9), raw.sync)],
    q('commit'),
  ],
  'a suspended portal without a transaction': [
    [raw.all(raw.parse('select generate_series(1, 5)'), raw.bind(), raw.execute(2), raw.sync)],
    [raw.all(raw.execute(2), raw.sync)],
  ],
  'statements by name within a transaction': [
    q('begin'),
    [raw.all(raw.parse('select 5', 's'), raw.sync)],
    [raw.all(raw.bind([], 's', 'p'), raw.execute(0, 'p'), raw.sync)],
    [raw.all(raw.closeStatement('s'), raw.closeStatement('none'), raw.sync)],
    [raw.all(raw.bind([], 's'), raw.sync)],
    q('rollback'),
  ],
  'SQL cursors': [
    q('begin'),
    q('declare c cursor for select generate_series(1, 4)'),
    q('fetch 2 from c'),
    q('move 1 in c'),
    q('fetch all from c'),
    q('close c'),
    q('commit'),
  ],
  'function calls': [
    [raw.functionCall(177, ['1', '2'])],
    [raw.functionCall(1, [])],
    [raw.functionCall(177, ['x', '2'])],
  ],
  'copy from': [[raw.all(raw.query(copyIn)), 'G'], [raw.all(rows, raw.copyDone)], q('select * from item order by id')],
  'copy from in one write': [[raw.all(raw.query(copyIn), rows, raw.copyDone, raw.query('select 1')), 'Z', 2]],
  'copy from, failing': [
    [raw.all(raw.query(copyIn), rows, raw.copyFail('no'))],
    [raw.all(raw.query(copyIn), raw.copyData('x\n'), raw.copyDone)],
    q('select 1'),
  ],
  'copy from, bad data and much more of it': [
    [
      raw.all(
        raw.query(copyIn),
        raw.copyData('x\n'),
        ...Array.from({ length: 50 }, () => rows),
        raw.copyDone,
        raw.query('select 1'),
      ),
      'Z',
      2,
    ],
  ],
  'copy from, extended': [
    [raw.all(raw.statement(copyIn), raw.flush), 'G'],
    [raw.all(rows, raw.copyDone, raw.sync)],
    q('select count(*) from item'),
  ],
  'copy from, extended, with an early Sync': [
    [raw.all(raw.statement(copyIn), raw.sync), 'G'],
    [raw.all(rows, raw.copyDone, raw.sync)],
    q('select count(*) from item'),
  ],
  'copy from, extended, in one write': [
    [raw.all(raw.statement(copyIn), raw.sync, rows, raw.copyDone, raw.sync)],
    q('select count(*) from item'),
  ],
  'copy from, extended, failing': [
    [raw.all(raw.statement(copyIn), raw.flush), 'G'],
    [raw.all(rows, raw.copyFail('no'), raw.sync)],
    q('select 1'),
  ],
  'copy from, extended, bad data behind an early Sync': [
    [raw.all(raw.statement(copyIn), raw.sync), 'G'],
    [raw.all(raw.copyData('x\n'), raw.copyDone, raw.sync)],
    q('select 1'),
  ],
  'copy to': [
    q('copy (select generate_series(1, 3)) to stdout'),
    q('copy (select 1/0) to stdout'),
    [x('copy (select 7) to stdout')],
  ],
  'two copies in one query': [
    [
      raw.all(
        raw.query(`${copyIn}; ${copyIn}; select 1`),
        raw.copyData('1\ta\n'),
        raw.copyDone,
        raw.copyData('2\tb\n'),
        raw.copyDone,
      ),
    ],
    q('select count(*) from item'),
  ],
  'copy messages out of place': [[raw.all(raw.copyData('x'), raw.copyDone, raw.copyFail('x'), raw.query('select 1'))]],
  'listen and notify in one transaction': [q('begin; notify nobody; commit')],
  explain: [q('explain (costs off) select * from item where id = 1')],
  types: [
    q(
      "select 1::int2, 1.5::numeric, true, '{1,2}'::int[], '{\"a\":1}'::jsonb, 'x'::bytea, interval '1 day', row(1, 'a')",
    ),
  ],
  'a wide row and many rows': [
    q("select repeat('x', 300000) from generate_series(1, 5)"),
    q('select generate_series(1, 20000)'),
  ],
  'its own end': [
    [raw.query('select 1'), 'Z'],
    [raw.query('do $$ begin perform pg_terminate_backend(pg_backend_pid()); end $$'), 'end'],
  ],
  exit_on_error: [q('set exit_on_error = on'), [raw.query('select 1/0'), 'end']],
  'a malformed message': [
    [raw.all(raw.message('P', Buffer.from('x')), raw.sync)],
    [raw.all(raw.message('Q', Buffer.from('select 1')))],
    q('select 1'),
  ],
}

describe('the answers through the pooler are those of PostgreSQL', () => {
  for (const [what, steps] of Object.entries(transcripts)) {
    it(what, async () => {
      const expected = await play(postgres.port, steps)
      assert.equal(await other.value("select 'other'"), 'other')
      const seen = await play(pooler.port, steps)
      assert.deepEqual(seen, expected)
      assert.equal(await other.value("select 'other'"), 'other')
    })
  }

  it('at login, too, whatever is asked for', async () => {
    const asked: Record<string, string>[] = [
      {},
      { application_name: 'x', TimeZone: 'Asia/Tokyo', DateStyle: 'SQL, DMY', client_encoding: 'LATIN1' },
      { options: '-c search_path=a -c IntervalStyle=iso_8601' },
    ]
    for (const parameters of asked) {
      const [there, here] = [await RawClient.login(postgres.port, parameters), await pooler.login(parameters)]
      assert.deepEqual(Object.fromEntries(here.parameters), Object.fromEntries(there.parameters))
      for (const client of [there, here]) client.leave()
    }
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})

/** Every message of every step, in full. Process ids and times are in none of the transcripts. */
async function play(port: number, steps: readonly Step[]): Promise<string[][]> {
  await direct.query('truncate item')
  const client = await RawClient.login(port)
  const got: string[][] = []
  for (const [bytes, until = 'Z', count = 1] of steps) {
    client.send(bytes)
    if (until === 'end') {
      got.push(await client.rest())
      continue
    }
    for (let n = 0; n < count; n++) {
      const messages = await client.until(until)
      got.push(messages.map(({ type, body }) => `${type} ${body.toString('latin1')}`))
    }
  }
  if (!client.over) await client.staysSilent(3)
  client.leave()
  return got
}
