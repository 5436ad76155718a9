import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  burst,
  closedLoad,
  failed,
  failuresText,
  failureOf,
  latencyMs,
  type Load,
  openLoad,
  perSecond,
} from './load.ts'

const { signal } = new AbortController()

describe('a closed load', () => {
  it('has as many calls at a time as workers, and counts what ends in the measured time alone', async () => {
    let running = 0
    let most = 0
    let calls = 0
    const load = await closedLoad({ workers: 3, warmUpMs: 40, measureMs: 80, signal }, async () => {
      calls++
      most = Math.max(most, ++running)
      await sleep(10)
      running--
    })
    assert.equal(most, 3)
    assert.equal(load.seconds, 0.08)
    assert.ok(load.latenciesMs.length > 0 && load.latenciesMs.length < calls, `${load.latenciesMs.length} of ${calls}`)
    assert.ok(latencyMs(load, 0) >= 9, `${latencyMs(load, 0)} ms`)
  })

  it('counts failures by why, and how long they took', async () => {
    const refusal = Object.assign(new Error('too many'), { code: '53300' })
    const load = await closedLoad({ workers: 1, warmUpMs: 0, measureMs: 20, signal }, () => Promise.reject(refusal))
    assert.deepEqual([[...load.failures.keys()], load.latenciesMs.length, perSecond(load)], [['53300'], 0, 0])
    assert.ok(Number.isNaN(latencyMs(load, 50)))
    assert.equal(failed(load), load.failedAfterMs.length)
  })

  it('tells once when counting begins and when it ends, also where no timer comes in time', async () => {
    const told: string[] = []
    const parts = { begun: () => told.push('begun'), ended: () => told.push('ended') }
    const block = (): Promise<void> => {
      const untilMs = performance.now() + 8
      while (performance.now() < untilMs);
      return Promise.resolve()
    }
    await closedLoad({ workers: 1, warmUpMs: 10, measureMs: 20, signal, ...parts }, async () => {
      await block()
      told.push('answered')
    })
    assert.deepEqual(
      told.filter((what) => what !== 'answered'),
      ['begun', 'ended'],
    )
    assert.ok(told.indexOf('ended') - told.indexOf('begun') > 1, told.join(', '))
  })

  it('has with a tail the latencies of the calls that began in the measured time, however long they took', async () => {
    let calls = 0
    const call = (worker: number) => sleep(worker === 0 ? 90 : ++calls && 5)
    const times = { workers: 2, warmUpMs: 0, measureMs: 40, signal }
    const without = await closedLoad(times, call)
    assert.ok(latencyMs(without, 100) < 80, `${latencyMs(without, 100)} ms`)
    calls = 0
    const load = await closedLoad({ ...times, tailMs: 1_000 }, call)
    assert.ok(latencyMs(load, 100) >= 89, `${latencyMs(load, 100)} ms`)
    // The other one's last has begun in the measured time, and has perhaps not ended in it.
    assert.ok(load.latenciesMs.length - 1 - load.served <= 1, `${load.latenciesMs.length} began, ${load.served} ended`)
    assert.equal(perSecond(load), load.served / 0.04)
    assert.ok(calls > load.served + 3, `${calls} calls in all, ${load.served} in time: the load went on`)
  })

  it('asks nothing more after the tail, but waits for whom it has asked', async () => {
    let calls = 0
    const call = (worker: number) => sleep(worker === 0 ? 150 : ++calls && 5)
    const load = await closedLoad({ workers: 2, warmUpMs: 0, measureMs: 20, tailMs: 20, signal }, call)
    assert.ok(calls <= 8, `${calls} calls in 40 ms, of 5 ms each`)
    assert.ok(latencyMs(load, 100) >= 149, `${latencyMs(load, 100)} ms`)
  })

  it('ends when it is told to', async () => {
    const abort = new AbortController()
    const load = closedLoad({ workers: 2, warmUpMs: 0, measureMs: 60_000, signal: abort.signal }, () => sleep(1))
    abort.abort()
    await assert.rejects(load, { name: 'AbortError' })
  })
})

describe('an open load', () => {
  it('comes when it was meant to, whoever is still served: what it waits begins there', async () => {
    const arrivals: number[] = []
    let free = Promise.resolve()
    const load = { arrivalsPerSecond: 500, warmUpMs: 0, measureMs: 100, seed: 7, signal }
    const served = await openLoad(load, async (meantMs) => {
      arrivals.push(meantMs)
      // One server, which takes longer than the time between two arrivals.
      free = free.then(() => sleep(4))
      await free
    })
    assert.equal(served.latenciesMs.length, arrivals.length)
    assert.ok(arrivals.length > 20, `${arrivals.length} arrivals`)
    const [last = 0] = served.latenciesMs.slice(-1)
    assert.ok(last > arrivals.length * 4 - 100 - 10, `the last of ${arrivals.length} waited ${last} ms`)
  })

  it('comes at the same times for the same seed', async () => {
    const timesOf = async (): Promise<number[]> => {
      const times: number[] = []
      await openLoad({ arrivalsPerSecond: 300, warmUpMs: 0, measureMs: 50, seed: 3, signal }, (meantMs) => {
        times.push(meantMs)
        return Promise.resolve()
      })
      const [first = 0] = times
      return times.map((time) => Math.round((time - first) * 1_000))
    }
    assert.deepEqual(await timesOf(), await timesOf())
  })
})

describe('a burst', () => {
  it('is all at once, one call each', async () => {
    const load = await burst(5, (worker) => (worker === 3 ? Promise.reject(new RangeError('no')) : Promise.resolve()))
    assert.deepEqual([load.latenciesMs.length, [...load.failures]], [4, [['RangeError', 1]]])
  })
})

describe('why a call failed', () => {
  it('is the code of the error, else its name', () => {
    const coded = Object.assign(new Error('x'), { code: 'ECONNREFUSED' })
    assert.deepEqual([coded, new TypeError('x'), 'odd'].map(failureOf), ['ECONNREFUSED', 'TypeError', 'odd'])
  })
})

describe('why calls failed', () => {
  it('is said of several loads together, the most frequent first', () => {
    const loads = [loadWith({ ECONNRESET: 2, '53300': 700 }), loadWith({ '53300': 400, Error: 3 })]
    assert.equal(failuresText(loads), '1,100 × 53300, 3 × Error, 2 × ECONNRESET')
  })

  it('is empty where none did', () => {
    assert.equal(failuresText([loadWith({}), loadWith({})]), '')
  })
})

function loadWith(failures: Readonly<Record<string, number>>): Load {
  return { latenciesMs: [], failures: new Map(Object.entries(failures)), failedAfterMs: [], served: 0, seconds: 1 }
}
