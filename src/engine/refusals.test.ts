import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TaxirankError } from '../errors.ts'
import { queueFull, shed, type Situation, stale, timedOut } from './refusals.ts'

const unreachable = new TaxirankError('server_connect_failed', 'connection refused')
const report = { holder: 'report', lane: '', heldMs: 4_849 }

/** Twenty of twenty are leased, for nobody knows whom. */
const full: Situation = {
  noun: 'server',
  maxSize: 20,
  leased: 20,
  waiting: 37,
  oldest: undefined,
  isPaused: false,
  fullLimit: undefined,
  lastFailure: undefined,
}
const figures = '20 of 20 leased, 37 others waiting'

/** What is told to a caller whose second is over. */
const textAt = (situation: Partial<Situation>): string => timedOut(1_000, { ...full, ...situation }).message

const whole = ({ code, message, cause }: TaxirankError): unknown => ({ code, message, cause })

describe('Refusals', () => {
  it('say of a wait that ended how long it was, and how things stand', () => {
    const message = `no server became free within 5,000 ms: ${figures}`
    assert.deepEqual(whole(timedOut(5_000, full)), { code: 'acquire_timeout', message, cause: undefined })
  })

  it('say of a queue that is full how many may wait', () => {
    const message = `no server is free, and no more than 1,000 may wait for one: ${figures}`
    assert.deepEqual(whole(queueFull(1_000, full)), { code: 'queue_full', message, cause: undefined })
  })

  it('say under overload how long the wait was, and which one would have been fine', () => {
    const message =
      'refused after 1,235 ms, so that others are served in time: ' +
      `for a while every wait for a server has been longer than 50 ms; ${figures}`
    assert.deepEqual(whole(shed(1_234.5, 50, full)), { code: 'overloaded', message, cause: undefined })
  })

  it('call a resource what the pool calls it', () => {
    const at = { ...full, noun: 'connection' }
    const texts = [timedOut(1, at), queueFull(1, at), shed(1, 1, at)].map(({ message }) => message)
    assert.deepEqual(
      texts.map((text) => [text.includes('connection'), text.includes('server')]),
      [
        [true, false],
        [true, false],
        [true, false],
      ],
    )
  })

  it('name who has held a lease for longest, and for how many seconds', () => {
    assert.equal(
      textAt({ oldest: report }),
      `no server became free within 1,000 ms: ${figures}, oldest lease 4.8 s held by report`,
    )
  })

  it('name nobody, if that caller gave no name', () => {
    assert.equal(
      textAt({ oldest: { ...report, holder: '' } }),
      `no server became free within 1,000 ms: ${figures}, oldest lease 4.8 s`,
    )
  })

  it('say that the pool is paused', () => {
    assert.equal(
      textAt({ leased: 0, isPaused: true }),
      'no server became free within 1,000 ms: 0 of 20 leased, 37 others waiting; the pool is paused',
    )
  })

  it('name the limit at which other pools have all places', () => {
    assert.equal(
      textAt({ leased: 2, fullLimit: { name: 'database shop', taken: 5, max: 5 } }),
      'no server became free within 1,000 ms: 2 of 20 leased, 37 others waiting; limit database shop is full: 5 of 5 taken',
    )
  })

  it('carry the last failure to open as their cause, and its text, so that "down" and "exhausted" read differently', () => {
    const down = { ...full, lastFailure: unreachable }
    const tail = `${figures}; the last attempt to open one failed: connection refused`
    for (const error of [timedOut(1, down), queueFull(1, down), shed(1, 1, down)]) {
      assert.deepEqual([error.cause, error.message.endsWith(tail)], [unreachable, true], error.code)
    }
  })

  it('say everything at once, in one order', () => {
    assert.equal(
      textAt({ oldest: report, isPaused: true, fullLimit: { name: 'a', taken: 1, max: 1 }, lastFailure: unreachable }),
      `no server became free within 1,000 ms: ${figures}, oldest lease 4.8 s held by report; ` +
        'the pool is paused; limit a is full: 1 of 1 taken; the last attempt to open one failed: connection refused',
    )
  })

  it('may be tried again, except of a lease that is over: that is a bug of whoever came with it', () => {
    const errors = [timedOut(1, full), queueFull(1, full), shed(1, 1, full), stale(7, undefined)]
    assert.deepEqual(
      errors.map(({ retryable }) => retryable),
      [true, true, true, false],
    )
  })

  it('say of a lease that is over who has it now', () => {
    assert.deepEqual(
      [undefined, report, { ...report, holder: '' }].map((now) => whole(stale(7, now))),
      ['it was given back or closed', 'it has been lent again to report', 'it has been lent again'].map((since) => ({
        code: 'stale_lease',
        message: `lease 7 is over: ${since}`,
        cause: undefined,
      })),
    )
  })
})
