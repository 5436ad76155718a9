/** What is sent ahead of a holder's first query: the reset after the last holder, and what this one wants. */

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Pool } from '../../src/pg/taxirank.ts'
import { Taxirank } from './support/library.ts'
import { Stage } from './support/stage.ts'
import { eventually } from './support/waiting.ts'

let stage: Stage
const tenants = new AsyncLocalStorage<string>()
const setTenant = (): string | undefined => {
  const tenant = tenants.getStore()
  return tenant && `SET app.tenant = '${tenant}'`
}
const askTenant = "select current_setting('app.tenant', true) as tenant"

before(async () => {
  stage = await Stage.start()
})
afterEach(() => stage.clear())
after(() => stage.remove())

const poolOf = (options: object): Pool => stage.taxirank(options)

/** How often a client writes to its socket. */
function countWrites(client: object): () => number {
  const { stream } = (client as { connection: { stream: { _write: unknown; _writev: unknown } } }).connection
  let writes = 0
  for (const name of ['_write', '_writev'] as const) {
    const write = stream[name] as ((...args: unknown[]) => unknown) | undefined
    if (!write) continue
    stream[name] = function (this: unknown, ...args: unknown[]) {
      writes++
      return write.apply(this, args)
    }
  }
  return () => writes
}

describe('sessionSetup', () => {
  it('is run for each lease, by what the caller’s own context says', async () => {
    const pool = poolOf({ max: 1, sessionSetup: setTenant })
    const seen: unknown[] = []
    for (const tenant of ['a', 'b', 'c']) {
      await tenants.run(tenant, async () => {
        seen.push((await pool.query(askTenant)).rows[0])
        const client = await pool.connect()
        seen.push((await client.query({ text: askTenant, values: [], name: 'asked' })).rows[0])
        seen.push((await client.query('select $1::int as second', [2])).rows[0])
        client.release()
      })
    }
    const expected = ['a', 'b', 'c'].flatMap((tenant) => [{ tenant }, { tenant }, { second: 2 }])
    assert.deepEqual(seen, expected)
  })

  it('is the waiting caller’s, not the one’s who gives back', async () => {
    const pool = poolOf({ max: 1, sessionSetup: setTenant })
    const client = await pool.connect()
    const waiting = tenants.run('waiting', () => pool.query(askTenant))
    tenants.run('other', () => client.release())
    assert.deepEqual((await waiting).rows, [{ tenant: 'waiting' }])
  })

  it('goes in one write with the first query', async () => {
    const pool = poolOf({ max: 1, sessionSetup: "SET app.tenant = 'x'" })
    const client = await pool.connect()
    await client.query('select 1')
    const written = countWrites(client)
    client.release()
    await pool.query('select $1::int', [1])
    assert.equal(written(), 1)
  })

  it('has nothing run that stands behind it if it fails, and the client is not lent on', async () => {
    const pool = poolOf({ max: 1, sessionSetup: 'SET ROLE nobody_of_that_name' })
    await assert.rejects(pool.query('create table never ()'), { code: '22023' })
    const client = await pool.connect()
    await assert.rejects(client.query('create table never ()'), { code: '22023' })
    client.release()
    await eventually('the client is gone', () => pool.totalCount === 0)
    assert.deepEqual(await stage.ask("select to_regclass('never')"), [null])
  })

  it('is not run for a holder who asks nothing, and leaves nothing to the next one', async () => {
    const pool = poolOf({ max: 1, sessionSetup: setTenant })
    const client = await tenants.run('silent', () => pool.connect())
    client.release()
    assert.deepEqual((await pool.query(askTenant)).rows, [{ tenant: null }])
  })

  it('goes before what can’t be sent at all, whose error comes all the same', async () => {
    const pool = poolOf({ max: 1, sessionSetup: "SET app.tenant = 'x'" })
    const client = await pool.connect()
    await assert.rejects(client.query({ text: 'select $1', values: 'no array' as never }), /must be an array/)
    assert.deepEqual((await client.query(askTenant)).rows, [{ tenant: 'x' }])
    client.release()
  })

  it('works on a client that pipelines', async () => {
    const pool = poolOf({ max: 1, pipeline: true, sessionSetup: setTenant })
    await tenants.run('piped', async () => {
      const client = await pool.connect()
      const results = await Promise.all([client.query(askTenant), client.query('select 2 as two')])
      assert.deepEqual(
        results.map(({ rows }) => rows),
        [[{ tenant: 'piped' }], [{ two: 2 }]],
      )
      client.release()
    })
  })

  it('is run in a round trip of its own on a client it knows nothing of', async () => {
    const asked: string[] = []
    class Unknown {
      readonly _queryable = true
      connect(done: () => void): void {
        setImmediate(done)
      }
      end(done?: () => void): void {
        setImmediate(done ?? (() => undefined))
      }
      on(): void {}
      query(text: string, _values: unknown, done: (error?: Error, result?: object) => void): void {
        asked.push(text)
        setImmediate(() => (text.includes('refused') ? done(new Error('no')) : done(undefined, { rows: [] })))
      }
    }
    const pool = new Taxirank({ max: 1, sessionSetup: () => `SET ${tenants.getStore()}` }, Unknown)
    await tenants.run('a', () => pool.query('first'))
    await tenants.run('b', async () => (await pool.connect()).release())
    await assert.rejects(
      tenants.run('refused', () => pool.query('never')),
      /no/,
    )
    assert.deepEqual(asked, ['SET a', 'first', 'SET b', 'SET refused'])
    assert.equal(pool.totalCount, 0)
    await pool.end()
  })
})

describe('reset', () => {
  it('as a text is sent ahead of the next holder’s first query, in one write', async () => {
    const pool = poolOf({ max: 1, reset: 'DISCARD ALL' })
    const first = await pool.connect()
    await first.query("SET application_name = 'left behind'")
    await first.query('create temporary table scratch (id int)')
    const written = countWrites(first)
    first.release()
    const { rows } = await pool.query(
      "select current_setting('application_name') as name, to_regclass('scratch') as scratch",
    )
    assert.deepEqual(rows, [{ name: '', scratch: null }])
    assert.equal(written(), 1)
  })

  it('is not sent to a client that nobody has had', async () => {
    const pool = poolOf({ max: 1, reset: 'no such statement' })
    const { rows } = await pool.query('select 1 as one')
    assert.deepEqual(rows, [{ one: 1 }])
    await assert.rejects(pool.query('select 2'), { code: '42601' })
  })

  it('as a function is awaited when a client is given back, and one where it fails is closed', async () => {
    const told: string[] = []
    const reset = async (client: { query(text: string): Promise<unknown> }): Promise<void> => {
      told.push('reset')
      if (told.length === 2) throw new Error('no')
      await client.query("SET app.tenant = 'nobody'")
    }
    const pool = poolOf({ max: 1, reset })
    await pool.query("SET app.tenant = 'somebody'")
    assert.deepEqual((await pool.query(askTenant)).rows, [{ tenant: 'nobody' }])
    assert.deepEqual((await pool.query(askTenant)).rows, [{ tenant: null }])
    assert.equal(told.length >= 2, true)
  })

  it('goes before what sessionSetup says', async () => {
    const pool = poolOf({ max: 1, reset: 'RESET ALL', sessionSetup: setTenant })
    await pool.query("SET TimeZone = 'Asia/Tokyo'")
    const { rows } = await tenants.run('z', () =>
      pool.query(
        "select current_setting('app.tenant') as tenant, current_setting('TimeZone') <> 'Asia/Tokyo' as is_reset",
      ),
    )
    assert.deepEqual(rows, [{ tenant: 'z', is_reset: true }])
  })
})

describe('what one holder was set up with', () => {
  it('is gone for the next who wants nothing, also if the one between asked nothing', async () => {
    const pool = poolOf({ max: 1, sessionSetup: setTenant })
    await tenants.run('a', () => pool.query(askTenant))
    const silent = await pool.connect()
    silent.release()
    assert.deepEqual((await pool.query(askTenant)).rows, [{ tenant: '' }])
  })

  it('is gone with the role, and named statements go on', async () => {
    await stage.ask('create role narrow')
    const pool = poolOf({ max: 1, sessionSetup: () => tenants.getStore() && `SET ROLE ${tenants.getStore()}` })
    const who = { name: 'who', text: 'select current_user::text as role' }
    assert.deepEqual((await tenants.run('narrow', () => pool.query(who))).rows, [{ role: 'narrow' }])
    assert.deepEqual((await pool.query(who)).rows, [{ role: 'postgres' }])
  })
})

describe('a reset that forgets prepared statements', () => {
  for (const pipeline of [false, true]) {
    it(`has pg prepare them anew${pipeline ? ', on a client that pipelines, too' : ''}`, async () => {
      const pool = poolOf({ max: 1, reset: 'DISCARD ALL', pipeline })
      const named = { name: 'sum', text: 'select $1::int + 1 as sum', values: [1] }
      for (const _ of [1, 2, 3]) assert.deepEqual((await pool.query(named)).rows, [{ sum: 2 }])
    })
  }
})

describe('a sessionSetup that can’t even be parsed', () => {
  it('has nothing run behind it, and no reply is taken for another', async () => {
    const pool = poolOf({ max: 1, sessionSetup: "SET app.tenant = 'o'b'" })
    await stage.ask('create table untouched (id int)')
    await assert.rejects(pool.query('insert into untouched values (1)'), { code: '42601' })
    const client = await pool.connect()
    await assert.rejects(client.query('insert into untouched values (2)'), { code: '42601' })
    await assert.rejects(client.query('select 3 as three'))
    client.release()
    assert.deepEqual(await stage.ask('select count(*)::int from untouched'), [0])
  })

  it('has nothing run behind it on a client that pipelines, on its first query and after', async () => {
    const pool = poolOf({ max: 1, pipeline: true, sessionSetup: "SET app.tenant = 'o'b'" })
    await stage.ask('create table unpiped (id int)')
    await assert.rejects(pool.query('insert into unpiped values (1)'), { code: '42601' })
    await assert.rejects(pool.connect(), { code: '42601' })
    assert.deepEqual(await stage.ask('select count(*)::int from unpiped'), [0])
  })
})

describe('a sessionSetup that ends with a comment', () => {
  it('leaves no guard on: an error of the holder’s own does not end the connection', async () => {
    const pool = poolOf({ max: 1, sessionSetup: "SET app.tenant = 'x' -- the tenant" })
    const client = await pool.connect()
    await assert.rejects(client.query('select 1/0'), { code: '22012' })
    assert.deepEqual((await client.query(askTenant)).rows, [{ tenant: 'x' }])
    client.release()
  })
})

describe('what is not a plain query', () => {
  it('is submitted when the statements ahead of it have been answered', async () => {
    const pool = poolOf({ max: 1, sessionSetup: setTenant })
    const seen: string[] = []
    /** As a COPY stream does it: whatever PostgreSQL says from now on is its own. */
    class Taking {
      #done: () => void = () => undefined
      readonly ended = new Promise<void>((resolve) => (this.#done = resolve))
      submit(connection: { query(text: string): void; once(event: string, heard: () => void): void }): void {
        connection.once('commandComplete', () => void seen.push('a command is complete'))
        connection.query(askTenant)
      }
      handleRowDescription(): void {}
      handleDataRow({ fields }: { fields: unknown[] }): void {
        seen.push(String(fields[0]))
      }
      handleCommandComplete(): void {}
      handleReadyForQuery(): void {
        this.#done()
      }
      handleError(): void {}
    }
    await tenants.run('taken', async () => {
      const client = await pool.connect()
      const taking = new Taking()
      client.query(taking as never)
      await taking.ended
      client.release()
    })
    assert.deepEqual(seen, ['taken', 'a command is complete'])
  })
})

describe('a sessionSetup that is no text', () => {
  it('is refused, and takes no place', async () => {
    const pool = poolOf({ max: 1, sessionSetup: async () => 'SET app.tenant = 1' })
    const refused = { code: 'bad_configuration', message: 'sessionSetup must be or return a text, got a Promise' }
    await assert.rejects(pool.query('select 1'), refused)
    await assert.rejects(pool.connect(), refused)
    assert.equal(pool.totalCount, 0)
  })
})

describe('a sessionSetup that would copy', () => {
  it('fails, once, and nothing runs behind it', async () => {
    await stage.ask('create table copied (id int)')
    const pool = poolOf({ max: 1, sessionSetup: 'COPY copied FROM STDIN' })
    const client = await pool.connect()
    const heard: unknown[] = []
    client.query('insert into copied values (1)', (error) => void heard.push(error.message))
    await eventually('it has failed', () => heard.length > 0)
    await eventually('the client is lost', () => (client as unknown as { _ended: boolean })._ended)
    client.release()
    assert.deepEqual(heard, ['a COPY can not be sent ahead of a query'])
    assert.deepEqual(await stage.ask('select count(*)::int from copied'), [0])
  })
})

describe('a connection that is lost while statements are sent ahead of a cursor', () => {
  it('is told to that once', async () => {
    const pool = poolOf({ max: 1, sessionSetup: 'select pg_sleep(60)' })
    const heard: string[] = []
    class Waiting {
      submit(): void {
        heard.push('submitted')
      }
      handleError(error: Error): void {
        heard.push(error.constructor.name)
      }
    }
    const client = await pool.connect()
    client.query(new Waiting() as never)
    await new Promise((resolve) => setTimeout(resolve, 50))
    ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
    await eventually('it is told', () => heard.length > 0)
    await new Promise((resolve) => setTimeout(resolve, 20))
    client.release()
    assert.deepEqual(heard, ['Error'])
  })
})
