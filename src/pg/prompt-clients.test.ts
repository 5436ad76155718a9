import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { it } from 'node:test'
import { Pool } from './pool.ts'

/** Has nothing to wait for: all that it is asked is done within the call. */
class PromptClient extends EventEmitter {
  readonly _queryable = true

  connect(connected: () => void): void {
    connected()
  }

  query(_text: unknown, _values: unknown, answered: (error: undefined, result: object) => void): void {
    answered(undefined, { rows: [] })
  }

  end(ended?: () => void): void {
    ended?.()
  }
}

it('whoever is served in the very call in which they asked may ask again in it', async () => {
  const pool = new Pool({ max: 3 }, PromptClient)
  const served: string[] = []
  const ask = (name: string, depth: number): void =>
    pool.connect((error, client) => {
      assert.equal(error, undefined)
      served.push(name)
      if (depth > 0) ask(`${name} again`, depth - 1)
      client?.release?.()
    })
  ask('one', 2)
  ask('other', 2)
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(served.sort(), ['one', 'one again', 'one again again', 'other', 'other again', 'other again again'])
  assert.deepEqual((await Promise.all([pool.query('select 1'), pool.query('select 2')])).length, 2)
  assert.deepEqual([pool.idleCount, pool.waitingCount], [pool.totalCount, 0])
  await pool.end()
})

it('a client that throws where it is to connect takes no place', async () => {
  class Throwing extends PromptClient {
    override connect(): void {
      throw new RangeError('no such port')
    }
  }
  const pool = new Pool({ max: 1 }, Throwing)
  for (const _ of [1, 2]) await assert.rejects(pool.connect(), /no such port/)
  assert.equal(pool.totalCount, 0)
  await pool.end()
})

it('nobody is called back within the call, not even who is refused', async () => {
  const pool = new Pool({ max: 1, maxWaiting: 1 }, PromptClient)
  const client = await pool.connect()
  void pool.connect().then((next) => next.release?.())
  let isWithin = true
  const refused = new Promise<Error | undefined>((resolve) => {
    pool.connect((error) => {
      assert.equal(isWithin, false)
      resolve(error)
    })
  })
  isWithin = false
  assert.equal(((await refused) as Error & { code: string }).code, 'queue_full')
  client.release?.()
  await pool.end()
})

it('a client that its onConnect has ended is lent to nobody', async () => {
  class Ending extends PromptClient {
    _ending = false
    override end(ended?: () => void): void {
      this._ending = true
      ended?.()
    }
  }
  const pool = new Pool({ max: 1, onConnect: (client: Ending) => client.end() }, Ending)
  await assert.rejects(pool.connect(), /Connection terminated/)
  await pool.end()
})

it('an end is the end of patience with a database that is down', async () => {
  class Down extends PromptClient {
    override connect(connected: (error?: Error) => void): void {
      setImmediate(() => connected(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })))
    }
  }
  const pool = new Pool({ max: 1, waitWhenDown: true }, Down)
  const told = assert.rejects(pool.connect(), /refused/)
  await pool.end()
  await told
})

it('a time that no timer can wait for is as good as none', async () => {
  const pool = new Pool({ max: 1, connectionTimeoutMillis: Infinity }, PromptClient)
  const client = await pool.connect()
  setTimeout(() => client.release?.(), 20)
  const next = await pool.connect()
  next.release?.()
  await pool.end()
})

it('what is refused is called as pg calls it', () => {
  const wrong = { connectionTimeoutMillis: 'soon' } as never
  assert.throws(() => new Pool(wrong, PromptClient), { code: 'bad_configuration', message: /connectionTimeoutMillis/ })
})
