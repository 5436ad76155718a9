import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Asker, EnginePool, shutdown, told } from '../../test/support/engine-pool.ts'
import { Limit } from './limit.ts'
import { noObserver } from './observer.ts'
import type { DrainOptions, DrainReport } from './life.ts'

const refused = 'refused: the pool is shut down'

/** Drains, and notes the reports: there must be one. */
function drain(it: EnginePool, options: Partial<DrainOptions> = {}): DrainReport[] {
  const reports: DrainReport[] = []
  const done = (report: DrainReport): void => void reports.push(report)
  it.pool.drain({ error: shutdown, waiting: 'serve', untilMs: Infinity, done, ...options }, it.now)
  return reports
}

describe('Pool: paused', () => {
  it('lends and opens nothing: callers queue', () => {
    const it = new EnginePool({ maxSize: 3, minSize: 2 }).fill(0, 0)
    it.pool.pause(0)
    it.lose('two')
    const askers = it.askMany(3)
    it.pass(10_000)
    assert.deepEqual([told(askers), it.asked(), it.figures()], [[[], [], []], [], { idle: 1, waiting: 3 }])
  })

  it('lets leases go on, and takes them back', () => {
    const it = new EnginePool({ maxSize: 1 }).fill(0)
    const [holder, waiting] = it.askMany(2) as [Asker, Asker]
    it.pool.pause(0)
    it.giveBack(holder)
    assert.deepEqual([waiting.told, it.figures()], [[], { idle: 1, waiting: 1 }])
  })

  it('lets waits end in time, and says why', () => {
    const it = new EnginePool({ waitTimeoutMs: 100 }).fill(0)
    it.pool.pause(0)
    const asker = it.ask('a')
    it.pass(100)
    const text = 'no server became free within 100 ms: 0 of 2 leased, nobody else waiting; the pool is paused'
    assert.deepEqual(asker.told, [`refused: ${text}`])
  })

  it('serves in turn when it is resumed', () => {
    const it = new EnginePool({ maxSize: 1 }).fill(0)
    it.pool.pause(0)
    const [first, second] = it.askMany(2) as [Asker, Asker]
    it.pool.resume(0)
    assert.deepEqual([told([first, second]), it.pool.snapshot(0).state], [[['one'], []], 'open'])
  })

  it('has nothing checked for those who wait, until it is resumed', () => {
    const it = new EnginePool({ canCheck: true, checkAfterMs: 100 }).fill(0)
    it.pass(101)
    it.pool.pause(0)
    it.ask('a')
    it.pass(10_000)
    assert.deepEqual(it.asked(), [])
    it.pool.resume(it.now)
    assert.deepEqual(it.asked(), ['check one'])
  })

  it('does not wake for those who wait', () => {
    const it = new EnginePool()
    const a = it.ask('a')
    it.pass(2)
    it.open()
    it.giveBack(a)
    it.pool.pause(it.now)
    it.ask('b')
    assert.equal(it.deadlines.nextAtMs, Infinity)
  })

  it('keeps what comes open meanwhile', () => {
    const it = new EnginePool()
    const asker = it.ask('a')
    it.pool.pause(0)
    it.open()
    assert.deepEqual([asker.told, it.figures()], [[], { idle: 1, waiting: 1 }])
    it.pool.resume(0)
    assert.deepEqual(asker.told, ['one'])
  })
})

describe('Pool: draining', () => {
  it('serves those who wait, if it is told so, and opens for them what they need', () => {
    const it = new EnginePool()
    const askers = it.askMany(2)
    const reports = drain(it)
    it.open()
    it.open()
    assert.deepEqual([told(askers), reports], [[['one'], ['two']], []])
  })

  it('refuses those who wait, if it is told so', () => {
    const it = new EnginePool({ maxSize: 1 }).fill(0)
    const [holder, waiting] = it.askMany(2) as [Asker, Asker]
    drain(it, { waiting: 'refuse' })
    assert.deepEqual(told([holder, waiting]), [['one'], [refused]])
  })

  it('refuses at once whoever asks from then on, though something is idle or could be shared', () => {
    const it = new EnginePool({ sharedDepth: 2 }).fill(1, 1)
    const [holder] = it.askMany(2, { mode: 'shared', stateKey: 1 })
    assert.ok(holder)
    it.giveBack(holder)
    drain(it)
    const asker = it.ask('a', { mode: 'shared', stateKey: 1 })
    assert.deepEqual([asker.told, asker.error, it.pool.isOver], [[refused], shutdown, true])
  })

  it('closes what is idle or opening for nobody now, and what is leased when it is given back', () => {
    const it = new EnginePool({ maxSize: 4, minSize: 3 }).fill(0, 0)
    const holder = it.ask('holder')
    assert.deepEqual(it.figures(), { idle: 1, leased: 1, opening: 1 })
    drain(it)
    assert.deepEqual(it.figures(), { leased: 1, closing: 2 })
    it.giveBack(holder)
    const reason = 'the pool has ended'
    assert.deepEqual(it.asked(), [`close one: ${reason}`, `close: ${reason}`, `close two: ${reason}`])
  })

  it('is done when the last resource is closed, and says so once', () => {
    const it = new EnginePool().fill(0)
    const holder = it.ask('holder')
    const reports = drain(it)
    it.giveBack(holder)
    assert.deepEqual([reports, it.pool.snapshot(0).state], [[], 'draining'])
    it.close()
    assert.deepEqual([reports, it.pool.snapshot(0).state], [[{ stragglers: [] }], 'ended'])
    it.pass(10_000)
    it.ask('late')
    assert.equal(reports.length, 1)
  })

  it('is done at once, if there is nothing to close', () => {
    assert.deepEqual(drain(new EnginePool()), [{ stragglers: [] }])
  })

  it('names those who still hold a lease when its time is over, oldest first, and takes it from them', () => {
    const it = new EnginePool({ maxSize: 3 }).fill(0, 0, 0)
    const [old, quick] = [it.ask('old'), it.ask('quick')]
    it.pass(50)
    const young = it.ask('young')
    const reports = drain(it, { untilMs: 150 })
    it.giveBack(quick)
    it.pass(99)
    assert.deepEqual([reports, it.figures()], [[], { leased: 2, closing: 1 }])
    it.pass(1)
    const stragglers = [
      { holder: 'old', lane: '', heldMs: 150 },
      { holder: 'young', lane: '', heldMs: 100 },
    ]
    assert.deepEqual([reports, it.figures()], [[{ stragglers }], { closing: 3 }])
    for (const asker of [old, young]) assert.throws(() => it.giveBack(asker), { code: 'stale_lease' })
  })

  it('refuses those whom it could not serve in its time', () => {
    const it = new EnginePool({ maxSize: 1 }).fill(0)
    const [, waiting] = it.askMany(2) as [Asker, Asker]
    drain(it, { untilMs: 100 })
    it.pass(100)
    assert.deepEqual([waiting.told, it.figures()], [[refused], { closing: 1 }])
  })

  it('serves those who wait in a pool that was paused', () => {
    const it = new EnginePool().fill(0)
    it.pool.pause(0)
    const asker = it.ask('a')
    drain(it)
    assert.deepEqual(asker.told, ['one'])
  })

  it('fills no minimum any more, and cannot be taken back', () => {
    const it = new EnginePool({ minSize: 1 }).fill(0)
    drain(it)
    it.close()
    it.pool.pause(0)
    it.pool.resume(0)
    it.pass(10_000)
    assert.deepEqual([it.figures(), it.ask('a').told], [{}, [refused]])
  })

  it('goes on, though somebody pauses and resumes it', () => {
    const it = new EnginePool().fill(0)
    const holder = it.ask('holder')
    const reports = drain(it)
    it.pool.pause(0)
    it.pool.resume(0)
    assert.deepEqual([it.pool.snapshot(0).state, it.ask('late').told], ['draining', [refused]])
    it.giveBack(holder)
    it.close()
    assert.deepEqual(reports, [{ stragglers: [] }])
  })

  it('gives its places to the other pools of its limits', () => {
    const limit = new Limit('process', 1)
    const it = new EnginePool({ limits: [limit] }).fill(0)
    const other = new EnginePool({ limits: [limit] }, it)
    const holder = it.ask('holder')
    other.ask('a')
    drain(it, { untilMs: 100 })
    it.pass(100)
    it.close()
    assert.deepEqual([other.figures(), limit.taken], [{ opening: 1, waiting: 1 }, 1])
    assert.throws(() => it.giveBack(holder), { code: 'stale_lease' })
  })
})

describe('Pool: the end', () => {
  it('refuses who waits, closes what is idle or opening now and what is leased when it comes back', () => {
    const it = new EnginePool({ maxSize: 4, minSize: 3 }).fill(0, 0)
    const [first, second] = [it.ask('first'), it.ask('second')]
    const third = it.ask('third')
    it.pool.end(shutdown, 0)
    assert.deepEqual([third.told, it.figures()], [[refused], { leased: 2, closing: 1 }])
    it.pass(1e9)
    it.giveBack(first)
    it.giveBack(second)
    assert.deepEqual(it.figures(), { closing: 3 })
  })
})

describe('Pool: who holds what', () => {
  it('is said with the name the caller gave, the oldest first', () => {
    const it = new EnginePool({ maxSize: 3 }).fill(0, 0, 0)
    it.ask('a')
    it.pass(10)
    const b = it.ask('b')
    it.pass(10)
    it.ask('c')
    it.giveBack(b)
    assert.deepEqual(it.pool.holders(it.now), [
      { holder: 'a', lane: '', heldMs: 20 },
      { holder: 'c', lane: '', heldMs: 0 },
    ])
  })

  it('is reported once as a leak, when it is held for too long', () => {
    const it = new EnginePool({ leakAfterMs: 100 }).fill(0)
    it.pass(30)
    const holder = it.ask('holder')
    it.pass(99)
    assert.deepEqual(it.heard(), ['granted holder'])
    it.pass(1)
    assert.deepEqual(it.heard(), ['leaked holder after 100'])
    it.pass(10_000)
    it.giveBack(holder)
    assert.deepEqual([it.heard(), it.pool.snapshot(it.now).counters.leaks], [['ended holder'], 1])
  })

  it('is reported as a leak again, when the next one keeps it, too', () => {
    const it = new EnginePool({ maxSize: 1, leakAfterMs: 100 }).fill(0)
    const [first] = it.askMany(2) as [Asker]
    it.pass(100)
    it.pass(50)
    it.giveBack(first)
    it.forget()
    it.pass(99)
    assert.deepEqual(it.heard(), [])
    it.pass(1)
    assert.deepEqual(it.heard(), ['leaked caller 2 after 100'])
  })

  it('is told to another observer from when it is set', () => {
    const it = new EnginePool().fill(0)
    const heard: string[] = []
    it.pool.observer = { ...noObserver, granted: ({ holder }) => heard.push(holder) }
    it.ask('a')
    assert.deepEqual([heard, it.heard()], [['a'], []])
  })
})

describe('Pool: its snapshot', () => {
  it('is everything at one instant, frozen', () => {
    const it = new EnginePool({ name: 'app', maxSize: 2, minSize: 1, reserveSize: 1, reserveAfterMs: 10_000 }).fill(0)
    const [holder, second] = it.askMany(3) as [Asker, Asker]
    it.pass(20)
    it.open()
    it.pass(30)
    it.giveBack(holder)
    it.giveBack(second)
    it.ask('last')
    it.askMany(2)
    it.pass(5)
    const snapshot = it.pool.snapshot(it.now)
    const { counters, waitMs, holdMs, openMs, ...figures } = snapshot
    assert.deepEqual(figures, {
      name: 'app',
      takenAtMs: 55,
      state: 'open',
      maxSize: 2,
      minSize: 1,
      reserveSize: 1,
      slots: { opening: 0, checking: 0, idle: 0, leased: 2, shared: 0, resetting: 0, closing: 0 },
      waiting: 2,
      longestWaitMs: 5,
      lanes: [{ name: '', reserved: 0, waiting: 2, leased: 2 }],
      heldMs: 90,
    })
    assert.deepEqual(
      [counters.leases, counters.immediate, counters.opened, waitMs.maxMs, holdMs.sumMs, openMs.sumMs],
      [4, 2, 2, 50, 80, 20],
    )
    assert.ok(
      [snapshot, snapshot.slots, snapshot.lanes, counters, counters.closed].every((one) => Object.isFrozen(one)),
    )
    assert.deepEqual(JSON.parse(JSON.stringify(snapshot)), snapshot)
  })

  it('is what the pool’s own figures say', () => {
    const it = new EnginePool({ maxSize: 6, sharedDepth: 2 }).fill(1, 1, 1, 1)
    it.destroy('one')
    it.ask('a')
    it.ask('b', { mode: 'shared', stateKey: 1 })
    const { maxSize, waiting, opening, idle, leased, closing, size } = it.pool
    assert.deepEqual(
      { maxSize, waiting, opening, idle, leased, closing, size },
      { maxSize: 6, waiting: 0, opening: 0, idle: 1, leased: 2, closing: 1, size: 4 },
    )
  })

  it('leaves nothing that rings when the pool has ended', () => {
    const it = new EnginePool({ leakAfterMs: 1_000 })
    it.pass(0)
    it.pool.end(shutdown, 0)
    it.pass(10_000)
    assert.deepEqual([it.pool.snapshot(it.now).state, it.deadlines.nextAtMs], ['ended', Infinity])
  })
})
