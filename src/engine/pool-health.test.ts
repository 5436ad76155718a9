import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EnginePool, told } from '../../test/support/engine-pool.ts'

describe('Pool: the lifetime of a resource', () => {
  it('is shortened at random when it opens, and fixed from then on', () => {
    let chance = 0.5
    const it = new EnginePool({ lifetimeMs: 1_000, lifetimeJitter: 0.2, random: () => chance }).fill(0)
    chance = 0
    it.pass(899)
    assert.deepEqual(it.asked(), [])
    it.pass(1)
    assert.deepEqual(it.asked(), ['open'])
  })

  it('ends when its replacement is open, if it would be missed', () => {
    const it = new EnginePool({ lifetimeMs: 1_000 }).fill(0)
    it.pass(1_000)
    assert.deepEqual([it.asked(), it.figures(), it.pool.idle], [['open'], { idle: 1, opening: 1 }, 1])
    it.open()
    assert.deepEqual([it.asked(), it.figures()], [['close one: its lifetime is over'], { idle: 1, closing: 1 }])
    assert.deepEqual(it.ask('a').told, ['two'])
  })

  it('lets it be lent until its replacement is open', () => {
    const it = new EnginePool({ lifetimeMs: 1_000 }).fill(0)
    it.pass(1_000)
    const asker = it.ask('a')
    assert.deepEqual(asker.told, ['one'])
    it.giveBack(asker)
    assert.deepEqual(it.asked(), ['open'])
    it.open()
    assert.deepEqual(it.asked(), ['close one: its lifetime is over'])
  })

  it('ends no sooner, though the replacement fails to open at first', () => {
    const it = new EnginePool({ lifetimeMs: 1_000 }).fill(0)
    it.pass(1_000)
    it.failToOpen()
    it.pass(100)
    assert.deepEqual([it.asked(), it.figures()], [['open', 'open'], { idle: 1, opening: 1 }])
    it.open()
    assert.deepEqual(it.asked(), ['close one: its lifetime is over'])
  })

  it('ends at once without a replacement, if others are idle and the minimum does not need it', () => {
    const it = new EnginePool({ lifetimeMs: 1_000 }).fill(0)
    it.pass(500)
    const holder = it.ask('holder')
    it.ask('a')
    it.open()
    it.giveBack(holder)
    const second = it.slot('two').exclusiveLease
    it.pool.release(second, second.number, it.now)
    it.forget()
    it.pass(500)
    assert.deepEqual([it.asked(), it.figures()], [['close one: its lifetime is over'], { idle: 1, closing: 1 }])
  })

  it('ends before its replacement opens, if there is no room for both', () => {
    const it = new EnginePool({ maxSize: 1, minSize: 1, lifetimeMs: 1_000 }).fill(0)
    it.pass(1_000)
    assert.deepEqual(it.asked(), ['close one: its lifetime is over'])
    it.close()
    assert.deepEqual(it.asked(), ['open'])
  })

  it('ends when it is given back, if somebody holds it, and one is opened ahead', () => {
    const it = new EnginePool({ lifetimeMs: 1_000 }).fill(0)
    const holder = it.ask('holder')
    it.pass(1_000)
    assert.deepEqual([it.asked(), it.figures()], [['open'], { leased: 1, opening: 1 }])
    it.open()
    it.giveBack(holder)
    assert.deepEqual([it.asked(), it.figures()], [['close one: its lifetime is over'], { idle: 1, closing: 1 }])
  })

  it('opens none ahead, if another is idle', () => {
    const parts = [0, 1]
    const it = new EnginePool({ maxSize: 3, lifetimeMs: 1_000, random: () => parts.shift() ?? 0 }).fill(0, 0)
    assert.deepEqual(it.ask('holder').told, ['two'])
    it.pass(900)
    assert.deepEqual([it.asked(), it.figures()], [[], { leased: 1, idle: 1 }])
  })

  it('is over for whoever waits, too: nobody gets it then', () => {
    const it = new EnginePool({ maxSize: 1, lifetimeMs: 1_000 }).fill(0)
    const [holder, waiting] = [it.ask('holder'), it.ask('a')]
    it.pass(1_000)
    it.giveBack(holder)
    assert.deepEqual([it.asked(), waiting.told], [['close one: its lifetime is over'], []])
    it.close()
    it.open()
    assert.deepEqual(waiting.told, ['two'])
  })
})

describe('Pool: idle for long', () => {
  it('closes what nobody has used for so long, but for the minimum', () => {
    const it = new EnginePool({ maxSize: 3, minSize: 1, idleTimeoutMs: 100 }).fill(0, 0, 0)
    it.pass(99)
    assert.deepEqual(it.asked(), [])
    it.pass(1)
    const reason = 'it has been idle for long'
    assert.deepEqual(
      [it.asked(), it.figures()],
      [[`close one: ${reason}`, `close two: ${reason}`], { idle: 1, closing: 2 }],
    )
    it.pass(10_000)
    assert.deepEqual(it.asked(), [])
  })

  it('counts from when it was last given back', () => {
    const it = new EnginePool({ idleTimeoutMs: 100 }).fill(0)
    it.pass(30)
    const asker = it.ask('a')
    it.pass(200)
    it.giveBack(asker)
    it.pass(99)
    assert.deepEqual(it.asked(), [])
    it.pass(1)
    assert.deepEqual(it.asked(), ['close one: it has been idle for long'])
  })

  it('leaves nothing to ring for what is gone', () => {
    const it = new EnginePool({ idleTimeoutMs: 100, lifetimeMs: 1_000 }).fill(0, 0)
    it.pass(1)
    assert.equal(it.deadlines.size, 2)
    it.lose('one')
    it.destroy('two')
    assert.equal(it.deadlines.size, 0)
  })

  it('leaves nothing in the pool that died, and never lends it', () => {
    const it = new EnginePool().fill(0, 0)
    it.lose('two')
    assert.deepEqual([it.figures(), it.ask('a').told], [{ idle: 1 }, ['one']])
    assert.equal(it.pool.snapshot(0).counters.closed.lost, 1)
  })
})

describe('Pool: checks', () => {
  it('lends at once what was used, opened or checked lately', () => {
    const it = new EnginePool({ canCheck: true, checkAfterMs: 1_000 })
    it.pass(5_000)
    it.fill(0)
    it.pass(1_000)
    assert.deepEqual([it.ask('a').told, it.asked()], [['one'], []])
  })

  it('checks what was not heard of for long before it is lent', () => {
    const it = new EnginePool({ canCheck: true, checkAfterMs: 1_000 }).fill(0)
    it.pass(1_001)
    const asker = it.ask('a')
    assert.deepEqual([it.asked(), asker.told, it.figures()], [['check one'], [], { checking: 1, waiting: 1 }])
    it.check()
    assert.deepEqual([asker.told, it.figures()], [['one'], { leased: 1 }])
  })

  it('checks always, if it is told so', () => {
    const it = new EnginePool({ canCheck: true, checkAfterMs: 0 }).fill(0)
    it.pass(1)
    it.ask('a')
    assert.deepEqual(it.asked(), ['check one'])
  })

  it('checks as many as there are callers, and opens none beside', () => {
    const it = new EnginePool({ maxSize: 5, canCheck: true, checkAfterMs: 1_000 }).fill(0, 0, 0)
    it.pass(1_001)
    const askers = it.askMany(2)
    assert.deepEqual([it.asked(), it.figures()], [['check three', 'check two'], { checking: 2, idle: 1, waiting: 2 }])
    it.check()
    it.check()
    assert.deepEqual(told(askers), [['three'], ['two']])
  })

  it('keeps what it checked for a caller who left', () => {
    const it = new EnginePool({ canCheck: true, checkAfterMs: 1_000 }).fill(0)
    it.pass(1_001)
    it.cancel(it.ask('a'))
    it.check()
    assert.deepEqual([it.figures(), it.ask('b').told], [{ idle: 1 }, ['one']])
  })

  it('keeps nobody waiting for one that takes longer than opening does: then one is opened beside', () => {
    const it = new EnginePool({ canCheck: true })
    const a = it.ask('a')
    it.pass(10)
    it.open()
    it.giveBack(a)
    it.pool.suspectIdle()
    it.ask('b')
    it.pass(9)
    assert.deepEqual(it.figures(), { checking: 1, waiting: 1 })
    it.pass(1)
    assert.deepEqual(it.figures(), { checking: 1, opening: 1, waiting: 1 })
  })

  it('opens one for each caller whose check hangs, and rings no more than that needs', () => {
    const it = new EnginePool({ maxSize: 8, canCheck: true }).fill(0, 0, 0)
    it.pool.suspectIdle()
    const callers = it.askMany(3)
    for (let ms = 0; ms < 100; ms += 10) {
      it.pass(10)
      while (it.opening.length > 0) it.open()
    }
    assert.deepEqual([it.figures(), callers.map(({ told }) => told.length)], [{ checking: 3, leased: 3 }, [1, 1, 1]])
  })

  it('checks another idle one when a check hangs and nothing may be opened', () => {
    const it = new EnginePool({ maxSize: 3, canCheck: true }).fill(0, 0, 0)
    it.pool.suspectIdle()
    it.ask('a')
    it.pass(1)
    assert.deepEqual(it.figures(), { checking: 2, idle: 1, waiting: 1 })
  })

  it('closes what fails, and suspects everything else that is idle', () => {
    const it = new EnginePool({ canCheck: true, keepAliveMs: 1_000 }).fill(0, 0)
    it.pass(500)
    it.giveBack(it.ask('a'))
    it.pass(500)
    assert.deepEqual(it.asked(), ['check one'])
    it.failCheck()
    const asker = it.ask('b')
    assert.deepEqual([it.asked(), asker.told], [['close one: it is dead', 'check two'], []])
    it.check()
    assert.deepEqual(asker.told, ['two'])
  })

  it('closes what does not answer in time, and takes no answer later', () => {
    const it = new EnginePool({ maxSize: 1, canCheck: true, checkAfterMs: 1_000, checkTimeoutMs: 50 }).fill(0)
    it.pass(1_001)
    it.ask('a')
    it.pass(49)
    assert.deepEqual(it.asked(), ['check one'])
    it.pass(1)
    assert.deepEqual(it.asked(), ['close one: it did not answer a check in time'])
    it.check()
    assert.deepEqual(it.figures(), { closing: 1, waiting: 1 })
    const { checks, checkFailures, closed } = it.pool.snapshot(it.now).counters
    assert.deepEqual([checks, checkFailures, closed.check], [1, 1, 1])
  })

  it('may last for ever, if they have no limit', () => {
    const it = new EnginePool({ maxSize: 1, canCheck: true, checkAfterMs: 0, checkTimeoutMs: 0 }).fill(0)
    it.pass(1)
    it.ask('a')
    it.pass(1_000_000)
    assert.deepEqual(it.figures(), { checking: 1, waiting: 1 })
  })

  it('are followed by a new one at once, if what failed belonged to the minimum', () => {
    const it = new EnginePool({ minSize: 1, canCheck: true, keepAliveMs: 100 }).fill(0)
    it.pass(100)
    it.failCheck()
    assert.deepEqual(it.asked(), ['check one', 'close one: it is dead', 'open'])
  })

  it('keep nothing that was retired, or is too many, meanwhile', () => {
    const it = new EnginePool({ canCheck: true, keepAliveMs: 100 }).fill(0, 0)
    it.pass(100)
    it.pool.resize({ maxSize: 1 }, it.now)
    it.check()
    it.pool.retireAll(it.now)
    it.check()
    assert.deepEqual(it.asked().slice(2), ['close one: the pool has become smaller', 'close two: it is retired'])
  })

  it('keep alive what nobody uses, again and again', () => {
    const it = new EnginePool({ canCheck: true, keepAliveMs: 100 }).fill(0)
    const asked = Array.from({ length: 3 }, () => {
      it.pass(100)
      it.check()
      return it.asked()
    })
    assert.deepEqual(asked, [['check one'], ['check one'], ['check one']])
  })

  it('leave alone what was used lately, and what somebody holds', () => {
    const it = new EnginePool({ canCheck: true, keepAliveMs: 100 }).fill(0)
    it.pass(60)
    it.giveBack(it.ask('a'))
    it.pass(99)
    assert.deepEqual(it.asked(), [])
    it.ask('b')
    it.pass(1_000)
    assert.deepEqual(it.asked(), [])
  })

  it('are no use: what was only checked is as idle as it was, and no first choice', () => {
    const it = new EnginePool({ canCheck: true, keepAliveMs: 60, idleTimeoutMs: 100 }).fill(0, 0)
    it.pass(30)
    it.giveBack(it.ask('a'))
    it.pass(30)
    it.check()
    assert.deepEqual(it.asked(), ['check one'])
    const asker = it.ask('b')
    assert.deepEqual(asker.told, ['two'])
    it.pass(40)
    assert.deepEqual(it.asked(), ['close one: it has been idle for long'])
  })

  it('checks what was used just now, too, if it checks always', () => {
    const it = new EnginePool({ maxSize: 1, canCheck: true, checkAfterMs: 0 }).fill(0)
    const [holder, asker] = [it.ask('holder'), it.ask('a')]
    it.giveBack(holder)
    assert.deepEqual([it.figures(), told([asker])], [{ checking: 1, waiting: 1 }, [[]]])
    it.check()
    assert.deepEqual(told([asker]), [['one']])
  })
})

describe('Pool: everything idle is suspect', () => {
  it('after the process was stopped: it is checked before it is lent', () => {
    const it = new EnginePool({ canCheck: true }).fill(0, 0)
    it.pool.suspectIdle()
    const askers = it.askMany(2)
    assert.deepEqual(
      [it.asked(), told(askers)],
      [
        ['check two', 'check one'],
        [[], []],
      ],
    )
    it.check()
    it.check()
    assert.deepEqual(told(askers), [['two'], ['one']])
  })

  it('until it was checked or used once', () => {
    const it = new EnginePool({ canCheck: true }).fill(0)
    it.pool.suspectIdle()
    const asker = it.ask('a')
    it.check()
    it.giveBack(asker)
    assert.deepEqual(it.ask('b').told, ['one'])
  })

  it('one for each caller, in turn, too, however many there are', () => {
    const all = Array.from({ length: 100 }, () => 0)
    const it = new EnginePool({ maxSize: 100, reuse: 'round robin', canCheck: true }).fill(...all)
    it.pool.suspectIdle()
    const asker = it.ask('a')
    it.check()
    assert.deepEqual([asker.told, it.asked()], [['one'], ['check one']])
  })

  it('but is lent all the same if the owner can check nothing', () => {
    const it = new EnginePool().fill(0)
    it.pool.suspectIdle()
    assert.deepEqual(it.ask('a').told, ['one'])
  })

  it('even what answers a check that began before', () => {
    const it = new EnginePool({ maxSize: 1, canCheck: true, keepAliveMs: 100 }).fill(0)
    it.pass(100)
    it.pool.suspectIdle()
    it.check()
    const asker = it.ask('a')
    assert.deepEqual([it.figures(), told([asker])], [{ checking: 1, waiting: 1 }, [[]]])
  })
})

describe('Pool: retiring all', () => {
  it('closes what is idle now, and what is leased as soon as nobody needs it', () => {
    const it = new EnginePool({ maxSize: 3 }).fill(0, 0)
    const holder = it.ask('holder')
    it.pool.retireAll(0)
    assert.deepEqual([it.asked(), it.figures()], [['close one: it is retired'], { leased: 1, closing: 1 }])
    it.giveBack(holder)
    assert.deepEqual(it.asked(), ['close two: it is retired'])
  })

  it('gives up what was being opened when it was called, and lends what is opened after', () => {
    const it = new EnginePool({ maxSize: 2 })
    const asker = it.ask('a')
    it.pool.retireAll(0)
    assert.deepEqual(it.asked(), ['open', 'close: it is retired', 'open'])
    it.failToOpen()
    it.open()
    assert.deepEqual([asker.told, it.figures()], [['one'], { leased: 1 }])
  })

  it('closes nothing that is opened in its place, though the owner answers at once', () => {
    const it = new EnginePool({ maxSize: 3, minSize: 3 })
    it.isPrompt = true
    it.pass(0)
    it.pool.retireAll(0)
    const { opened, closed } = it.pool.snapshot(0).counters
    assert.deepEqual([it.figures(), opened, closed.retired], [{ idle: 3 }, 6, 3])
  })
})

describe('Pool: given back dirty', () => {
  it('is closed, if the owner cannot reset it', () => {
    const it = new EnginePool().fill(0)
    it.giveBack(it.ask('a'), { isDirty: true })
    assert.deepEqual([it.asked(), it.figures()], [['close one: it was given back dirty'], { closing: 1 }])
  })

  it('is reset before it is lent on', () => {
    const it = new EnginePool({ maxSize: 1, canReset: true }).fill(0)
    const [holder, next] = [it.ask('holder'), it.ask('next')]
    it.giveBack(holder, { isDirty: true })
    assert.deepEqual([it.asked(), it.figures(), next.told], [['reset one'], { resetting: 1, waiting: 1 }, []])
    it.reset()
    assert.deepEqual(next.told, ['one'])
  })

  it('is not reset, if it was given back clean', () => {
    const it = new EnginePool({ canReset: true }).fill(0)
    it.giveBack(it.ask('a'))
    assert.deepEqual(it.asked(), [])
  })

  it('is closed, if its reset fails, and replaced at once, if it belonged to the minimum', () => {
    const it = new EnginePool({ minSize: 1, canReset: true }).fill(0)
    it.giveBack(it.ask('a'), { isDirty: true })
    it.failReset()
    assert.deepEqual(it.asked(), ['reset one', 'close one: it has failed', 'open'])
  })

  it('is closed, if its reset takes too long, and takes no answer later', () => {
    const it = new EnginePool({ canReset: true, resetTimeoutMs: 50 }).fill(0)
    it.giveBack(it.ask('a'), { isDirty: true })
    it.pass(49)
    assert.deepEqual(it.asked(), ['reset one'])
    it.pass(1)
    assert.deepEqual(it.asked(), ['close one: it could not be reset in time'])
    it.reset()
    assert.deepEqual(it.figures(), { closing: 1 })
    const { resets, resetFailures, closed } = it.pool.snapshot(it.now).counters
    assert.deepEqual([resets, resetFailures, closed.reset], [1, 1, 1])
  })

  it('is idle from when its reset is done', () => {
    const it = new EnginePool({ canReset: true, idleTimeoutMs: 100 }).fill(0)
    it.giveBack(it.ask('a'), { isDirty: true })
    it.pass(50)
    it.reset()
    it.pass(99)
    assert.deepEqual(it.asked(), ['reset one'])
    it.pass(1)
    assert.deepEqual(it.asked(), ['close one: it has been idle for long'])
  })

  it('is closed without a reset, if it would be closed anyway', () => {
    const it = new EnginePool({ canReset: true }).fill(0)
    const holder = it.ask('holder')
    it.pool.retireAll(0)
    it.giveBack(holder, { isDirty: true })
    assert.deepEqual(it.asked(), ['close one: it is retired'])
  })
})
