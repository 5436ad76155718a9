/** Statement pooling: a server for one statement at a time, and no transaction blocks. */

import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { TestPoolers, type TestPooler } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'

let postgres: TestPostgres
let direct: RawClient
let pooler: TestPooler
let one: RawClient
const poolers = new TestPoolers(() => postgres.port)
const clients: RawClient[] = []

before(async () => {
  postgres = await startTestPostgres()
  direct = await RawClient.login(postgres.port)
  await direct.query('create table entry (who text)')
  pooler = await poolers.start({ poolMode: 'statement', poolSize: 1 })
})

after(async () => {
  direct.leave()
  await poolers.remove()
  await postgres.remove()
})

beforeEach(async () => {
  await direct.query('truncate entry')
  one = await login()
})

afterEach(() => {
  for (const client of clients.splice(0)) client.reset()
})

async function login(parameters: Readonly<Record<string, string>> = {}): Promise<RawClient> {
  const client = await pooler.login(parameters)
  clients.push(client)
  return client
}

const refusal = 'E FATAL 0A000: transaction blocks not allowed in statement pooling mode'
const insert = "insert into entry values ('x')"
const count = (): Promise<string | null> => direct.value('select count(*) from entry')

describe('in statement mode a client', () => {
  it('may send several statements in one Query, which are one transaction', async () => {
    assert.deepEqual(await one.query(`${insert}; ${insert}`), ['C INSERT 0 1', 'C INSERT 0 1', 'Z I'])
    const failed = await one.query(`${insert}; select 1/0`)
    assert.deepEqual(failed, ['C INSERT 0 1', 'E ERROR 22012: division by zero', 'Z I'])
    assert.equal(await count(), '2')
  })

  it('may open a block that it closes in the same Query', async () => {
    assert.deepEqual(await one.query(`begin; ${insert}; commit`), ['C BEGIN', 'C INSERT 0 1', 'C COMMIT', 'Z I'])
    assert.equal(await count(), '1')
  })

  it('may not open a transaction block, and the server goes on', async () => {
    one.send(raw.query('begin'))
    assert.deepEqual(await one.rest(), ['C BEGIN', refusal])
    assert.equal(await (await login()).value('select 7'), '7')
  })

  it('may not leave one open behind other statements, and they are rolled back', async () => {
    one.send(raw.query(`begin; ${insert}`))
    assert.deepEqual(await one.rest(), ['C BEGIN', 'C INSERT 0 1', refusal])
    assert.equal(await (await login()).value('select count(*) from entry'), '0')
  })

  it('may not leave a failed one open', async () => {
    one.send(raw.query('begin; select 1/0'))
    assert.deepEqual(await one.rest(), ['C BEGIN', 'E ERROR 22012: division by zero', refusal])
    assert.equal(await (await login()).value('select 7'), '7')
  })

  it('cannot commit a block by sending everything at once', async () => {
    const messages = ['begin', insert, 'commit', 'select 7'].map((text) => raw.query(text))
    one.send(raw.all(...messages))
    assert.deepEqual(await one.rest(), ['C BEGIN', refusal])
    const two = await login()
    two.send(raw.statement('begin'), raw.sync, raw.statement(insert), raw.sync, raw.statement('commit'), raw.sync)
    assert.deepEqual(await two.rest(), ['1', '2', 'C BEGIN', refusal])
    const three = await login()
    await three.sendBytewise(raw.all(...messages)).catch(() => undefined)
    assert.deepEqual(await three.rest(), ['C BEGIN', refusal])
    assert.equal(await (await login()).value('select count(*) from entry'), '0')
  })

  it('may say goodbye behind a block, which is rolled back', async () => {
    one.send(raw.all(raw.query(`begin; ${insert}`), raw.terminate))
    await one.closed()
    assert.equal(await (await login()).value('select count(*) from entry'), '0')
  })

  it('may pipeline, and is answered in order', async () => {
    one.send(...['1', '2', '3'].map((n) => raw.query(`select ${n}`)), raw.statement('select 4'), raw.sync)
    for (const n of ['1', '2', '3']) {
      assert.deepEqual(await one.answer(), ['T ?column?', `D ${n}`, 'C SELECT 1', 'Z I'])
    }
    assert.deepEqual(await one.answer(), ['1', '2', 'D 4', 'C SELECT 1', 'Z I'])
  })

  it('has its parameters before its statement, wherever that runs', async () => {
    const two = await login({ timezone: 'Asia/Tokyo' })
    await one.query('select 1')
    two.send(raw.query('show timezone'), raw.query('select 2'))
    assert.deepEqual(await two.answer(), ['T TimeZone', 'D Asia/Tokyo', 'C SHOW', 'Z I'])
    assert.deepEqual(await two.answer(), ['T ?column?', 'D 2', 'C SELECT 1', 'Z I'])
  })

  it('copies in, also with what follows already sent', async () => {
    const copy = raw.all(
      raw.query('copy entry from stdin'),
      raw.copyData('a\nb\n'),
      raw.copyDone,
      raw.query('select 7'),
    )
    one.send(copy)
    assert.deepEqual((await one.answer()).slice(1), ['C COPY 2', 'Z I'])
    assert.deepEqual(await one.answer(), ['T ?column?', 'D 7', 'C SELECT 1', 'Z I'])
    const extended = raw.all(
      raw.statement('copy entry from stdin'),
      raw.sync,
      raw.copyData('c\n'),
      raw.copyDone,
      raw.sync,
    )
    one.send(extended, raw.query('select 8'))
    assert.deepEqual(
      (await one.answer()).filter((line) => !line.startsWith('G')),
      ['1', '2', 'C COPY 1', 'Z I'],
    )
    assert.deepEqual(await one.answer(), ['T ?column?', 'D 8', 'C SELECT 1', 'Z I'])
    one.send(raw.all(raw.query('copy entry from stdin'), raw.copyFail('no'), raw.query('select 9')))
    assert.match((await one.answer()).join(), /E ERROR 57014.*Z I$/)
    assert.deepEqual(await one.answer(), ['T ?column?', 'D 9', 'C SELECT 1', 'Z I'])
    assert.equal(await count(), '3')
  })

  it('shares the server statement by statement', async () => {
    const others = await Promise.all(['a', 'b', 'c'].map(() => login()))
    const answers = await Promise.all(others.map((client, n) => client.value(`select ${n}`)))
    assert.deepEqual(answers, ['0', '1', '2'])
  })
})

describe('in statement mode clients that differ', () => {
  it('take turns on one server', { timeout: 10_000 }, async () => {
    const [a, b] = [await login({ application_name: 'a' }), await login({ application_name: 'b' })]
    const asks = async (client: RawClient): Promise<(string | null)[]> => {
      const answers: (string | null)[] = []
      for (let at = 0; at < 20; at++) answers.push(await client.value('show application_name'))
      return answers
    }
    const [ofA, ofB] = await Promise.all([asks(a), asks(b)])
    assert.deepEqual([...new Set(ofA), ...new Set(ofB)], ['a', 'b'])
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
