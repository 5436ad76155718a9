import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Asker, EnginePool, shutdown, told } from '../../test/support/engine-pool.ts'
import { noObserver } from './observer.ts'

/** A pool of one, which somebody holds. */
function held(options = {}): { it: EnginePool; holder: Asker } {
  const it = new EnginePool({ maxSize: 1, ...options }).fill(0)
  return { it, holder: it.ask('holder') }
}

const codes = (...askers: Asker[]): (string | undefined)[] => askers.map(({ error }) => error?.code)

describe('Pool: how long a wait lasts', () => {
  it('ends when the pool says, and the caller is told how things stand and who holds what they wait for', () => {
    const { it } = held({ waitTimeoutMs: 5_000 })
    it.pass(1_000)
    const early = it.ask('early')
    it.pass(1_000)
    const late = it.ask('late')
    it.pass(3_999)
    assert.deepEqual([early.told, it.pool.longestWaitMs(it.now)], [[], 4_999])
    it.pass(1)
    const text =
      'no server became free within 5,000 ms: 1 of 1 leased, 1 other waiting, oldest lease 6.0 s held by holder'
    assert.deepEqual([early.told, codes(early)], [[`refused: ${text}`], ['acquire_timeout']])
    assert.deepEqual([late.told, it.pool.longestWaitMs(it.now)], [[], 4_000])
  })

  it('names the oldest lease, though the resource of an older one has been handed on', () => {
    const it = new EnginePool({ maxSize: 2, waitTimeoutMs: 1_000 }).fill(0, 0)
    const first = it.ask('first')
    it.pass(100)
    it.ask('second')
    it.ask('third')
    const text = (asker: Asker): string => asker.error?.message.replace(/^.*, /, '') ?? ''
    const waiting = it.ask('a', { timeoutMs: 50 })
    it.pass(50)
    assert.equal(text(waiting), 'oldest lease 0.1 s held by first')
    it.giveBack(first)
    const late = it.ask('b', { timeoutMs: 50 })
    it.pass(50)
    assert.equal(text(late), 'oldest lease 0.1 s held by second')
  })

  it('is for ever, if the pool says nothing', () => {
    const { it } = held()
    const asker = it.ask('a')
    it.pass(1e9)
    assert.deepEqual([asker.told, it.figures()], [[], { leased: 1, waiting: 1 }])
  })

  it('is what the caller says, whether that is shorter, longer or for ever', () => {
    const { it } = held({ waitTimeoutMs: 100 })
    const askers = [undefined, 50, 200, 0].map((timeoutMs) => it.ask('a', { timeoutMs }))
    const ended = [50, 50, 100, 10_000].map((ms) => {
      it.pass(ms)
      return codes(...askers).map((code) => code === 'acquire_timeout')
    })
    assert.deepEqual(ended, [
      [false, true, false, false],
      [true, true, false, false],
      [true, true, true, false],
      [true, true, true, false],
    ])
  })

  it('ends for those who asked later behind some who wait for longer', () => {
    const { it } = held({ waitTimeoutMs: 100 })
    const patient = it.ask('patient', { timeoutMs: 0 })
    it.pass(10)
    const asker = it.ask('a')
    it.pass(99)
    assert.deepEqual(codes(patient, asker), [undefined, undefined])
    it.pass(1)
    assert.deepEqual(codes(patient, asker), [undefined, 'acquire_timeout'])
  })

  it('is counted when it has ended, whoever said how long it may last', () => {
    const { it } = held({ waitTimeoutMs: 100 })
    it.ask('a')
    it.ask('b', { timeoutMs: 50 })
    const counts = [49, 1, 50].map((ms) => {
      it.pass(ms)
      return it.pool.snapshot(it.now).counters.timedOut
    })
    assert.deepEqual(counts, [0, 1, 2])
  })

  it('ends for those who came first, first', () => {
    const { it } = held({ waitTimeoutMs: 100 })
    it.ask('a')
    it.ask('b')
    it.forget()
    it.pass(100)
    assert.deepEqual(it.heard(), ['turned away a: acquire_timeout', 'turned away b: acquire_timeout'])
  })

  it('ends once: whoever was served is told nothing later', () => {
    const { it, holder } = held({ waitTimeoutMs: 100 })
    const askers = [it.ask('a'), it.ask('b', { timeoutMs: 100 })]
    it.pass(50)
    it.giveBack(holder)
    it.giveBack(askers[0] as Asker)
    it.pass(1_000)
    assert.deepEqual([told(askers), it.pool.snapshot(it.now).counters.timedOut], [[['one'], ['one']], 0])
  })

  it('begins anew for whoever asks again when it has ended', () => {
    const { it } = held({ waitTimeoutMs: 100 })
    const [asker, own] = [it.ask('a'), it.ask('b', { timeoutMs: 100 })]
    for (const one of [asker, own]) one.onRefusal = () => it.askAgain(one)
    const counts = [100, 99, 1].map((ms) => {
      it.pass(ms)
      return [asker.told.length, own.told.length]
    })
    assert.deepEqual(counts, [
      [1, 1],
      [1, 1],
      [2, 2],
    ])
  })

  it('ends for the others, too, and the clock goes on, though a caller throws when it is told', () => {
    const it = new EnginePool({ maxSize: 1, waitTimeoutMs: 100 })
    const [, thrower, ...others] = it.askMany(4) as [Asker, Asker, ...Asker[]]
    thrower.onRefusal = () => {
      throw new Error('a caller must not do this')
    }
    it.open()
    assert.throws(() => it.pass(100), /must not do this/)
    it.pass(1)
    assert.deepEqual(
      [others.map(({ told: [text] }) => text?.slice(0, 8)), it.pool.waiting],
      [['refused:', 'refused:'], 0],
    )
  })

  it('is a number of milliseconds from 0 on, or whoever asks is told of the mistake', () => {
    const it = new EnginePool({ maxSize: 1 })
    for (const timeoutMs of [-1, Number.NaN]) {
      assert.throws(() => it.ask('a', { timeoutMs }), /taxirank bug: .*time-out/)
    }
    assert.deepEqual([it.pool.waiting, it.asked()], [0, []])
  })

  it('lets the next in line be served, when somebody’s has ended', () => {
    const { it, holder } = held({ waitTimeoutMs: 100 })
    const first = it.ask('first')
    it.pass(50)
    const second = it.ask('second')
    it.pass(50)
    it.giveBack(holder)
    assert.deepEqual([codes(first), told([second])], [['acquire_timeout'], [['one']]])
  })
})

describe('Pool: how many may wait', () => {
  it('are as many as it says: the next one is refused at once', () => {
    const { it } = held({ maxWaiting: 2 })
    const askers = it.askMany(3)
    const text = 'no server is free, and no more than 2 may wait for one: 1 of 1 leased, 2 others waiting'
    assert.deepEqual(told(askers), [[], [], [`refused: ${text}, oldest lease 0.0 s held by holder`]])
    assert.deepEqual(
      [codes(...askers), it.pool.snapshot(0).counters.queueFull],
      [[undefined, undefined, 'queue_full'], 1],
    )
  })

  it('are counted without those who have left', () => {
    const { it } = held({ maxWaiting: 1 })
    it.cancel(it.ask('a'))
    assert.deepEqual([it.ask('b').told, it.pool.waiting], [[], 1])
  })

  it('says nothing about those who need not wait', () => {
    const it = new EnginePool({ maxWaiting: 1 }).fill(0, 0)
    assert.deepEqual(told(it.askMany(2)), [['two'], ['one']])
  })
})

describe('Pool: leaving the queue', () => {
  it('forgets a caller who cancels, and tells them nothing', () => {
    const { it, holder } = held()
    const [first, second, third] = it.askMany(3) as [Asker, Asker, Asker]
    assert.deepEqual([it.cancel(second), it.cancel(second)], [true, false])
    it.giveBack(holder)
    it.giveBack(first)
    assert.deepEqual(told([first, second, third]), [['one'], [], ['one']])
    assert.equal(it.pool.snapshot(0).counters.cancelled, 1)
  })

  it('is nothing that another pool can do', () => {
    const [it, other] = [new EnginePool(), new EnginePool()]
    const a = it.ask('a')
    assert.deepEqual([other.cancel(a), it.pool.waiting, other.pool.waiting], [false, 1, 0])
  })

  it('tells the observer', () => {
    const { it } = held()
    const asker = it.ask('a')
    it.forget()
    it.cancel(asker)
    assert.deepEqual(it.heard(), ['turned away a: gone'])
  })

  it('is too late for a caller who was served', () => {
    const { it, holder } = held()
    assert.deepEqual([it.cancel(holder), it.figures()], [false, { leased: 1 }])
  })

  it('ends the time-out of the caller’s own', () => {
    const { it } = held()
    const asker = it.ask('a', { timeoutMs: 100 })
    it.cancel(asker)
    it.pass(50)
    it.askAgain(asker)
    it.pass(99)
    assert.deepEqual(asker.told, [])
    it.pass(1)
    assert.deepEqual(codes(asker), ['acquire_timeout'])
  })
})

describe('Pool: lanes', () => {
  const lanes = [
    { name: 'batch', reserved: 0 },
    { name: 'health', reserved: 1 },
  ]
  const [batch, health] = [{ lane: 0 }, { lane: 1 }]

  it('are known by their names', () => {
    const { pool } = new EnginePool({ lanes })
    assert.deepEqual(
      ['batch', 'health'].map((name) => pool.laneIndex(name)),
      [0, 1],
    )
    const message = 'pool: there is no lane "urgent", only "batch", "health"'
    assert.throws(() => pool.laneIndex('urgent'), { code: 'bad_configuration', message })
  })

  it('are there, or whoever asks is told of the mistake, and nothing has happened', () => {
    for (const isPaused of [false, true]) {
      const it = new EnginePool({ lanes: lanes.slice(0, 2) }).fill(0)
      if (isPaused) it.pool.pause(it.now)
      for (const lane of [-1, 2, 0.5]) assert.throws(() => it.ask('a', { lane }), /taxirank bug: .*lanes/)
      assert.deepEqual(it.figures(), { idle: 1 })
    }
  })

  it('keep what is reserved for them, though others wait', () => {
    const it = new EnginePool({ lanes, maxSize: 2 }).fill(0, 0)
    const [first, second] = it.askMany(2, batch) as [Asker, Asker]
    assert.deepEqual(told([first, second, it.ask('probe', health)]), [['two'], [], ['one']])
    assert.deepEqual(it.pool.snapshot(0).lanes, [
      { name: 'batch', reserved: 0, waiting: 1, leased: 1 },
      { name: 'health', reserved: 1, waiting: 0, leased: 1 },
    ])
  })

  it('open nothing for those who could not have it', () => {
    const it = new EnginePool({ lanes, maxSize: 2 })
    it.askMany(3, batch)
    it.open()
    it.pass(10_000)
    assert.deepEqual(it.figures(), { leased: 1, waiting: 2 })
    it.ask('probe', health)
    assert.deepEqual(it.figures(), { leased: 1, opening: 1, waiting: 3 })
  })

  it('share what is not reserved: whoever has waited longest gets it', () => {
    const it = new EnginePool({ lanes, maxSize: 2 }).fill(0, 0)
    const [kept, common] = [it.ask('kept', health), it.ask('common', health)]
    const [worker, probe] = [it.ask('worker', batch), it.ask('probe', health)]
    it.giveBack(common)
    assert.deepEqual(told([worker, probe]), [['one'], []])
    it.giveBack(kept)
    assert.deepEqual(told([worker, probe]), [['one'], ['two']])
  })

  it('are strictly first come, first served within', () => {
    const it = new EnginePool({ lanes, maxSize: 2 }).fill(0, 0)
    const [holder, first, second] = it.askMany(3, batch) as [Asker, Asker, Asker]
    it.giveBack(holder)
    assert.deepEqual(told([first, second]), [['two'], []])
  })

  it('say in reports whose a lease is', () => {
    const it = new EnginePool({ lanes }).fill(0)
    it.ask('probe', health)
    assert.deepEqual(it.pool.holders(0), [{ holder: 'probe', lane: 'health', heldMs: 0 }])
  })
})

describe('Pool: shedding', () => {
  const shedding = { targetMs: 10, intervalMs: 100 }

  it('refuses those who have waited for twice the target, once every wait has been too long for an interval', () => {
    const { it } = held({ shedding })
    it.pass(100)
    const asker = it.ask('a')
    it.pass(99)
    assert.deepEqual(asker.told, [])
    it.pass(1)
    const text =
      'refused after 100 ms, so that others are served in time: ' +
      'for a while every wait for a server has been longer than 10 ms; ' +
      '1 of 1 leased, nobody else waiting, oldest lease 0.2 s held by holder'
    assert.deepEqual([asker.told, codes(asker)], [[`refused: ${text}`], ['overloaded']])
    const next = it.ask('next')
    it.pass(19)
    assert.deepEqual(next.told, [])
    it.pass(1)
    assert.deepEqual([codes(next), it.pool.snapshot(it.now).counters.shed], [['overloaded'], 2])
  })

  it('ends when somebody is served within the target', () => {
    const { it, holder } = held({ shedding })
    it.pass(100)
    const shed = it.ask('shed')
    it.pass(100)
    const served = it.ask('served')
    it.pass(5)
    it.giveBack(holder)
    const asker = it.ask('a')
    it.pass(50)
    assert.deepEqual([codes(shed), told([served, asker])], [['overloaded'], [['one'], []]])
  })

  it('refuses nobody in a burst that passes', () => {
    const it = new EnginePool({ maxSize: 1, shedding }).fill(0)
    for (let burst = 0; burst < 5; burst++) {
      const askers = it.askMany(6)
      for (const asker of askers) {
        it.pass(9)
        it.giveBack(asker)
      }
      it.pass(50)
    }
    assert.equal(it.pool.snapshot(it.now).counters.leases, 30)
  })

  it('refuses nobody while the pool is paused, nor right after', () => {
    const { it, holder } = held({ shedding: { targetMs: 10, intervalMs: 100 } })
    const asker = it.ask('a')
    it.pool.pause(it.now)
    it.pass(1_000)
    it.pool.resume(it.now)
    it.pass(50)
    it.giveBack(holder)
    assert.deepEqual(told([asker]), [['one']])
  })

  it('refuses nobody while nothing can be opened', () => {
    const it = new EnginePool({ shedding: { targetMs: 10, intervalMs: 100 } })
    const asker = it.ask('a')
    for (let failures = 0; failures < 10; failures++) {
      it.failToOpen()
      it.pass(1_000)
    }
    assert.deepEqual([codes(asker), it.pool.waiting], [[undefined], 1])
  })

  it('refuses nobody who has waited for the first to open, or for what was lost', () => {
    const it = new EnginePool({ shedding: { targetMs: 5, intervalMs: 100 } })
    const first = it.ask('first')
    it.pass(10)
    it.open()
    assert.equal(first.told.length, 1)
    it.lose('one')
    const waiting = it.askMany(5)
    it.pass(120)
    it.open()
    assert.deepEqual(
      waiting.map(({ error }) => error),
      waiting.map(() => undefined),
    )
  })

  it('counts whoever is refused at once, and tells the observer that they have not waited', () => {
    const waited: number[] = []
    const it = new EnginePool({ maxWaiting: 1 })
    it.pass(500)
    it.pool.observer = {
      ...noObserver,
      turnedAway: ({ queuedAtMs }, _error, now) => void waited.push(now - queuedAtMs),
    }
    it.askMany(2)
    it.pool.end(shutdown, it.now)
    it.ask('late')
    const { queueFull, refused } = it.pool.snapshot(it.now).counters
    assert.deepEqual([queueFull, refused, waited], [1, 2, [0, 0, 0]])
  })
})
