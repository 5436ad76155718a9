/** COPY through the pooler, in both directions and protocols, and everything that can go wrong with it. */

import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { listenForPeers } from './support/net-peer.ts'
import { eventually, TestPoolers, type TestPooler } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'
import { say } from './support/raw-messages.ts'

let postgres: TestPostgres
let direct: RawClient
let pooler: TestPooler
let one: RawClient
let two: RawClient
const poolers = new TestPoolers(() => postgres.port)

before(async () => {
  postgres = await startTestPostgres()
  direct = await RawClient.login(postgres.port)
  await direct.query('create table item (id int primary key, name text)')
  pooler = await poolers.start({ poolSize: 1 })
})

after(async () => {
  direct.leave()
  await poolers.remove()
  await postgres.remove()
})

beforeEach(async () => {
  await direct.query('truncate item')
  one = await pooler.login()
  two = await pooler.login()
})

afterEach(() => {
  one.reset()
  two.reset()
})

const copyIn = 'copy item from stdin'
const copyInResponse = `G 00000200000000`
const ready = ['C COPY 2', 'Z I']
const ok = ['T ?column?', 'D 7', 'C SELECT 1', 'Z I']
const items = (): Promise<string | null> => direct.value("select string_agg(name, ',' order by id) from item")

/** The next client gets the server, clean: no transaction, its own answer. */
async function assertNextIsClean(): Promise<void> {
  assert.deepEqual(await two.query('select 7'), ok)
  assert.equal(await two.value('select pg_current_xact_id_if_assigned()'), null)
}

describe('COPY FROM STDIN', () => {
  it('takes data by the simple protocol', async () => {
    one.send(raw.query(copyIn))
    assert.deepEqual((await one.until('G')).map(say), [copyInResponse])
    two.send(raw.query('select 7'))
    one.send(raw.copyData('1\ta\n'))
    await two.staysSilent()
    one.send(raw.copyData('2\tb'), raw.copyData('\n'))
    assert.deepEqual(await one.ask(raw.copyDone), ready)
    assert.deepEqual(await two.answer(), ok)
    assert.equal(await items(), 'a,b')
  })

  it('takes it all in one write', async () => {
    const answer = await one.ask(raw.query(copyIn), raw.copyData('1\ta\n2\tb\n'), raw.copyDone, raw.query('select 7'))
    assert.deepEqual(answer, [copyInResponse, ...ready])
    assert.deepEqual(await one.answer(), ok)
    await assertNextIsClean()
  })

  it('takes it byte by byte', async () => {
    await one.sendBytewise(raw.all(raw.query(copyIn), raw.copyData('1\ta\n2\tb\n'), raw.copyDone))
    assert.deepEqual(await one.answer(), [copyInResponse, ...ready])
    await assertNextIsClean()
  })

  it('takes several in one Query', async () => {
    const data = (id: number): Buffer => raw.all(raw.copyData(`${id}\tx\n`), raw.copyDone)
    const answer = await one.ask(raw.query(`${copyIn}; select 1; ${copyIn}`), data(1), data(2))
    const select = ['T ?column?', 'D 1', 'C SELECT 1']
    assert.deepEqual(answer, [copyInResponse, 'C COPY 1', ...select, copyInResponse, 'C COPY 1', 'Z I'])
    await assertNextIsClean()
  })

  it('ends with CopyFail', async () => {
    const answer = await one.ask(raw.query(copyIn), raw.copyData('1\ta\n'), raw.copyFail('no more'))
    assert.deepEqual(answer, [copyInResponse, 'E ERROR 57014: COPY from stdin failed: no more', 'Z I'])
    assert.equal(await items(), null)
    await assertNextIsClean()
  })

  it('ends with an error in bad data, and what is still sent goes nowhere', async () => {
    one.send(raw.query(copyIn), raw.copyData('oops\ta\n'))
    const error = 'E ERROR 22P02: invalid input syntax for type integer: "oops"'
    assert.deepEqual(await one.answer(), [copyInResponse, error, 'Z I'])
    one.send(raw.copyData('1\ta\n'), raw.copyData('2\tb\n'), raw.copyDone)
    await assertNextIsClean()
    one.send(raw.copyFail('late'))
    assert.deepEqual(await one.query('select 7'), ok)
    assert.equal(await items(), null)
  })

  it('ends with an error while data behind it is on its way', async () => {
    const much = Array.from({ length: 300 }, () => raw.copyData(`${'x'.repeat(8_000)}\n`))
    one.send(raw.query(copyIn), ...much, raw.copyDone, raw.query('select 7'))
    const answer = await one.answer()
    assert.match(String(answer[1]), /^E ERROR 22P02/)
    assert.equal(answer.at(-1), 'Z I')
    assert.deepEqual(await one.answer(), ok)
    await assertNextIsClean()
  })

  it('ignores Flush and Sync meanwhile', async () => {
    one.send(raw.query(copyIn))
    await one.until('G')
    one.send(raw.flush, raw.sync, raw.copyData('1\ta\n'), raw.sync, raw.copyData('2\tb\n'), raw.flush, raw.copyDone)
    assert.deepEqual(await one.answer(), ready)
    await one.staysSilent()
    assert.deepEqual(await one.query('select 7'), ok)
    await assertNextIsClean()
  })

  it('refuses other messages meanwhile, closes that client only, and keeps nothing', async () => {
    const others = [raw.query('select 1'), raw.parse('select 1'), raw.bind(), raw.execute(), raw.functionCall(177, [])]
    for (const other of others) {
      const client = await pooler.login()
      client.send(raw.query(copyIn))
      await client.until('G')
      client.send(raw.copyData('1\ta\n'), other)
      const name = other.toString('latin1', 0, 1)
      assert.deepEqual(await client.rest(), [`E FATAL 08P01: message '${name}' is not allowed during COPY FROM STDIN`])
      await assertNextIsClean()
      assert.equal(await items(), null)
    }
  })

  it('takes data by the extended protocol', async () => {
    one.send(raw.statement(copyIn), raw.flush)
    assert.deepEqual((await one.until('G')).map(say), ['1', '2', copyInResponse])
    const answer = await one.ask(raw.copyData('1\ta\n2\tb\n'), raw.copyDone, raw.sync)
    assert.deepEqual(answer, ready)
    await assertNextIsClean()
  })

  it('takes it by the extended protocol with a Sync ahead of the data', async () => {
    one.send(raw.statement(copyIn), raw.sync)
    assert.deepEqual((await one.until('G')).map(say), ['1', '2', copyInResponse])
    two.send(raw.query('select 7'))
    const answer = await one.ask(raw.copyData('1\ta\n2\tb\n'), raw.copyDone, raw.sync)
    assert.deepEqual(answer, ready)
    assert.deepEqual(await two.answer(), ok)
    await one.staysSilent()
    assert.equal(await items(), 'a,b')
    await assertNextIsClean()
  })

  it('takes it by the extended protocol in one write, with and without a Sync ahead', async () => {
    const data = (id: number): Buffer => raw.all(raw.copyData(`${id}\tx\n`), raw.copyDone, raw.sync)
    const lines = ['1', '2', copyInResponse, 'C COPY 1', 'Z I']
    assert.deepEqual(await one.ask(raw.statement(copyIn), raw.sync, data(1)), lines)
    assert.deepEqual(await one.ask(raw.statement(copyIn), data(2)), lines)
    assert.deepEqual(await one.ask(raw.statement(copyIn), raw.sync, raw.sync, data(3), raw.query('select 7')), lines)
    assert.deepEqual(await one.answer(), ok)
    await assertNextIsClean()
  })

  it('ends with CopyFail by the extended protocol', async () => {
    one.send(raw.statement(copyIn), raw.flush)
    await one.until('G')
    const answer = await one.ask(raw.copyFail('no more'), raw.sync)
    assert.deepEqual(answer, ['E ERROR 57014: COPY from stdin failed: no more', 'Z I'])
    await assertNextIsClean()
    assert.deepEqual(await one.query('select 7'), ok)
  })

  it('does not keep the server from others after an error by the extended protocol', async () => {
    one.send(raw.statement(copyIn), raw.flush)
    await one.until('G')
    const answer = await one.ask(raw.copyData('oops\n'), raw.copyDone, raw.sync)
    assert.match(String(answer[0]), /^E ERROR 22P02/)
    await assertNextIsClean()
    assert.deepEqual(await one.query('select 7'), ok)
  })

  it('does not keep the server from others after an error with a Sync ahead of the data', async () => {
    one.send(raw.statement(copyIn), raw.sync)
    await one.until('G')
    const answer = await one.ask(raw.copyData('oops\n'), raw.copyDone, raw.sync)
    assert.match(String(answer[0]), /^E ERROR 22P02/)
    assert.equal(answer[1], 'Z I')
    await assertNextIsClean()
    assert.deepEqual(await one.query('select 7'), ok)
  })

  it('belongs to its transaction', async () => {
    await one.query('begin')
    one.send(raw.query(copyIn), raw.copyData('1\ta\n2\tb\n'), raw.copyDone)
    assert.deepEqual(await one.answer(), [copyInResponse, 'C COPY 2', 'Z T'])
    assert.deepEqual(await one.query('rollback'), ['C ROLLBACK', 'Z I'])
    assert.equal(await items(), null)
    await assertNextIsClean()
  })

  it('takes a row that is longer than any buffer', async () => {
    const long = 'y'.repeat(3_000_000)
    one.send(raw.query(copyIn), raw.copyData(`1\t${long}\n`), raw.copyDone)
    assert.deepEqual(await one.answer(), [copyInResponse, 'C COPY 1', 'Z I'])
    assert.equal(await direct.value('select length(name) from item'), '3000000')
    await assertNextIsClean()
  })
})

describe('a COPY FROM STDIN in a long pipeline', () => {
  it('is read on when PostgreSQL ignores the Syncs behind it', async () => {
    const pooler = await poolers.start({ poolSize: 1 })
    const client = await pooler.login()
    client.send(raw.all(raw.query(copyIn), ...Array.from({ length: 9_000 }, () => raw.sync)))
    await client.until('G')
    assert.deepEqual(await client.ask(raw.copyData('9001\tx\n'), raw.copyDone), ['C COPY 1', 'Z I'])
    client.leave()
  })
})

describe('a server that does not read', () => {
  it('is lent again only when everything has left that its last client said', async () => {
    const fake = await listenForPeers()
    const behind = { address: { host: '127.0.0.1', port: fake.port } }
    const own = await poolers.start({ database: behind, serverIsPooler: false })
    const login = own.login()
    const server = await fake.next()
    const int = (value: number): Buffer => Buffer.from([0, 0, 0, value])
    const ready = raw.message('Z', Buffer.from('I'))
    server.socket.write(raw.all(raw.message('R', int(0)), raw.message('K', int(1), int(2)), ready))
    const first = await login
    first.send(raw.query(copyIn))
    server.socket.write(raw.message('G', Buffer.from([0, 0, 0])))
    await first.until('G')
    server.socket.pause()
    first.send(...Array.from({ length: 2_000 }, () => raw.copyData('x'.repeat(10_000))))
    await Bun.sleep(200)
    server.socket.write(raw.all(raw.message('E', Buffer.from('SERROR\0VERROR\0C22000\0Mno\0\0')), ready))
    assert.deepEqual(await first.answer(), ['E ERROR 22000: no', 'Z I'])
    const second = await own.login()
    second.send(raw.query('select 7'))
    await own.queues(1)
    server.socket.resume()
    await eventually('its query comes', () => server.received.subarray(-16).includes('select 7'))
    server.socket.write(raw.all(raw.message('C', Buffer.from('SELECT 1\0')), ready))
    assert.deepEqual(await second.answer(), ['C SELECT 1', 'Z I'])
    first.reset()
    second.reset()
    server.socket.destroy()
    fake.close()
  })
})

describe('COPY TO STDOUT', () => {
  const copyOut = "copy (select n, 'x' from generate_series(1, 3) n) to stdout"
  const lines = ['H 00000200000000', 'd 1\tx\n', 'd 2\tx\n', 'd 3\tx\n', 'c', 'C COPY 3']

  it('gives data by the simple protocol', async () => {
    assert.deepEqual(await one.query(copyOut), [...lines, 'Z I'])
    await assertNextIsClean()
  })

  it('gives data by the extended protocol', async () => {
    assert.deepEqual(await one.ask(raw.statement(copyOut), raw.sync), ['1', '2', ...lines, 'Z I'])
    await assertNextIsClean()
  })

  it('ends with an error in the middle', async () => {
    const answer = await one.query('copy (select 1 / (3 - n) from generate_series(1, 5) n) to stdout')
    assert.deepEqual(answer, ['H 0000010000', 'd 0\n', 'd 1\n', 'E ERROR 22012: division by zero', 'Z I'])
    await assertNextIsClean()
  })

  it('gives more than any buffer holds', async () => {
    one.send(raw.query("copy (select repeat('z', 1000) from generate_series(1, 8000)) to stdout"))
    const got = await one.until('Z')
    assert.equal(got.filter(({ type }) => type === 'd').length, 8_000)
    await assertNextIsClean()
  })
})

describe('copy messages without a COPY', () => {
  it('are used up and ask for no server', async () => {
    await two.query('begin')
    one.send(raw.copyData('1\ta\n'), raw.copyDone, raw.copyFail('x'))
    await one.staysSilent()
    await two.query('commit')
    assert.deepEqual(await one.query('select 7'), ok)
    await assertNextIsClean()
  })

  it('do no harm within a transaction or a pipeline', async () => {
    await one.query('begin')
    one.send(raw.copyData('1\ta\n'), raw.copyDone)
    assert.deepEqual(await one.query('commit'), ['C COMMIT', 'Z I'])
    one.send(
      raw.parse('select 7'),
      raw.copyData('x'),
      raw.bind(),
      raw.copyDone,
      raw.execute(),
      raw.copyFail('y'),
      raw.sync,
    )
    assert.deepEqual(await one.answer(), ['1', '2', 'D 7', 'C SELECT 1', 'Z I'])
    await assertNextIsClean()
  })
})

describe('a client that dies in a COPY', () => {
  const ways = { FIN: (client: RawClient) => client.vanish(), RST: (client: RawClient) => client.reset() }
  for (const [name, die] of Object.entries(ways)) {
    for (const [how, begin] of [
      ['simple', raw.query(copyIn)],
      ['extended', raw.all(raw.statement(copyIn), raw.flush)],
      ['extended, with a Sync ahead', raw.all(raw.statement(copyIn), raw.sync)],
    ] as const) {
      it(`leaves nothing behind: FROM, ${how}, ${name}`, async () => {
        one.send(begin)
        await one.until('G')
        one.send(raw.copyData('1\ta\n'))
        await Bun.sleep(5)
        die(one)
        await assertNextIsClean()
        assert.equal(await items(), null)
      })
    }

    it(`leaves nothing behind: FROM, in the middle of a message, ${name}`, async () => {
      one.send(raw.query(copyIn))
      await one.until('G')
      one.send(raw.copyData(`1\t${'a'.repeat(100_000)}\n`).subarray(0, 50_000))
      await Bun.sleep(20)
      die(one)
      await assertNextIsClean()
      assert.equal(await items(), null)
    })

    it(`leaves nothing behind: TO, ${name}`, async () => {
      one.send(raw.query("copy (select repeat('z', 1000) from generate_series(1, 100000)) to stdout"))
      await one.received(100_000)
      die(one)
      await assertNextIsClean()
      await eventually('nothing runs', async () => {
        const running =
          "select count(*) from pg_stat_activity where state <> 'idle' and pid <> pg_backend_pid() and backend_type = 'client backend'"
        return (await direct.value(running)) === '0'
      })
    })
  }
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
