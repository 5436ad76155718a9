import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gate, rejection, stateOf, Supply, turn } from '../../test/support/supply.ts'

describe('a pool whose minimum is open', () => {
  it('is ready while one is checked', async () => {
    const [begun, checking] = [gate(), gate()]
    const check = (): Promise<void> => (begun.open(), checking.promise)
    const pool = new Supply().pool({ min: 1, prewarm: true, keepaliveMillis: 5, check })
    await pool.ready()
    await begun.promise
    assert.equal(pool.isReady, true)
    checking.open()
  })

  it('is ready while one is reset', async () => {
    const resetting = gate()
    const pool = new Supply().pool({ min: 1, prewarm: true, reset: () => resetting.promise })
    await pool.ready()
    await pool.use(() => undefined)
    assert.equal(pool.isReady, true)
    resetting.open()
  })
})

describe('ready', () => {
  it('ends with the pool: whoever waits for it is told', async () => {
    const pool = new Supply().pool({ min: 1, prewarm: true, open: () => new Promise(() => undefined) })
    const ready = pool.ready()
    const refused = rejection(ready)
    await turn()
    await pool.end()
    assert.notEqual(await stateOf(ready), 'pending')
    assert.equal((await refused).code, 'admin_shutdown')
  })
})
