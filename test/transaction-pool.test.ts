/** Transaction pooling: several clients on fewer servers, each as if it had a PostgreSQL of its own. */

import assert from 'node:assert/strict'
import { after, before, beforeEach, afterEach, describe, it } from 'node:test'
import { TestPoolers, type TestPooler } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { MadeUpSecrets } from '../src/auth/made-up-secrets.ts'
import { NoSecret } from '../src/auth/secret.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'
import { say } from './support/raw-messages.ts'

let postgres: TestPostgres
let direct: RawClient
const poolers = new TestPoolers(() => postgres.port)
const clients: RawClient[] = []

before(async () => {
  postgres = await startTestPostgres()
  direct = await RawClient.login(postgres.port)
  await direct.query('create table entry (id serial, who text); create role plain login')
})

after(async () => {
  direct.leave()
  await poolers.remove()
  await postgres.remove()
})

afterEach(() => {
  for (const client of clients.splice(0)) client.reset()
})

async function login(pooler: TestPooler, parameters: Readonly<Record<string, string>> = {}): Promise<RawClient> {
  const client = await pooler.login(parameters)
  clients.push(client)
  return client
}

const pid = (client: RawClient): Promise<string | null> => client.value('select pg_backend_pid()')

describe('a pool of one server', () => {
  let pooler: TestPooler
  let one: RawClient
  let two: RawClient

  before(async () => {
    pooler = await poolers.start({ poolSize: 1 })
  })

  beforeEach(async () => {
    one = await login(pooler)
    two = await login(pooler)
  })

  it('lends it for a transaction, and to the next client when that is over', async () => {
    assert.deepEqual(await one.query('begin'), ['C BEGIN', 'Z T'])
    two.send(raw.query('select 2'))
    await two.staysSilent()
    assert.deepEqual(await one.query('select 1'), ['T ?column?', 'D 1', 'C SELECT 1', 'Z T'])
    await two.staysSilent()
    assert.deepEqual(await one.query('commit'), ['C COMMIT', 'Z I'])
    assert.deepEqual(await two.answer(), ['T ?column?', 'D 2', 'C SELECT 1', 'Z I'])
    assert.equal(await pid(one), await pid(two))
  })

  it('keeps it through a failed transaction until that is rolled back', async () => {
    await one.query('begin')
    assert.deepEqual(await one.query('select 1/0'), ['E ERROR 22012: division by zero', 'Z E'])
    two.send(raw.query('select 2'))
    await two.staysSilent()
    assert.deepEqual(await one.query('commit'), ['C ROLLBACK', 'Z I'])
    assert.deepEqual(await two.answer(), ['T ?column?', 'D 2', 'C SELECT 1', 'Z I'])
  })

  it('lends it in the order in which clients asked', async () => {
    await direct.query('truncate entry restart identity')
    await one.query('begin')
    const waiting = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(() => login(pooler)))
    for (const [index, client] of waiting.entries()) {
      client.send(raw.query(`insert into entry (who) values ('${index}')`))
      await pooler.queues(index + 1)
    }
    await one.query('commit')
    for (const client of waiting) assert.deepEqual(await client.answer(), ['C INSERT 0 1', 'Z I'])
    assert.equal(await direct.value("select string_agg(who, '' order by id) from entry"), '01234')
  })

  it('puts a client that asks again behind those who wait', async () => {
    await direct.query('truncate entry restart identity')
    await one.query('begin')
    two.send(raw.query("insert into entry (who) values ('two')"))
    await pooler.queues(1)
    await one.ask(raw.all(raw.query('commit'), raw.query("insert into entry (who) values ('one')")))
    assert.deepEqual(await one.answer(), ['C INSERT 0 1', 'Z I'])
    assert.deepEqual(await two.answer(), ['C INSERT 0 1', 'Z I'])
  })

  it('answers several statements in one Query, up to the one that fails', async () => {
    assert.deepEqual(await one.query('select 1; select null; ; select 1/0; select 4'), [
      'T ?column?',
      'D 1',
      'C SELECT 1',
      'T ?column?',
      'D null',
      'C SELECT 1',
      'E ERROR 22012: division by zero',
      'Z I',
    ])
    assert.deepEqual(await one.query(''), ['I', 'Z I'])
  })

  it('speaks the extended protocol', async () => {
    const text = 'select $1::int + 1 as next'
    const prepare = raw.all(raw.parse(text), raw.describeStatement(), raw.sync)
    assert.deepEqual(await one.ask(prepare), ['1', 't 000100000017', 'T next', 'Z I'])
    const group = raw.all(raw.parse(text), raw.bind(['41']), raw.describePortal(), raw.execute(), raw.sync)
    assert.deepEqual(await one.ask(group), ['1', '2', 'T next', 'D 42', 'C SELECT 1', 'Z I'])
  })

  it('suspends a portal and goes on with it within a transaction', async () => {
    const begin = raw.all(raw.query('begin'), raw.parse('select generate_series(1, 3)'), raw.bind())
    one.send(begin, raw.execute(2), raw.sync)
    assert.deepEqual(await one.answer(), ['C BEGIN', 'Z T'])
    assert.deepEqual(await one.answer(), ['1', '2', 'D 1', 'D 2', 's', 'Z T'])
    assert.deepEqual(await one.ask(raw.execute(2), raw.sync), ['D 3', 'C SELECT 1', 'Z T'])
    assert.deepEqual(await one.query('commit'), ['C COMMIT', 'Z I'])
  })

  it('answers a pipeline, and skips to the Sync behind an error', async () => {
    const ok = (n: number): Buffer => raw.all(raw.statement(`select ${n}`), raw.sync)
    const bad = raw.all(raw.statement('select 1'), raw.statement('select 1/0'), raw.statement('select 3'), raw.sync)
    one.send(ok(1), bad, ok(2), raw.query('select 3'))
    assert.deepEqual(await one.answer(), ['1', '2', 'D 1', 'C SELECT 1', 'Z I'])
    assert.deepEqual(await one.answer(), ['1', '2', 'D 1', 'C SELECT 1', '1', 'E ERROR 22012: division by zero', 'Z I'])
    assert.deepEqual(await one.answer(), ['1', '2', 'D 2', 'C SELECT 1', 'Z I'])
    assert.deepEqual(await one.answer(), ['T ?column?', 'D 3', 'C SELECT 1', 'Z I'])
    assert.equal(await two.value('select 7'), '7')
  })

  it('drops a Query that PostgreSQL skips behind an error in an extended group', async () => {
    one.send(raw.statement('select nothing'), raw.query('select 1'), raw.functionCall(177, ['1', '2']), raw.sync)
    assert.deepEqual(await one.answer(), ['E ERROR 42703: column "nothing" does not exist', 'Z I'])
    assert.equal(await two.value('select 7'), '7')
    assert.equal(await one.value('select 8'), '8')
  })

  it('answers at a Flush, and lends the server no further before the Sync', async () => {
    one.send(raw.parse('select 1'), raw.describeStatement(), raw.flush)
    assert.deepEqual((await one.until('T')).map(say), ['1', 't 0000', 'T ?column?'])
    two.send(raw.query('select 2'))
    await two.staysSilent()
    one.send(raw.bind(), raw.execute(), raw.flush)
    assert.deepEqual((await one.until('C')).map(say), ['2', 'D 1', 'C SELECT 1'])
    await two.staysSilent()
    assert.deepEqual(await one.ask(raw.sync), ['Z I'])
    assert.deepEqual(await two.answer(), ['T ?column?', 'D 2', 'C SELECT 1', 'Z I'])
  })

  it('waits for the Sync behind an error at a Flush', async () => {
    one.send(raw.parse('select nothing'), raw.flush)
    assert.deepEqual((await one.until('E')).map(say), ['E ERROR 42703: column "nothing" does not exist'])
    two.send(raw.query('select 2'))
    one.send(raw.parse('select 1'), raw.query('select 1'), raw.flush)
    await two.staysSilent()
    await one.staysSilent(0)
    assert.deepEqual(await one.ask(raw.sync), ['Z I'])
    assert.deepEqual(await two.answer(), ['T ?column?', 'D 2', 'C SELECT 1', 'Z I'])
  })

  it('answers a Sync alone, a Flush alone, and many Syncs', async () => {
    assert.deepEqual(await one.ask(raw.sync), ['Z I'])
    one.send(raw.flush)
    one.send(...Array.from({ length: 20 }, () => raw.sync))
    for (let n = 0; n < 20; n++) assert.deepEqual(await one.answer(), ['Z I'])
    assert.equal(await two.value('select 7'), '7')
  })

  it('lets a transaction be opened and closed in one pipeline', async () => {
    one.send(raw.query('begin'), raw.query('select 1'), raw.query('commit'), raw.query('select 2'))
    const answers = [await one.answer(), await one.answer(), await one.answer(), await one.answer()]
    assert.deepEqual(
      answers.map((lines) => lines.at(-1)),
      ['Z T', 'Z T', 'Z I', 'Z I'],
    )
  })

  it('passes function calls on', async () => {
    const sum = await direct.value("select 'pg_catalog.int4pl(int,int)'::regprocedure::oid")
    assert.deepEqual(await one.ask(raw.functionCall(Number(sum), ['20', '22'])), ['V 000000023432', 'Z I'])
    assert.deepEqual((await one.ask(raw.functionCall(1, [])))[1], 'Z I')
  })

  it('passes notices on', async () => {
    assert.deepEqual(await one.query("do $$ begin raise notice 'hello'; raise warning 'world'; end $$"), [
      'N NOTICE 00000: hello',
      'N WARNING 01000: world',
      'C DO',
      'Z I',
    ])
  })

  it('keeps a server on which the unnamed statement was prepared', async () => {
    const before = await pid(one)
    await one.ask(raw.statement('select 1'), raw.sync)
    assert.equal(await pid(two), before)
  })

  it('lets a client log in while the server is lent, once the pool has parameters', async () => {
    await one.query('begin')
    const late = await login(pooler)
    assert.equal(late.parameters.get('server_version'), one.parameters.get('server_version'))
    await one.query('commit')
    assert.equal(await late.value('select 7'), '7')
  })

  it('serves a client that sends everything byte by byte', async () => {
    await one.sendBytewise(raw.all(raw.query('select 1'), raw.statement('select 2'), raw.sync))
    assert.deepEqual(await one.answer(), ['T ?column?', 'D 1', 'C SELECT 1', 'Z I'])
    assert.deepEqual(await one.answer(), ['1', '2', 'D 2', 'C SELECT 1', 'Z I'])
  })

  it('lends no server for part of a short message', async () => {
    const bytes = raw.query('select 1')
    one.send(bytes.subarray(0, 9))
    assert.equal(await two.value('select 7'), '7')
    assert.deepEqual(await one.ask(bytes.subarray(9)), ['T ?column?', 'D 1', 'C SELECT 1', 'Z I'])
  })

  it('takes a query that came with the startup packet', async () => {
    const eager = await RawClient.connect(pooler.port)
    clients.push(eager)
    eager.send(raw.all(raw.startup({ user: 'postgres' }), raw.query('select 1')))
    assert.equal((await eager.answer()).at(-1), 'Z I')
    assert.deepEqual(await eager.answer(), ['T ?column?', 'D 1', 'C SELECT 1', 'Z I'])
  })

  it('finishes what a client sent before its Terminate', async () => {
    await direct.query('truncate entry')
    one.send(raw.query("insert into entry (who) select 'last' from pg_sleep(0.1)"), raw.terminate)
    assert.equal(await two.value('select count(*) from entry'), '1')
  })

  it('lends no server whose extended group had a Query inside, which leaves PostgreSQL with an open transaction', async () => {
    const parts = [raw.query('select 2'), raw.functionCall(177, ['1', '2'])]
    for (const part of parts) {
      one.send(raw.parse("insert into entry (who) values ('inside')"), raw.bind(), raw.execute(), part, raw.sync)
      await one.answer()
      await one.answer()
      assert.deepEqual(await two.query('select 3'), ['T ?column?', 'D 3', 'C SELECT 1', 'Z I'])
    }
  })

  it('runs a query that came with the startup packet under its parameters, on a pool that nobody has used', async () => {
    const fresh = await poolers.start({ poolSize: 1 })
    const eager = await RawClient.connect(fresh.port)
    clients.push(eager)
    eager.send(raw.all(raw.startup({ user: 'postgres', application_name: 'mine' }), raw.query('show application_name')))
    assert.equal((await eager.answer()).at(-1), 'Z I')
    assert.deepEqual(await eager.answer(), ['T application_name', 'D mine', 'C SHOW', 'Z I'])
  })

  it('answers a pipeline of any length in order', async () => {
    const count = 20_000
    one.send(...Array.from({ length: count }, (_, index) => raw.query(`select ${index}`)))
    for (let index = 0; index < count; index++) {
      assert.deepEqual(await one.answer(), ['T ?column?', `D ${index}`, 'C SELECT 1', 'Z I'])
    }
    assert.equal(await two.value('select 7'), '7')
  })

  it('goes on with a pipeline that is too long and of which PostgreSQL skips all', async () => {
    one.send(raw.parse('oops'), ...Array.from({ length: 9_000 }, () => raw.query('select 1')))
    await one.until('E')
    assert.deepEqual(await one.ask(raw.sync), ['Z I'])
    assert.equal(await two.value('select 7'), '7')
  })

  it('gives back a server when a pipeline that is too long ends in half a message', async () => {
    const own = await poolers.start({ halfMessageTimeoutMs: 300 })
    const [client, other] = [await login(own), await login(own)]
    const half = raw.query(`select '${'x'.repeat(40_000)}'`).subarray(0, 30_000)
    for (const count of [4_094, 4_095, 4_096, 4_097]) {
      const long = await login(own)
      long.send(raw.all(...Array.from({ length: count }, () => raw.sync), half))
      assert.equal((await long.rest()).at(-1), 'E FATAL 08P01: the rest of a message did not come within 300 ms')
      assert.equal(await other.value('select 7'), '7')
    }
    assert.equal(await client.value('select 7'), '7')
  })

  it('is not held by a Flush alone', async () => {
    one.send(raw.flush)
    await one.staysSilent()
    assert.deepEqual(await two.query('select 2'), ['T ?column?', 'D 2', 'C SELECT 1', 'Z I'])
  })

  it('takes an error for fatal by its severity only, and stays in use', async () => {
    const before = await pid(one)
    await one.query("do $$begin raise exception 'VFATAL'; end$$")
    assert.equal(await pid(one), before)
  })

  it('answers what a client sent before its Terminate, then closes', async () => {
    one.send(raw.query('select 7'), raw.terminate)
    assert.deepEqual(await one.rest(), ['T ?column?', 'D 7', 'C SELECT 1', 'Z I'])
  })

  it('answers of a group without a Sync what the client sent before its Terminate, and nothing else', async () => {
    one.send(raw.statement('select 7'), raw.flush, raw.terminate)
    assert.deepEqual(await one.rest(), ['1', '2', 'D 7', 'C SELECT 1'])
    two.send(raw.parse('selec'), raw.flush, raw.terminate)
    assert.deepEqual(await two.rest(), ['E ERROR 42601: syntax error at or near "selec"'])
  })
})

describe('parameters', () => {
  const own = {
    application_name: "o'ne \\",
    TimeZone: 'Asia/Tokyo',
    DateStyle: 'SQL, DMY',
    IntervalStyle: 'iso_8601',
    search_path: 'pg_catalog, "$user"',
    client_encoding: 'LATIN1',
    standard_conforming_strings: 'off',
    default_transaction_read_only: 'on',
    scram_iterations: '5000',
  }
  const show = (client: RawClient): Promise<Record<string, string | null>> =>
    client
      .rows(
        `select ${Object.keys(own)
          .map((name) => `current_setting('${name}') as "${name}"`)
          .join(', ')}`,
      )
      .then(([row]) => row ?? {})

  it('follow the client to whichever server it gets', async () => {
    const pooler = await poolers.start({ poolSize: 1 })
    const plain = await login(pooler)
    const defaults = await show(plain)
    const special = await login(pooler, own)
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(await show(special), own)
      assert.deepEqual(await show(plain), defaults)
    }
  })

  it('are told at login, and again in the spelling of PostgreSQL', async () => {
    const pooler = await poolers.start()
    const client = await login(pooler, { TimeZone: 'asia/tokyo', datestyle: 'german' })
    assert.equal(await client.value('select 1'), '1')
    assert.equal(client.parameters.get('TimeZone'), 'Asia/Tokyo')
    assert.equal(client.parameters.get('DateStyle'), 'German, DMY')
  })

  it('set in a session follow its client, and nobody else', async () => {
    const pooler = await poolers.start({ poolSize: 2 })
    const [one, two, three] = [await login(pooler), await login(pooler), await login(pooler)]
    const set = "set time zone 'Asia/Tokyo'; set search_path = a, \"B c\", 'd'; set application_name = 'eins'"
    assert.deepEqual((await one.query(set)).slice(3).sort(), [
      'S TimeZone=Asia/Tokyo',
      'S application_name=eins',
      'S search_path=a, "B c", d',
      'Z I',
    ])
    const first = await pid(one)
    await two.query('begin')
    await three.query('begin')
    one.send(raw.query("select current_setting('TimeZone'), current_setting('search_path')"))
    await pooler.queues(1)
    const seen = [await pid(two), await pid(three)]
    assert.ok(seen.includes(first))
    const other = seen[0] === first ? three : two
    assert.equal(await (other === two ? three : two).value('show time zone'), 'Etc/UTC')
    await other.query('commit')
    assert.deepEqual((await one.answer())[1], 'D Asia/Tokyo|a, "B c", d')
    await (other === two ? three : two).query('commit')
    for (let round = 0; round < 4; round++) {
      assert.equal(await two.value('show time zone'), 'Etc/UTC')
      assert.equal(await three.value('show search_path'), '"$user", public')
      assert.equal(await one.value('show search_path'), 'a, "B c", d')
    }
    assert.equal(two.parameters.get('TimeZone'), 'Etc/UTC')
  })

  it('are lost with the transaction that set them', async () => {
    const pooler = await poolers.start({ poolSize: 1 })
    const [one, two] = [await login(pooler), await login(pooler)]
    await one.query("begin; set time zone 'Asia/Tokyo'; savepoint s; set application_name = 'x'")
    assert.equal(one.parameters.get('TimeZone'), 'Asia/Tokyo')
    assert.ok((await one.query('rollback')).includes('S TimeZone=Etc/UTC'))
    await one.query("set time zone 'Asia/Tokyo'; select 1/0")
    await one.query("begin; set local time zone 'Asia/Tokyo'; commit")
    assert.equal(await two.value('show time zone'), 'Etc/UTC')
    assert.equal(await one.value('show time zone'), 'Etc/UTC')
    assert.equal(one.parameters.get('TimeZone'), 'Etc/UTC')
    assert.equal(one.parameters.get('application_name'), '')
  })

  for (const [name, value, reason] of [
    ['TimeZone', 'Nowhere/Here', 'invalid value for parameter "TimeZone": "Nowhere/Here"'],
    ['client_encoding', 'KLINGON', 'invalid value for parameter "client_encoding": "KLINGON"'],
    ['standard_conforming_strings', 'maybe', 'parameter "standard_conforming_strings" requires a Boolean value'],
    ['scram_iterations', '0', '0 is outside the valid range for parameter "scram_iterations" (1 .. 2147483647)'],
    ['DateStyle', "'; drop table entry; --", `invalid value for parameter "DateStyle": "'; drop table entry; --"`],
  ] as const) {
    it(`that PostgreSQL refuses end that client before its query runs: ${name}`, async () => {
      const pooler = await poolers.start({ poolSize: 1 })
      const other = await login(pooler)
      await direct.query('truncate entry')
      const wrong = await login(pooler, { [name]: value })
      wrong.send(raw.query("insert into entry (who) values ('wrong')"))
      assert.deepEqual(await wrong.rest(), [`E FATAL 22023: ${reason}`])
      assert.equal(await other.value('select count(*) from entry'), '0')
    })
  }

  it('that PostgreSQL refuses end a client that asked in extended form, too', async () => {
    const pooler = await poolers.start({ poolSize: 1 })
    await direct.query('truncate entry')
    const wrong = await login(pooler, { TimeZone: 'Nowhere' })
    wrong.send(raw.statement("insert into entry (who) values ('wrong')"), raw.sync)
    assert.deepEqual(await wrong.rest(), ['E FATAL 22023: invalid value for parameter "TimeZone": "Nowhere"'])
    assert.equal(await direct.value('select count(*) from entry'), '0')
  })

  it('are carried whatever characters are in them', async () => {
    const pooler = await poolers.start({ poolSize: 1 })
    const names = ["'", '\\', "\\'", "';select 1;--", 'a"b', '$$', "E'\\x", '%s', '   ']
    const all = await Promise.all(names.map((name) => login(pooler, { application_name: name })))
    for (const [index, client] of all.entries()) assert.equal(await client.value('show application_name'), names[index])
    const plain = await login(pooler)
    assert.equal(await plain.value('show application_name'), '')
  })

  it('are sent ahead of a VACUUM without putting it into a transaction', async () => {
    const pooler = await poolers.start({ poolSize: 1 })
    const client = await login(pooler, { TimeZone: 'Asia/Tokyo' })
    assert.deepEqual(await client.query('vacuum entry'), ['C VACUUM', 'Z I'])
    assert.deepEqual(await client.ask(raw.statement('vacuum entry'), raw.sync), ['1', '2', 'C VACUUM', 'Z I'])
  })
})

describe('a login', () => {
  let pooler: TestPooler
  before(async () => {
    pooler = await poolers.start({ poolSize: 1 })
  })

  async function open(startup: Buffer): Promise<RawClient> {
    const client = await RawClient.connect(pooler.port)
    clients.push(client)
    client.send(startup)
    return client
  }

  it('is complete: authentication, parameters, a key, ready', async () => {
    const client = await open(raw.startup({ user: 'postgres', database: 'postgres' }))
    const lines = await client.answer()
    assert.deepEqual(lines.map((line) => line.slice(0, 1)).join(''), `R${'S'.repeat(lines.length - 3)}KZ`)
    assert.equal(client.key.length, 8)
    const server = await RawClient.login(postgres.port)
    const { 'taxirank.pooler': announced, ...parameters } = Object.fromEntries(client.parameters)
    assert.deepEqual(parameters, Object.fromEntries(server.parameters))
    assert.equal(lines.at(-3), `S taxirank.pooler=${announced}`)
    server.leave()
  })

  it('takes the database that the user is named after when none is named', async () => {
    const client = await open(raw.startup({ user: 'postgres' }))
    await client.answer()
    assert.equal(await client.value('select current_database()'), 'postgres')
  })

  for (const [what, parameters, answer] of [
    ['a name that is none', { user: 'postgres', 'work mem': '1' }, '08P01: unsupported startup parameter: work mem'],
    ['no user', { database: 'postgres' }, '28000: the startup packet names no user'],
    ['an empty user', { user: '' }, '28000: the startup packet names no user'],
    ['replication', { user: 'postgres', replication: 'true' }, '0A000: replication connections are not supported'],
    ['replication of a database', { user: 'postgres', replication: 'database' }, '0A000: replication connections'],
    [
      'options that make no sense',
      { user: 'postgres', options: '-z' },
      '08P01: unsupported startup parameter: options',
    ],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const client = await open(raw.startup(parameters))
      const lines = await client.rest()
      assert.equal(lines.length, 1)
      assert.ok(lines[0]?.startsWith(`E FATAL ${answer}`), String(lines[0]))
    })
  }

  it('ignores the parameters that it is told to ignore, and replication that is off', async () => {
    const client = await open(raw.startup({ user: 'postgres', extra_float_digits: '2', replication: 'false' }))
    assert.equal((await client.answer()).at(-1), 'Z I')
  })

  it('takes parameters out of options', async () => {
    const options = '-c TimeZone=Asia/Tokyo --search-path=a,\\ b -capplication_name=x\\\\y'
    const client = await open(raw.startup({ user: 'postgres', options }))
    assert.equal((await client.answer()).at(-1), 'Z I')
    assert.equal(await client.value('show time zone'), 'Asia/Tokyo')
    assert.equal(await client.value('show application_name'), 'x\\y')
    assert.equal(await client.value('show search_path'), 'a, b')
  })

  it('speaks protocol 3.2, with a longer cancel key', async () => {
    const client = await open(raw.startup({ user: 'postgres' }, raw.version3 + 2))
    assert.equal((await client.answer())[0], 'R 00000000')
    assert.equal(client.key.length, 4 + 32)
    assert.equal(await client.value('select 1'), '1')
  })

  it('negotiates newer protocol versions and unknown options down', async () => {
    const newer = await open(raw.startup({ user: 'postgres' }, raw.version3 + 9))
    assert.equal((await newer.answer())[0], 'v 0003000200000000')
    assert.equal(newer.key.length, 4 + 32)
    assert.equal(await newer.value('select 1'), '1')
    const asking = await open(raw.startup({ user: 'postgres', '_pq_.speed': 'up' }))
    assert.equal((await asking.answer())[0], `v 0003000000000001${Buffer.from('_pq_.speed\0').toString('hex')}`)
    assert.equal(asking.key.length, 8)
  })

  it('refuses other protocols', async () => {
    const client = await open(raw.startup({ user: 'postgres' }, 2 << 16))
    assert.deepEqual(await client.rest(), [
      'E FATAL 08P01: unsupported frontend protocol 2.0: 3.0 to 3.2 are spoken here',
    ])
  })

  it('is refused beyond the number of clients, and for a while only', async () => {
    const small = await poolers.start({ maxClients: 2 })
    const [one] = [await login(small), await login(small)]
    await assert.rejects(login(small), /FATAL 53300: no more connections allowed: max_client_conn is 2/)
    one.leave()
    await one.closed()
    await login(small)
  })

  it('is refused to users who are not on the list', async () => {
    const secrets = new Map([['postgres', new NoSecret('none')]])
    const madeUp = new MadeUpSecrets(4_096)
    const strict = await poolers.start({ authentication: { method: 'trust', secrets, madeUp } })
    await login(strict)
    await assert.rejects(login(strict, { user: 'plain' }), /FATAL 28000: "trust" authentication failed/)
  })

  it('has its own pool for each user and database', async () => {
    const two = await poolers.start({ poolSize: 1 })
    const [one, other] = [await login(two), await login(two, { user: 'plain', database: 'postgres' })]
    await one.query('begin')
    assert.equal(await other.value('select current_user'), 'plain')
    await one.query('commit')
  })
})

describe('the console', () => {
  let admin: RawClient
  let pooler: TestPooler
  before(async () => {
    pooler = await poolers.start({ poolSize: 2 })
  })
  beforeEach(async () => {
    admin = await login(pooler, { database: 'pgbouncer' })
  })

  it('shows pools in the columns of PgBouncer', async () => {
    const [active] = [await login(pooler), await login(pooler)]
    await active.query('begin')
    admin.send(raw.query('SHOW POOLS;'))
    const got = await admin.until('Z')
    assert.deepEqual(columnsWithTypes(got[0]?.body as Buffer), [
      'database 25',
      'user 25',
      'cl_active 23',
      'cl_waiting 23',
      'cl_active_cancel_req 23',
      'cl_waiting_cancel_req 23',
      'sv_active 23',
      'sv_active_cancel 23',
      'sv_being_canceled 23',
      'sv_idle 23',
      'sv_used 23',
      'sv_tested 23',
      'sv_login 23',
      'maxwait 23',
      'maxwait_us 23',
      'pool_mode 25',
      'load_balance_hosts 25',
    ])
    assert.deepEqual(got.slice(1).map(say), [
      'D postgres|postgres|2|0|0|0|1|0|0|0|0|0|0|0|0|transaction|null',
      'D pgbouncer|pgbouncer|1|0|0|0|0|0|0|0|0|0|0|0|0|statement|null',
      'C SHOW',
      'Z I',
    ])
  })

  it('counts who waits, and for how long', async () => {
    const all = [await login(pooler), await login(pooler), await login(pooler)]
    const [one, two, three] = all as [RawClient, RawClient, RawClient]
    await one.query('begin')
    await two.query('begin')
    three.send(raw.query('select 1'))
    await pooler.queues(1)
    await Bun.sleep(1_050)
    const [pool] = await admin.rows('show pools')
    assert.deepEqual([pool?.['cl_active'], pool?.['cl_waiting'], pool?.['sv_active']], ['2', '1', '2'])
    assert.equal(pool?.['maxwait'], '1')
    await one.query('commit')
    await two.query('commit')
    await three.answer()
  })

  it('shows the version of PgBouncer that it stands in for', async () => {
    const got = await admin.query('show  Version ;')
    assert.equal(got[0], 'T version')
    assert.match(String(got[1]), /^D PgBouncer 1\.25\.2 \(Taxirank \d+\.\d+\.\d+\)$/)
    assert.deepEqual(got.slice(2), ['C SHOW', 'Z I'])
  })

  it('reports what drivers want to know', () => {
    assert.equal(admin.parameters.get('server_version'), '1.25.2/bouncer')
    assert.equal(admin.parameters.get('client_encoding'), 'UTF8')
  })

  it('answers an unknown command with an error, and goes on', async () => {
    const [error, ready] = await admin.query('frobnicate')
    assert.match(String(error), /^E ERROR 08P01: invalid command "frobnicate"/)
    assert.equal(ready, 'Z I')
    assert.deepEqual(await admin.query(''), ['I', 'Z I'])
  })

  it('lets nobody in who is not named', async () => {
    await assert.rejects(login(pooler, { user: 'plain', database: 'pgbouncer' }), /FATAL 28000: not allowed/)
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})

/** `name oid` */
function columnsWithTypes(body: Buffer): string[] {
  let at = 2
  return Array.from({ length: body.readInt16BE(0) }, () => {
    const end = body.indexOf(0, at)
    const name = body.toString('utf8', at, end)
    at = end + 19
    return `${name} ${body.readInt32BE(end + 7)}`
  })
}
