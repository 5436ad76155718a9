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
