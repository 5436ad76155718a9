import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rejection, Supply } from '../../test/support/supply.ts'
import type { Meter, Tracer } from './telemetry.ts'

type Said = Record<string, unknown>

/** Keeps what a pool says to OpenTelemetry. */
class Collector implements Meter, Tracer {
  readonly instruments: [kind: string, name: string, unit: string][] = []
  readonly recorded: [name: string, value: number, attributes: unknown][] = []
  readonly spans: Said[] = []
  readonly #callbacks = new Map<(result: { observe: (value: number) => void }) => void, string>()

  createHistogram(name: string, { unit }: { unit: string }): ReturnType<Meter['createHistogram']> {
    this.instruments.push(['histogram', name, unit])
    return { record: (value, attributes) => void this.recorded.push([name, value, attributes]) }
  }

  createCounter(name: string, { unit }: { unit: string }): ReturnType<Meter['createCounter']> {
    this.instruments.push(['counter', name, unit])
    return { add: (value, attributes) => void this.recorded.push([name, value, attributes]) }
  }

  createObservableUpDownCounter(
    name: string,
    { unit }: { unit: string },
  ): ReturnType<Meter['createObservableUpDownCounter']> {
    this.instruments.push(['observable up-down counter', name, unit])
    return {
      addCallback: (callback) => void this.#callbacks.set(callback, name),
      removeCallback: (callback) => void this.#callbacks.delete(callback),
    }
  }

  startSpan(name: string, options?: { attributes?: Said }): ReturnType<Tracer['startSpan']> {
    const span: Said = { name, ...options?.attributes }
    this.spans.push(span)
    return {
      setAttribute: (key, value) => (span[key] = value),
      setStatus: (status) => (span['status'] = status),
      end: () => (span['isOver'] = true),
    }
  }

  /** All that is observed now. */
  observe(): [name: string, value: number, attributes: Said][] {
    const seen: [string, number, Said][] = []
    for (const [callback, name] of this.#callbacks) {
      callback({ observe: (value: number, attributes: Said = {}) => void seen.push([name, value, attributes]) })
    }
    return seen
  }

  valuesOf(name: string): number[] {
    return this.recorded.filter(([one]) => one === `db.client.connection.${name}`).map(([, value]) => value)
  }
}

const pool = { 'db.client.connection.pool.name': 'orders' }

describe('a meter', () => {
  it('is asked for instruments by OpenTelemetry’s names, times in seconds', () => {
    const meter = new Collector()
    new Supply().pool({ telemetry: { meter } })
    const named = meter.instruments.map(([kind, name, unit]) => [name.replace('db.client.connection.', ''), kind, unit])
    assert.deepEqual(
      named.sort(([a], [b]) => (a as string).localeCompare(b as string)),
      [
        ['count', 'observable up-down counter', '{connection}'],
        ['create_time', 'histogram', 's'],
        ['idle.max', 'observable up-down counter', '{connection}'],
        ['idle.min', 'observable up-down counter', '{connection}'],
        ['max', 'observable up-down counter', '{connection}'],
        ['pending_requests', 'observable up-down counter', '{request}'],
        ['timeouts', 'counter', '{timeout}'],
        ['use_time', 'histogram', 's'],
        ['wait_time', 'histogram', 's'],
      ],
    )
  })

  it('observes the pool as it is when it is asked', async () => {
    const meter = new Collector()
    const it = new Supply().pool({ name: 'orders', max: 2, min: 1, telemetry: { meter } })
    const [first] = await Promise.all([it.acquire(), it.acquire()])
    const waiting = it.acquire({ timeoutMillis: 60_000 })
    const state = 'db.client.connection.state'
    assert.deepEqual(meter.observe(), [
      ['db.client.connection.count', 0, { ...pool, [state]: 'idle' }],
      ['db.client.connection.count', 2, { ...pool, [state]: 'used' }],
      ['db.client.connection.max', 2, pool],
      ['db.client.connection.idle.max', 2, pool],
      ['db.client.connection.idle.min', 1, pool],
      ['db.client.connection.pending_requests', 1, pool],
    ])
    first.release()
    const last = await waiting
    last.release()
    assert.deepEqual(
      meter.observe().map(([, value]) => value),
      [1, 1, 2, 2, 1, 0],
    )
  })

  it('is given how long it took to open, to wait and to use', async () => {
    const meter = new Collector()
    const it = new Supply().pool({ name: 'orders', max: 1, telemetry: { meter } })
    const lease = await it.acquire()
    const waiting = it.acquire()
    lease.release()
    const last = await waiting
    last.release()
    const counts = ['create_time', 'wait_time', 'use_time'].map((name) => meter.valuesOf(name).length)
    assert.deepEqual(counts, [1, 2, 2])
    for (const [name, value, attributes] of meter.recorded) {
      assert.ok(value >= 0 && value < 1, `${name} ${value}: seconds`)
      assert.deepEqual(attributes, pool)
    }
  })

  it('counts waits that ended by their time limit, and no others', async () => {
    const meter = new Collector()
    const it = new Supply().pool({ max: 1, telemetry: { meter } })
    await it.acquire()
    const aborted = new AbortController()
    const ends = [rejection(it.acquire({ timeoutMillis: 5 })), rejection(it.acquire({ signal: aborted.signal }))]
    aborted.abort()
    await Promise.all(ends)
    assert.deepEqual(meter.valuesOf('timeouts'), [1])
  })

  it('observes nothing any more when the pool has ended', async () => {
    const meter = new Collector()
    const it = new Supply().pool({ telemetry: { meter } })
    assert.equal(meter.observe().length, 6)
    await it.end()
    assert.deepEqual(meter.observe(), [])
  })
})

describe('a tracer', () => {
  const wait = { name: 'db.client.connection.wait', ...pool }

  it('is given a span for each wait, also for the first to be opened, and none for a lease that was there', async () => {
    const tracer = new Collector()
    const it = new Supply().pool({
      name: 'orders',
      max: 1,
      open: async () => new Supply().open(),
      telemetry: { tracer },
    })
    const lease = await it.acquire()
    const waiting = it.acquire()
    assert.deepEqual(tracer.spans, [{ ...wait, isOver: true }, wait])
    lease.release()
    const last = await waiting
    last.release()
    await it.acquire()
    assert.deepEqual(tracer.spans, [
      { ...wait, isOver: true },
      { ...wait, isOver: true },
    ])
  })

  it('is told why a wait has failed', async () => {
    const tracer = new Collector()
    const it = new Supply().pool({ name: 'orders', max: 1, telemetry: { tracer } })
    await it.acquire()
    const { message } = await rejection(it.acquire({ timeoutMillis: 5 }))
    const status = { code: 2, message }
    assert.deepEqual(tracer.spans.at(-1), { ...wait, 'error.type': 'acquire_timeout', status, isOver: true })
  })

  it('is told that a wait is over whose caller has gone', async () => {
    const tracer = new Collector()
    const it = new Supply().pool({ name: 'orders', max: 1, telemetry: { tracer } })
    await it.acquire()
    const gone = new AbortController()
    const refused = rejection(it.acquire({ signal: gone.signal }))
    gone.abort()
    await refused
    assert.equal(tracer.spans.at(-1)?.['isOver'], true)
  })
})
