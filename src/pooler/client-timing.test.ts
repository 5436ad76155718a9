import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { Deadlines } from '../time.ts'
import { type ClientLimits, noClientLimits } from './client-limits.ts'
import { ClientTiming, isTimed } from './client-timing.ts'

const idle = 0x49
const inBlock = 0x54

describe('ClientTiming', () => {
  let nowMs: number
  let deadlines: Deadlines
  let isAsking: boolean
  let told: string[]

  beforeEach(() => {
    nowMs = 1_000
    deadlines = new Deadlines(nowMs)
    isAsking = true
    told = []
  })

  function timing(limits: Partial<ClientLimits>): ClientTiming {
    return new ClientTiming(
      { ...noClientLimits, ...limits },
      {
        deadlines,
        now: () => nowMs,
        get isAsking() {
          return isAsking
        },
        timedOut: (error) => told.push(`${error.code} at ${nowMs}`),
      },
    )
  }

  function pass(ms: number): void {
    for (let left = ms; left > 0; left--) deadlines.advance(++nowMs)
  }

  it('ends a request that lasts, once', () => {
    timing({ queryTimeoutMs: 100 }).asked()
    pass(99)
    assert.deepEqual(told, [])
    pass(500)
    assert.deepEqual(told, ['query_timeout at 1100'])
  })

  it('counts from the first message of a request', () => {
    const one = timing({ queryTimeoutMs: 100 })
    one.asked()
    pass(60)
    one.asked()
    pass(60)
    assert.deepEqual(told, ['query_timeout at 1100'])
  })

  it('counts anew for what is behind in a pipeline', () => {
    const one = timing({ queryTimeoutMs: 100 })
    one.asked()
    pass(60)
    one.answered(idle, 1)
    pass(60)
    assert.deepEqual(told, [])
    pass(60)
    assert.deepEqual(told, ['query_timeout at 1160'])
  })

  it('starts its deadline no more often than it runs out', () => {
    const one = timing({ queryTimeoutMs: 100 })
    let started = 0
    const start = deadlines.start.bind(deadlines)
    deadlines.start = (...given) => {
      started++
      start(...given)
    }
    for (let n = 0; n < 1_000; n++) {
      one.asked()
      one.answered(idle, 0)
      one.rested()
      if (n % 2 === 0) pass(1)
    }
    assert.deepEqual(told, [])
    assert.ok(started <= 11, `${started}`)
  })

  it('forgets what was no request', () => {
    const one = timing({ queryTimeoutMs: 100, clientIdleTimeoutMs: 300 })
    one.asked()
    isAsking = false
    pass(200)
    assert.deepEqual(told, [])
    pass(300)
    assert.deepEqual(told, ['client_idle_timeout at 1400'])
  })

  it('ends a transaction that is idle, and one that lasts', () => {
    const one = timing({ idleTransactionTimeoutMs: 100, transactionTimeoutMs: 250 })
    for (let n = 0; n < 4; n++) {
      one.asked()
      one.answered(inBlock, 0)
      pass(80)
    }
    assert.deepEqual(told, ['transaction_timeout at 1250'])
    const two = timing({ idleTransactionTimeoutMs: 100, transactionTimeoutMs: 250 })
    two.asked()
    two.answered(inBlock, 0)
    pass(150)
    assert.deepEqual(told.slice(1), [`idle_transaction_timeout at ${1_320 + 100}`])
  })

  it('begins a transaction with its first request, and another with the next', () => {
    const one = timing({ transactionTimeoutMs: 100 })
    for (let n = 0; n < 5; n++) {
      one.asked()
      one.answered(inBlock, 0)
      pass(60)
      one.asked()
      one.answered(idle, 0)
    }
    assert.deepEqual(told, [])
  })

  it('ends a client that says nothing, from its login on', () => {
    timing({ clientIdleTimeoutMs: 100 })
    pass(150)
    assert.deepEqual(told, ['client_idle_timeout at 1100'])
  })

  it('is silent when the client is gone', () => {
    const one = timing({ clientIdleTimeoutMs: 100, queryTimeoutMs: 100 })
    one.end()
    one.asked()
    one.answered(inBlock, 1)
    one.rested()
    pass(500)
    assert.deepEqual([told, deadlines.size], [[], 0])
  })

  it('is needed by clients that have one of these limits', () => {
    assert.equal(isTimed({ ...noClientLimits, queryWaitNotifyMs: 5_000 }), false)
    const limits = [
      'queryTimeoutMs',
      'idleTransactionTimeoutMs',
      'transactionTimeoutMs',
      'clientIdleTimeoutMs',
    ] as const
    for (const limit of limits) assert.equal(isTimed({ ...noClientLimits, [limit]: 1 }), true, limit)
  })
})
