import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Gate, gate, rejection, stateOf, Supply, type Thing, turn } from '../../test/support/supply.ts'

const never = (): Promise<never> => new Promise(() => undefined)

describe('open', () => {
  it('is called with a signal, and may take its time', async () => {
    const supply = new Supply()
    const opening = gate()
    const signals: AbortSignal[] = []
    const open = async (signal: AbortSignal): Promise<Thing> => {
      signals.push(signal)
      await opening.promise
      return supply.open()
    }
    const pool = supply.pool({ open })
    const waiting = pool.acquire()
    assert.deepEqual([await stateOf(waiting), pool.size, pool.leased], ['pending', 1, 0])
    opening.open()
    assert.equal((await waiting).resource.name, 1)
    assert.deepEqual(
      signals.map(({ aborted }) => aborted),
      [false],
    )
  })

  it('is called for each who waits, up to the maximum', async () => {
    let attempts = 0
    const pool = new Supply().pool({ max: 3, open: () => (attempts++, never()) })
    for (let caller = 0; caller < 5; caller++) void pool.acquire()
    await turn()
    assert.deepEqual([attempts, pool.size, pool.waiting], [3, 3, 5])
  })

  it('has failed when its time is over, and its signal says so', async () => {
    let reason: unknown
    const open = (signal: AbortSignal): Promise<never> => {
      signal.addEventListener('abort', () => (reason = signal.reason))
      return never()
    }
    const pool = new Supply().pool({ open, openTimeoutMillis: 10 })
    const { code, message, cause } = await rejection(pool.acquire())
    assert.deepEqual([code, message], ['server_connect_failed', 'opening took longer than 10 ms'])
    assert.equal(cause, reason)
    assert.equal(pool.size, 0)
  })

  it('may answer too late: what it has opened is closed, and lent to nobody', async () => {
    const supply = new Supply()
    const opening = gate()
    const pool = supply.pool({ open: async () => (await opening.promise, supply.open()), openTimeoutMillis: 10 })
    await rejection(pool.acquire())
    opening.open()
    await turn()
    assert.deepEqual(supply.heard, ['opened 1', 'closed 1: it was opened too late'])
    assert.deepEqual([pool.size, pool.idle], [0, 0])
  })

  it('may fail too late: nobody hears of it', async () => {
    const opening = gate<never>()
    const pool = new Supply().pool({ open: () => opening.promise, openTimeoutMillis: 10 })
    await rejection(pool.acquire())
    opening.fail(new Error('connection reset'))
    await turn()
    assert.equal(pool.snapshot().counters.openFailures, 1)
  })

  it('is given up when the pool has ended, and what comes then is closed', async () => {
    const supply = new Supply()
    const opening = gate()
    let wasAborted = false
    const open = async (signal: AbortSignal): Promise<Thing> => {
      signal.addEventListener('abort', () => (wasAborted = true))
      await opening.promise
      return supply.open()
    }
    const pool = supply.pool({ open })
    const refused = rejection(pool.acquire())
    await pool.end()
    assert.deepEqual([(await refused).code, wasAborted, pool.size], ['admin_shutdown', true, 0])
    opening.open()
    await turn()
    assert.deepEqual(supply.heard, ['opened 1', 'closed 1: it was opened too late'])
  })
})

describe('close', () => {
  it('need not be there', async () => {
    const pool = new Supply().pool({ max: 1, close: undefined })
    const first = await pool.acquire()
    first.destroy()
    assert.equal((await pool.acquire()).resource.name, 2)
  })

  it('may throw or reject: the place is free in any case', async () => {
    const failing = (): never => {
      throw new Error('it was closed already')
    }
    for (const close of [failing, async () => failing()]) {
      const pool = new Supply().pool({ max: 1, close })
      const first = await pool.acquire()
      first.destroy()
      assert.equal(await pool.use(({ name }) => name), 2)
      await pool.end()
    }
  })

  it('keeps the place until it is done', async () => {
    const closing = gate()
    const pool = new Supply().pool({ max: 1, close: () => closing.promise })
    const first = await pool.acquire()
    first.destroy()
    const waiting = pool.acquire()
    await sleep(20)
    assert.deepEqual([await stateOf(waiting), pool.size], ['pending', 1])
    closing.open()
    assert.equal((await waiting).resource.name, 2)
  })

  it('has had its time after a while, whatever becomes of it', async () => {
    const pool = new Supply().pool({ max: 1, close: never, closeTimeoutMillis: 10 })
    const first = await pool.acquire()
    first.destroy()
    assert.equal(await pool.use(({ name }) => name), 2)
    await pool.end()
    assert.equal(pool.size, 0)
  })

  it('may be done after its time was over: the place is free once', async () => {
    const closings: Gate<void>[] = []
    const close = (): Promise<void> => {
      const closing = gate()
      closings.push(closing)
      return closing.promise
    }
    const pool = new Supply().pool({ max: 1, close, closeTimeoutMillis: 10 })
    const first = await pool.acquire()
    first.destroy()
    await pool.acquire()
    closings[0]?.open()
    await turn()
    assert.deepEqual([pool.size, pool.leased], [1, 1])
  })
})

describe('check', () => {
  /** A pool of one that is idle and checked before it is lent. */
  async function checked(check: (thing: Thing) => unknown): Promise<{ supply: Supply; name: () => Promise<number> }> {
    const supply = new Supply()
    const pool = supply.pool({ max: 1, check, checkAfterIdleMillis: 1, checkTimeoutMillis: 20 })
    await pool.use(() => undefined)
    await sleep(10)
    return { supply, name: () => pool.use(({ name }) => name) }
  }

  it('that answers anything but false lets it be lent', async () => {
    for (const answer of [true, undefined, 0, '', null]) {
      const { name } = await checked(async () => answer)
      assert.equal(await name(), 1)
    }
  })

  it('that answers false, throws, rejects or does not answer has it replaced', async () => {
    const failures: [check: () => unknown, reason: string][] = [
      [() => false, 'check said no'],
      [async () => false, 'check said no'],
      [
        () => {
          throw new Error('connection reset')
        },
        'connection reset',
      ],
      [() => Promise.reject(new Error('connection reset')), 'connection reset'],
    ]
    for (const [check, reason] of failures) {
      const { supply, name } = await checked(check)
      assert.equal(await name(), 2)
      assert.deepEqual(supply.heard, ['opened 1', `closed 1: ${reason}`, 'opened 2'])
    }
    const { supply, name } = await checked(never)
    assert.equal(await name(), 2)
    assert.match(supply.heard[1] ?? '', /^closed 1: /)
  })

  it('is not called for what was in use a moment ago', async () => {
    let checks = 0
    const pool = new Supply().pool({ check: () => checks++, checkAfterIdleMillis: 60_000 })
    for (let turn = 0; turn < 5; turn++) await pool.use(() => undefined)
    assert.equal(checks, 0)
  })

  it('is called now and then for what nobody asks for, which is replaced for the next', async () => {
    const supply = new Supply()
    const pool = supply.pool({ check: ({ name }) => name > 1, keepaliveMillis: 10 })
    await pool.use(() => undefined)
    for (let tries = 0; pool.size > 0 && tries < 200; tries++) await sleep(10)
    assert.deepEqual(supply.heard, ['opened 1', 'closed 1: check said no'])
    assert.equal(await pool.use(({ name }) => name), 2)
  })
})

describe('reset', () => {
  it('is done after each lease, before the next', async () => {
    const order: string[] = []
    const pool = new Supply().pool({ max: 1, reset: async ({ name }) => void order.push(`reset ${name}`) })
    const work = (caller: string): Promise<number> => pool.use(() => order.push(caller))
    await Promise.all([work('first'), work('second'), work('third')])
    await turn()
    assert.deepEqual(order, ['first', 'reset 1', 'second', 'reset 1', 'third', 'reset 1'])
  })

  it('keeps those who wait waiting until it is done', async () => {
    const resetting = gate()
    const pool = new Supply().pool({ max: 1, reset: () => resetting.promise })
    const first = await pool.acquire()
    const waiting = pool.acquire()
    first.release()
    assert.equal(await stateOf(waiting), 'pending')
    resetting.open()
    assert.equal((await waiting).resource.name, 1)
  })

  it('that throws, rejects or does not answer has it replaced', async () => {
    const failing = (): never => {
      throw new Error('reset failed')
    }
    for (const reset of [failing, async () => failing(), never]) {
      const supply = new Supply()
      const pool = supply.pool({ max: 1, reset, resetTimeoutMillis: 20 })
      await pool.use(() => undefined)
      assert.equal(await pool.use(({ name }) => name), 2)
      assert.match(supply.heard[1] ?? '', /^closed 1: /)
      await pool.end()
    }
  })

  it('may answer after its time was over: what was closed stays closed', async () => {
    const supply = new Supply()
    const resetting = gate()
    const pool = supply.pool({ max: 1, reset: () => resetting.promise, resetTimeoutMillis: 10 })
    await pool.use(() => undefined)
    await pool.acquire()
    resetting.open()
    await turn()
    assert.deepEqual([pool.size, pool.idle, pool.leased, supply.size], [1, 0, 1, 1])
  })

  it('is not called for what its holder has destroyed', async () => {
    let resets = 0
    const pool = new Supply().pool({ reset: () => resets++ })
    const lease = await pool.acquire()
    lease.destroy()
    await turn()
    assert.equal(resets, 0)
  })
})
