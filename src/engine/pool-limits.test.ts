import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Asker, EnginePool, unreachable } from '../../test/support/engine-pool.ts'
import { Limit } from './limit.ts'
import { Limits } from './limits.ts'

describe('Pool: limits shared by several pools', () => {
  it('are all kept when pools share two of them, and a place is made at one', () => {
    const group = new Limits()
    const [process, database] = [new Limit('process', 1, group), new Limit('database', 1, group)]
    const elsewhere = new EnginePool({ limits: [process] })
    const it = new EnginePool({ limits: [process, database] }, elsewhere)
    const other = new EnginePool({ limits: [process, database] }, elsewhere)
    for (const pool of [elsewhere, it, other]) pool.ask('a')
    process.resize(3, 0)
    assert.deepEqual([process.taken, database.taken], [2, 1])
    assert.deepEqual([it.figures(), other.figures()], [{ opening: 1, waiting: 1 }, { waiting: 1 }])
  })

  it('are refused, if they have nothing to do with each other', () => {
    const limits = [new Limit('process', 1), new Limit('database', 1)]
    const message = 'pool: limits process and database must belong to one group'
    assert.throws(() => new EnginePool({ limits }), { code: 'bad_configuration', message })
  })

  it('keep what is free at one for whoever is first, while it is made at another', () => {
    const group = new Limits()
    const [process, database] = [new Limit('process', 3, group), new Limit('database', 1, group)]
    const holding = new EnginePool({ limits: [process, database] }).fill(0)
    const it = new EnginePool({ limits: [process, database] }, holding)
    const elsewhere = new EnginePool({ limits: [process], maxSize: 3 }, holding).fill(0)
    it.ask('a')
    elsewhere.askMany(2)
    assert.deepEqual([holding.figures(), it.figures()], [{ closing: 1 }, { waiting: 1 }])
    assert.deepEqual(elsewhere.figures(), { leased: 1, waiting: 1 })
    holding.close()
    assert.deepEqual(it.figures(), { opening: 1, waiting: 1 })
    assert.deepEqual(elsewhere.figures(), { leased: 1, opening: 1, waiting: 1 })
  })

  it('evict one for one caller, though the owner closes at once', () => {
    const limit = new Limit('process', 4)
    const other = new EnginePool({ limits: [limit], maxSize: 4 }).fill(0, 0, 0, 0)
    other.isPrompt = true
    const it = new EnginePool({ limits: [limit] }, other)
    it.ask('a')
    assert.deepEqual([other.figures(), it.figures()], [{ idle: 3 }, { opening: 1, waiting: 1 }])
  })

  it('take what a paused pool has idle, though callers wait for it', () => {
    const limit = new Limit('process', 1)
    const paused = new EnginePool({ limits: [limit] }).fill(0)
    const holder = paused.ask('holder')
    const it = new EnginePool({ limits: [limit] }, paused)
    it.ask('a')
    paused.pool.pause(0)
    paused.ask('waits')
    paused.giveBack(holder)
    assert.deepEqual(paused.figures(), { closing: 1, waiting: 1 })
    paused.close()
    assert.deepEqual(it.figures(), { opening: 1, waiting: 1 })
  })

  it('take what is idle when its pool is paused', () => {
    const limit = new Limit('process', 1)
    const paused = new EnginePool({ limits: [limit] }).fill(0)
    const it = new EnginePool({ limits: [limit] }, paused)
    paused.pool.pause(0)
    it.ask('a')
    assert.deepEqual(paused.figures(), { closing: 1 })
  })

  it('take what is kept for one lane, while callers of another wait', () => {
    const limit = new Limit('process', 2)
    const lanes = [
      { name: 'batch', reserved: 0 },
      { name: 'health', reserved: 1 },
    ]
    const it = new EnginePool({ limits: [limit], lanes }).fill(0, 0)
    const check = it.ask('check', { lane: 1 })
    for (const name of ['first job', 'second job']) it.ask(name)
    const other = new EnginePool({ limits: [limit] }, it)
    other.ask('a')
    it.giveBack(check)
    assert.deepEqual([it.figures(), other.figures()], [{ leased: 1, closing: 1, waiting: 1 }, { waiting: 1 }])
  })

  it('leave a lane what is kept for it, though they are lower than the maximum', () => {
    const lanes = [
      { name: 'batch', reserved: 0 },
      { name: 'health', reserved: 1 },
    ]
    const it = new EnginePool({ limits: [new Limit('process', 2)], maxSize: 4, lanes }).fill(0, 0)
    const [job, late] = [it.ask('job'), it.ask('late job')]
    const check = it.ask('check', { lane: 1 })
    assert.deepEqual([job.told, late.told, check.told.length], [['two'], [], 1])
  })

  it('let those lend at once who may lend more when they become higher', () => {
    const limit = new Limit('process', 2)
    const lanes = [
      { name: 'batch', reserved: 0 },
      { name: 'health', reserved: 1 },
    ]
    const it = new EnginePool({ limits: [limit], maxSize: 4, lanes }).fill(0, 0)
    const [, late] = it.askMany(2)
    limit.resize(4, 0)
    assert.equal(late?.told.length, 1)
  })

  it('let no busy pool starve a quiet one: after a second it gives one up, though callers wait there', () => {
    const limit = new Limit('process', 3)
    const busy = new EnginePool({ limits: [limit], maxSize: 10 }).fill(0, 0, 0)
    const quiet = new EnginePool({ limits: [limit] }, busy)
    const keepBusy = (asker: Asker): void => {
      busy.giveBack(asker)
      busy.askAgain(asker)
    }
    const askers = busy.askMany(4)
    const asker = quiet.ask('a')
    busy.pass(999)
    askers.slice(0, 3).forEach(keepBusy)
    assert.deepEqual([busy.figures(), quiet.figures()], [{ leased: 3, waiting: 1 }, { waiting: 1 }])
    busy.pass(1)
    const [holder] = askers.filter(({ waiter }) => !waiter.isWaiting) as [Asker]
    busy.forget()
    keepBusy(holder)
    assert.equal(busy.asked().length, 1)
    assert.deepEqual([busy.figures(), quiet.figures()], [{ leased: 2, closing: 1, waiting: 2 }, { waiting: 1 }])
    busy.close()
    quiet.open()
    assert.deepEqual([busy.figures(), asker.told], [{ leased: 2, waiting: 2 }, ['one']])
    for (const one of askers) if (!one.waiter.isWaiting) keepBusy(one)
    assert.deepEqual(busy.figures(), { leased: 2, waiting: 2 })
  })

  it('are named to whoever waits for one in vain', () => {
    const limit = new Limit('database shop', 1)
    const other = new EnginePool({ limits: [limit] }).fill(0)
    const it = new EnginePool({ limits: [limit], waitTimeoutMs: 100 }, other)
    other.ask('holder')
    const asker = it.ask('a')
    other.pass(100)
    const message =
      'no server became free within 100 ms: 0 of 2 leased, nobody else waiting; limit database shop is full: 1 of 1 taken'
    assert.equal(asker.error?.message, message)
  })

  it('are given in turn, a second each, to more busy pools than there are places', () => {
    const limit = new Limit('process', 1)
    const first = new EnginePool({ limits: [limit] })
    const pools = [first, new EnginePool({ limits: [limit] }, first), new EnginePool({ limits: [limit] }, first)]
    const served = pools.map((pool) => {
      pool.isPrompt = true
      const askers = [pool.ask('a'), pool.ask('b')]
      return { pool, askers, count: 0 }
    })
    for (let ms = 0; ms < 9_000; ms++) {
      for (const one of served) {
        for (const asker of one.askers.filter(({ waiter }) => !waiter.isWaiting)) {
          one.pool.giveBack(asker)
          one.pool.askAgain(asker)
          one.count++
        }
      }
      first.pass(1)
    }
    const counts = served.map(({ count }) => count)
    assert.ok(Math.min(...counts) > 2_000, `about a third of 9,000 each, not ${counts.join(', ')}`)
  })

  it('make no pool call the next one: 20,000 may wait for one place', { timeout: 60_000 }, () => {
    const limit = new Limit('process', 1)
    const holding = new EnginePool({ limits: [limit] }).fill(0)
    holding.ask('holder')
    const pools = Array.from({ length: 20_000 }, () => new EnginePool({ limits: [limit] }, holding))
    const askers = pools.map((pool) => {
      pool.isPrompt = true
      const asker = pool.ask('a')
      asker.onGrant = () => pool.giveBack(asker)
      return asker
    })
    holding.lose('one')
    assert.ok(askers.every(({ told }) => told.length === 1))
  })

  it('keep nothing for a pool that waits in vain for a place at another', () => {
    const group = new Limits()
    const [process, database] = [new Limit('process', 10, group), new Limit('database', 1, group)]
    const holding = new EnginePool({ limits: [process, database] })
    holding.ask('holder')
    new EnginePool({ limits: [process, database] }, holding).ask('waits')
    const filled = new EnginePool({ limits: [process], minSize: 1 }, holding)
    const aged = new EnginePool({ limits: [process], lifetimeMs: 1_000, lifetimeJitter: 0 }, holding).fill(0)
    holding.pass(1_000)
    assert.deepEqual([filled.figures(), aged.figures()], [{ opening: 1 }, { idle: 1, opening: 1 }])
  })

  it('evict one alone, where that makes a place at each', () => {
    const group = new Limits()
    const [process, database] = [new Limit('process', 4, group), new Limit('database', 1, group)]
    const large = new EnginePool({ limits: [process], maxSize: 3 }).fill(0, 0, 0)
    const small = new EnginePool({ limits: [process, database] }, large).fill(0)
    new EnginePool({ limits: [process, database] }, large).ask('a')
    assert.deepEqual([large.figures(), small.figures()], [{ idle: 3 }, { closing: 1 }])
  })

  it('evict one at each, where nobody has a place at both', () => {
    const group = new Limits()
    const [process, database] = [new Limit('process', 1, group), new Limit('database', 1, group)]
    const one = new EnginePool({ limits: [process] }).fill(0)
    const other = new EnginePool({ limits: [database] }, one).fill(0)
    new EnginePool({ limits: [process, database] }, one).ask('a')
    assert.deepEqual([one.figures(), other.figures()], [{ closing: 1 }, { closing: 1 }])
  })

  it('are each named once', () => {
    const limit = new Limit('process', 2)
    const message = 'pool: a limit is named twice'
    assert.throws(() => new EnginePool({ limits: [limit, limit] }), { code: 'bad_configuration', message })
  })

  it('leave each lane what is kept for it, though that is more than they allow', () => {
    const lanes = [
      { name: 'batch', reserved: 2 },
      { name: 'health', reserved: 2 },
    ]
    const it = new EnginePool({ limits: [new Limit('process', 3)], maxSize: 4, lanes }).fill(0, 0, 0)
    const jobs = it.askMany(3)
    const check = it.ask('check', { lane: 1 })
    assert.deepEqual(
      [...jobs, check].map(({ told }) => told.length),
      [1, 1, 0, 1],
    )
  })

  it('serve whoever asks a pool while it gives up its turn', () => {
    const group = new Limits()
    const [one, two] = [new Limit('one', 1, group), new Limit('two', 1, group)]
    const holding = new EnginePool({ limits: [two] })
    holding.ask('holder')
    holding.open()
    holding.destroy('one')
    const pool = new EnginePool({ limits: [one, two] }, holding)
    const first = pool.ask('first')
    const other = new EnginePool({ limits: [one] }, holding)
    other.isPrompt = true
    const b = other.ask('b')
    b.onGrant = () => {
      other.giveBack(b)
      pool.ask('second')
    }
    pool.cancel(first)
    holding.close()
    assert.deepEqual([pool.figures(), other.figures()], [{ opening: 1, waiting: 1 }, {}])
  })

  it('close what was being checked when they became lower', () => {
    const limit = new Limit('process', 2)
    const it = new EnginePool({ limits: [limit], canCheck: true, keepAliveMs: 100 }).fill(0, 0)
    it.pass(100)
    assert.deepEqual(it.figures(), { checking: 2 })
    limit.resize(1, it.now)
    for (let left = 2; left > 0; left--) it.check()
    assert.deepEqual([it.figures(), limit.isExceeded], [{ idle: 1, closing: 1 }, false])
  })

  it('evict what nobody needs while one is checked for the only caller, however long that takes', () => {
    const limit = new Limit('process', 4)
    const it = new EnginePool({ limits: [limit], maxSize: 4, canCheck: true }).fill(0, 0, 0, 0)
    const other = new EnginePool({ limits: [limit] }, it)
    it.pool.suspectIdle()
    it.ask('a')
    other.ask('b')
    assert.deepEqual(it.figures(), { checking: 1, idle: 2, closing: 1, waiting: 1 })
    it.close()
    assert.deepEqual(other.figures(), { opening: 1, waiting: 1 })
  })

  it('give up what is being opened, too, when they become lower, and nothing idle is too many', () => {
    const limit = new Limit('process', 3)
    const it = new EnginePool({ limits: [limit], maxSize: 3, minSize: 3 }).fill(0)
    it.pass(0)
    it.ask('holder')
    const other = new EnginePool({ limits: [limit] }, it)
    it.forget()
    assert.deepEqual(it.figures(), { leased: 1, opening: 2 })
    limit.resize(1, 0)
    assert.deepEqual([it.figures(), other.figures(), limit.isExceeded], [{ leased: 1, closing: 2 }, {}, false])
  })

  it('give up what is being opened by the pool with most to spare', () => {
    const limit = new Limit('process', 3)
    const it = new EnginePool({ limits: [limit], maxSize: 2, minSize: 2 })
    it.pass(0)
    it.open()
    const other = new EnginePool({ limits: [limit] }, it)
    other.ask('a')
    it.ask('holder')
    assert.deepEqual(
      [it.figures(), other.figures()],
      [
        { leased: 1, opening: 1 },
        { opening: 1, waiting: 1 },
      ],
    )
    limit.resize(2, 0)
    assert.deepEqual(
      [it.figures(), other.figures()],
      [
        { leased: 1, opening: 1 },
        { closing: 1, waiting: 1 },
      ],
    )
  })

  it('keep what comes for a pool that has been first for a second, until there is a place at each', () => {
    const group = new Limits()
    const [one, two] = [new Limit('one', 1, group), new Limit('two', 1, group)]
    const [a, c] = [new EnginePool({ limits: [one] }).fill(0), new EnginePool({ limits: [two] }).fill(0)]
    const holders = [a, c].map((pool) => ({ pool, asker: pool.ask('holder') }))
    const it = new EnginePool({ limits: [one, two] }, a)
    const [b, d] = [new EnginePool({ limits: [one] }, a), new EnginePool({ limits: [two] }, a)]
    for (const pool of [a, b, c, d, it]) pool.isPrompt = true
    const first = it.ask('first')
    const others = [b, d].map((pool) => pool.ask('other'))
    a.pass(1_000)
    const happened = holders.map(({ pool, asker }) => {
      pool.giveBack(asker)
      return [first, ...others].map(({ told: { length } }) => length)
    })
    assert.deepEqual(happened, [
      [0, 0, 0],
      [1, 0, 0],
    ])
    it.giveBack(first)
    assert.deepEqual(
      others.map(({ told: { length } }) => length),
      [1, 1],
    )
  })

  it('are kept to by sharers, too, when they become lower', () => {
    const limit = new Limit('process', 2)
    const it = new EnginePool({ limits: [limit], sharedDepth: 2 }).fill(1, 2)
    it.isPrompt = true
    const share = (): Asker[] => [1, 2].map((stateKey) => it.ask('a', { mode: 'shared', stateKey }))
    const first = share()
    limit.resize(1, 0)
    share()
    for (const asker of first) it.giveBack(asker)
    assert.equal(limit.taken, 1)
  })

  it('lose nothing to a pool that waits in vain: what only it could have stays where it is', () => {
    const group = new Limits()
    const [one, two] = [new Limit('one', 1, group), new Limit('two', 1, group)]
    const busy = new EnginePool({ limits: [two] }).fill(0)
    busy.ask('holds for long')
    const it = new EnginePool({ limits: [one] }, busy).fill(0)
    const holder = it.ask('holder')
    new EnginePool({ limits: [one, two] }, busy).ask('in vain')
    busy.pass(1_000)
    new EnginePool({ limits: [one] }, busy).ask('behind')
    it.giveBack(holder)
    assert.deepEqual([it.figures(), it.ask('again').told], [{ idle: 1 }, ['one']])
  })

  it('keep what comes for each that is first at its limits, though another waits in vain elsewhere', () => {
    const group = new Limits()
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => new Limit(name, 1, group)) as [Limit, Limit, Limit, Limit]
    const time = new EnginePool()
    const holding = [a, b, c, d].map((limit) => new EnginePool({ limits: [limit] }, time).fill(0))
    const [, , atC, atD] = holding.map((pool) => ({ pool, holder: pool.ask('holder') }))
    new EnginePool({ limits: [a, b] }, time).ask('in vain')
    const it = new EnginePool({ limits: [c, d] }, time)
    it.ask('first')
    const behind = new EnginePool({ limits: [c] }, time)
    for (const pool of [...holding, it, behind]) pool.isPrompt = true
    behind.ask('behind')
    time.pass(1_000)
    for (const one of [atC, atD]) if (one) one.pool.giveBack(one.holder)
    assert.deepEqual([it.figures(), behind.figures()], [{ leased: 1 }, { waiting: 1 }])
  })

  it('have nothing closed that waits for its replacement while there are places, though they decide about others', () => {
    const group = new Limits()
    const [process, database] = [new Limit('process', 10, group), new Limit('database', 1, group)]
    const it = new EnginePool({ limits: [process], lifetimeMs: 1_000, lifetimeJitter: 0 }).fill(0)
    const holding = new EnginePool({ limits: [process, database] }, it)
    const holder = holding.ask('holder')
    holding.open()
    it.pass(1_000)
    it.failToOpen()
    const other = new EnginePool({ limits: [process, database] }, it)
    for (const pool of [holding, other]) pool.isPrompt = true
    other.ask('a').onGrant = () => it.pool.resize({ maxSize: 3 }, it.now)
    holding.giveBack(holder, { isDirty: true })
    assert.deepEqual([other.figures(), it.figures()], [{ leased: 1 }, { idle: 1 }])
  })

  it('evict nothing for a pool in which nobody waits any more', () => {
    const limit = new Limit('process', 2)
    const holding = new EnginePool({ limits: [limit] }).fill(0)
    holding.ask('holder')
    const it = new EnginePool({ limits: [limit], canCheck: true, keepAliveMs: 100 }, holding)
    const first = it.ask('first')
    it.pass(10)
    it.open()
    it.giveBack(first)
    it.pass(100)
    const other = new EnginePool({ limits: [limit] }, holding)
    const a = other.ask('a')
    a.onGrant = () => other.giveBack(a)
    const callers = it.askMany(2)
    it.pass(10)
    assert.deepEqual([it.figures(), limit.wanting], [{ checking: 1, waiting: 2 }, 2])
    it.isPrompt = other.isPrompt = true
    it.pool.drain({ error: unreachable, waiting: 'serve', untilMs: Infinity, done: () => undefined }, it.now)
    for (const caller of callers) it.cancel(caller)
    assert.deepEqual([a.told, other.figures()], [['one'], { idle: 1 }])
  })
})
