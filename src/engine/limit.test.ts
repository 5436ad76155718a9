import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { Limit, type LimitMember } from './limit.ts'

describe('Limit', () => {
  let limit: Limit
  let happened: string[]

  beforeEach(() => {
    limit = new Limit('process', 2)
    happened = []
  })

  /** A pool that takes the places it is offered, as long as it wants any. */
  class Member implements LimitMember {
    readonly name: string
    idle = 0
    spare = 0
    idleSinceMs = Infinity
    wanted = 0
    /** It is in the middle of something. */
    isBusy = false

    constructor(name: string, figures: Partial<Pick<Member, 'idle' | 'spare' | 'idleSinceMs'>> = {}) {
      this.name = name
      Object.assign(this, figures)
      limit.join(this)
    }

    evict(): void {
      happened.push(`evict ${this.name}`)
      this.idle--
      this.spare--
      limit.closing()
    }

    placeFreed(): void {
      happened.push(`offer ${this.name}`)
      if (!this.isBusy && this.wanted > 0 && limit.hasRoomFor(this)) this.take()
    }

    take(count = 1): void {
      for (let taken = 0; taken < count; taken++) limit.took(this, 0)
      this.wanted = Math.max(0, this.wanted - count)
    }

    block(): void {
      this.wanted++
      limit.block(this, 0)
    }

    blockMinimum(): void {
      this.wanted++
      limit.blockMinimum(this, 0)
    }
  }

  const member = (...figures: ConstructorParameters<typeof Member>): Member => new Member(...figures)

  it('has room for as many as it says, until they are gone', () => {
    const [a, b] = [member('a'), member('b')]
    a.take()
    assert.deepEqual([limit.taken, limit.hasRoomFor(b)], [1, true])
    b.take()
    limit.closing()
    assert.deepEqual([limit.taken, limit.hasRoomFor(b)], [2, false])
    limit.freed(true, 0)
    assert.deepEqual([limit.taken, limit.hasRoomFor(b)], [1, true])
  })

  it('has room for one at least', () => {
    assert.throws(() => new Limit('process', 0), { message: 'taxirank bug: a limit has room for at least one' })
    assert.throws(() => limit.resize(0, 0), { message: 'taxirank bug: a limit has room for at least one' })
  })

  it('evicts for a pool with callers: from the one with most to spare, and of those what has been idle longest', () => {
    member('a', { idle: 1, spare: 1, idleSinceMs: 0 })
    member('b', { idle: 1, spare: 3, idleSinceMs: 20 })
    member('c', { idle: 2, spare: 3, idleSinceMs: 10 })
    member('d', { idle: 0, spare: 9 })
    member('asking', { idle: 1, spare: 9, idleSinceMs: 0 }).block()
    assert.deepEqual(happened, ['evict c'])
  })

  it('evicts what belongs to another’s minimum, too, if nobody has more', () => {
    member('a', { idle: 1, spare: -1, idleSinceMs: 0 })
    member('b', { idle: 1, spare: 0, idleSinceMs: 5 })
    member('asking').block()
    assert.deepEqual(happened, ['evict b'])
  })

  it('evicts one for each pool that is blocked, and no more', () => {
    const other = member('other', { idle: 5, spare: 5, idleSinceMs: 0 })
    other.take(2)
    const [a, b] = [member('a'), member('b')]
    for (const pool of [a, a, b, b]) pool.block()
    assert.deepEqual(happened, ['evict other', 'evict other'])
  })

  it('evicts nothing for a minimum', () => {
    const other = member('other', { idle: 5, spare: 5, idleSinceMs: 0 })
    other.take(2)
    member('a').blockMinimum()
    assert.deepEqual(happened, [])
    limit.offered(other, 0)
    assert.deepEqual(happened, [])
  })

  it('offers a place that was freed to pools in the order in which they were blocked', () => {
    const [other, a, b] = [member('other'), member('a'), member('b')]
    other.take(2)
    for (const pool of [a, b]) pool.block()
    limit.freed(false, 0)
    limit.freed(false, 0)
    assert.deepEqual([happened, limit.taken], [['offer a', 'offer b'], 2])
  })

  it('puts a pool that wants another place behind those that still want one', () => {
    const [other, a, b] = [member('other'), member('a'), member('b')]
    other.take(2)
    for (const pool of [a, b]) pool.block()
    limit.freed(false, 0)
    a.block()
    limit.freed(false, 0)
    limit.freed(false, 0)
    assert.deepEqual(happened, ['offer a', 'offer b', 'offer a'])
  })

  it('lets nobody take the place of a pool that is blocked', () => {
    const [other, a, b] = [member('other'), member('a'), member('b')]
    other.take(2)
    a.isBusy = true
    for (const pool of [a, b]) pool.block()
    limit.freed(false, 0)
    assert.deepEqual(
      [other, a, b].map((pool) => limit.hasRoomFor(pool)),
      [false, true, false],
    )
    assert.deepEqual(happened, ['offer a'])
  })

  it('offers the place to the next when a pool needs none any more, or has ended', () => {
    const [other, a, b, c] = [member('other'), member('a'), member('b'), member('c')]
    other.take(2)
    a.isBusy = b.isBusy = true
    for (const pool of [a, b, c]) pool.block()
    limit.freed(false, 0)
    limit.unblock(a, 0)
    limit.leave(b, 0)
    assert.deepEqual([happened, limit.taken], [['offer a', 'offer b', 'offer c'], 2])
  })

  it('offers the place to the next when a pool only lacks some of its minimum any more', () => {
    const [other, a, b] = [member('other'), member('a'), member('b')]
    other.take(2)
    a.isBusy = true
    for (const pool of [a, b]) pool.block()
    limit.freed(false, 0)
    a.blockMinimum()
    assert.deepEqual([happened.slice(0, 2), limit.taken], [['offer a', 'offer b'], 2])
  })

  it('offers nothing to a pool that lacks nothing of its minimum any more', () => {
    const [other, short] = [member('other'), member('short')]
    other.take(2)
    short.blockMinimum()
    limit.unblock(short, 0)
    limit.freed(false, 0)
    assert.deepEqual(happened, [])
  })

  it('takes nothing from a pool that has ended', () => {
    const [gone, a] = [member('gone', { idle: 1, spare: 1, idleSinceMs: 0 }), member('a')]
    a.take(2)
    limit.leave(gone, 0)
    a.block()
    assert.deepEqual(happened, [])
  })

  it('offers what is left to those that lack some of their minimum, after all with callers', () => {
    const [other, short, blocked] = [member('other'), member('short'), member('blocked')]
    other.take(2)
    short.blockMinimum()
    blocked.block()
    limit.freed(false, 0)
    assert.deepEqual(happened, ['offer blocked'])
    limit.freed(false, 0)
    assert.deepEqual(happened, ['offer blocked', 'offer short'])
  })

  it('takes a pool that lacks some of its minimum for one with callers as soon as it has any', () => {
    const [other, a, b] = [member('other'), member('a'), member('b')]
    other.take(2)
    for (const pool of [a, b]) pool.blockMinimum()
    b.block()
    limit.freed(false, 0)
    assert.deepEqual(happened, ['offer b'])
  })

  it('takes what a pool does not need, if another is blocked and no place is about to be free', () => {
    const [other, a] = [member('other'), member('a')]
    other.take(2)
    a.block()
    other.idle = 2
    limit.offered(other, 0)
    limit.offered(other, 0)
    assert.deepEqual(happened, ['evict other'])
  })

  it('takes nothing from a pool that is blocked itself, or if nobody is', () => {
    const [a, b] = [member('a'), member('b')]
    a.take(2)
    limit.offered(b, 0)
    b.block()
    limit.offered(b, 0)
    assert.deepEqual(happened, [])
  })

  it('offers the places that there are more when it becomes higher', () => {
    const [other, a, b] = [member('other'), member('a'), member('b')]
    other.take(2)
    for (const pool of [a, b]) pool.block()
    limit.resize(4, 0)
    assert.deepEqual([happened, limit.taken, limit.max], [['offer a', 'offer b'], 4, 4])
  })

  it('evicts as many as are too many when it becomes lower, those left out that are being closed', () => {
    const other = member('other', { idle: 2, spare: 2, idleSinceMs: 0 })
    limit.resize(4, 0)
    other.take(4)
    limit.closing()
    limit.resize(2, 0)
    assert.deepEqual([happened, limit.isExceeded], [['evict other'], false])
    limit.resize(1, 0)
    assert.deepEqual([happened, limit.isExceeded], [['evict other', 'evict other'], false])
  })

  it('is exceeded, if there is nothing idle to evict', () => {
    member('other').take(2)
    limit.resize(1, 0)
    assert.equal(limit.isExceeded, true)
    limit.freed(false, 0)
    assert.equal(limit.isExceeded, false)
  })
})
