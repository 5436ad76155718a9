import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { Limit } from './limit.ts'
import type { LimitMember } from './limits.ts'

const nobody = {
  evictable: 0,
  spare: 0,
  alive: 1,
  idleSinceMs: Infinity,
  opening: 0,
  evict: () => undefined,
  abandon: () => undefined,
  placeFreed: () => undefined,
}

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
    readonly #limits = [limit]
    /** How often it was looked at. */
    looks = 0
    evictable = 0
    spare = 0
    idleSinceMs = Infinity
    readonly alive = 1
    readonly opening = 0
    wanted = 0
    /** It is in the middle of something. */
    isBusy = false

    constructor(name: string, figures: Partial<Pick<Member, 'evictable' | 'spare' | 'idleSinceMs'>> = {}) {
      this.name = name
      Object.assign(this, figures)
      if (this.evictable > 0) limit.group.offered(this)
    }

    get limits(): readonly Limit[] {
      this.looks++
      return this.#limits
    }

    evict(): void {
      happened.push(`evict ${this.name}`)
      this.evictable--
      this.spare--
      limit.group.closing(this)
    }

    abandon(): void {
      happened.push(`abandon ${this.name}`)
    }

    placeFreed(): void {
      happened.push(`offer ${this.name}`)
      if (!this.isBusy && this.wanted > 0 && limit.group.hasRoomFor(this)) this.take()
    }

    take(count = 1): void {
      for (let taken = 0; taken < count; taken++) limit.group.took(this)
      limit.group.attend(0)
      this.wanted = Math.max(0, this.wanted - count)
    }

    block(): void {
      this.wanted++
      limit.group.block(this, 0)
      limit.group.attend(0)
    }

    blockMinimum(): void {
      this.wanted++
      limit.group.blockMinimum(this)
      limit.group.attend(0)
    }
  }

  function freed(wasClosing: boolean): void {
    limit.group.freed({ ...nobody, limits: [limit] }, wasClosing)
    limit.group.attend(0)
  }

  function unblock(pool: Member): void {
    limit.group.waive(pool)
    limit.group.attend(0)
  }

  function offered(pool: Member): void {
    limit.group.offered(pool)
    limit.group.attend(0)
  }

  function leave(pool: Member): void {
    limit.group.leave(pool)
    limit.group.attend(0)
  }

  const member = (...figures: ConstructorParameters<typeof Member>): Member => new Member(...figures)

  it('has room for as many as it says, until they are gone', () => {
    const [a, b] = [member('a'), member('b')]
    a.take()
    assert.deepEqual([limit.taken, limit.group.hasRoomFor(b)], [1, true])
    b.take()
    limit.group.closing({ ...nobody, limits: [limit] })
    assert.deepEqual([limit.taken, limit.group.hasRoomFor(b)], [2, false])
    freed(true)
    assert.deepEqual([limit.taken, limit.group.hasRoomFor(b)], [1, true])
  })

  it('has room for one at least', () => {
    for (const max of [0, 1.5, Number.NaN]) {
      const message = `limit process: must be a whole number, 1 or more, got ${max}`
      assert.throws(() => new Limit('process', max), { code: 'bad_configuration', message })
      assert.throws(() => limit.resize(max, 0), { code: 'bad_configuration', message })
    }
    assert.equal(limit.max, 2)
  })

  it('evicts for a pool with callers: from the one with most to spare, and of those what has been idle longest', () => {
    member('a', { evictable: 1, spare: 1, idleSinceMs: 0 })
    member('b', { evictable: 1, spare: 3, idleSinceMs: 20 })
    member('c', { evictable: 2, spare: 3, idleSinceMs: 10 })
    member('d', { evictable: 0, spare: 9 }).take(2)
    member('asking', { evictable: 1, spare: 9, idleSinceMs: 0 }).block()
    assert.deepEqual(happened, ['evict c'])
  })

  it('evicts what belongs to another’s minimum, too, if nobody has more', () => {
    member('a', { evictable: 1, spare: -1, idleSinceMs: 0 })
    member('b', { evictable: 1, spare: 0, idleSinceMs: 5 }).take(2)
    member('asking').block()
    assert.deepEqual(happened, ['evict b'])
  })

  it('evicts one for each pool that is blocked, and no more', () => {
    const other = member('other', { evictable: 5, spare: 5, idleSinceMs: 0 })
    other.take(2)
    const [a, b] = [member('a'), member('b')]
    for (const pool of [a, a, b, b]) pool.block()
    assert.deepEqual(happened, ['evict other', 'evict other'])
  })

  it('evicts nothing for a minimum', () => {
    const other = member('other', { evictable: 5, spare: 5, idleSinceMs: 0 })
    other.take(2)
    member('a').blockMinimum()
    assert.deepEqual(happened, [])
    offered(other)
    assert.deepEqual(happened, [])
  })

  it('offers a place that was freed to pools in the order in which they were blocked', () => {
    const [other, a, b] = [member('other'), member('a'), member('b')]
    other.take(2)
    for (const pool of [a, b]) pool.block()
    freed(false)
    freed(false)
    assert.deepEqual([happened, limit.taken], [['offer a', 'offer b'], 2])
  })

  it('puts a pool that wants another place behind those that still want one', () => {
    const [other, a, b] = [member('other'), member('a'), member('b')]
    other.take(2)
    for (const pool of [a, b]) pool.block()
    freed(false)
    a.block()
    freed(false)
    freed(false)
    assert.deepEqual(happened, ['offer a', 'offer b', 'offer a'])
  })

  it('lets nobody take the place of a pool that is blocked', () => {
    const [other, a, b] = [member('other'), member('a'), member('b')]
    other.take(2)
    a.isBusy = true
    for (const pool of [a, b]) pool.block()
    freed(false)
    assert.deepEqual(
      [other, a, b].map((pool) => limit.group.hasRoomFor(pool)),
      [false, true, false],
    )
    assert.deepEqual(happened, ['offer a'])
  })

  it('offers the place to the next when a pool needs none any more, or has ended', () => {
    const [other, a, b, c] = [member('other'), member('a'), member('b'), member('c')]
    other.take(2)
    a.isBusy = b.isBusy = true
    for (const pool of [a, b, c]) pool.block()
    freed(false)
    unblock(a)
    leave(b)
    assert.deepEqual([happened, limit.taken], [['offer a', 'offer b', 'offer c'], 2])
  })

  it('offers the place to the next when a pool only lacks some of its minimum any more', () => {
    const [other, a, b] = [member('other'), member('a'), member('b')]
    other.take(2)
    a.isBusy = true
    for (const pool of [a, b]) pool.block()
    freed(false)
    a.blockMinimum()
    assert.deepEqual([happened.slice(0, 2), limit.taken], [['offer a', 'offer b'], 2])
  })

  it('offers nothing to a pool that lacks nothing of its minimum any more', () => {
    const [other, short] = [member('other'), member('short')]
    other.take(2)
    short.blockMinimum()
    unblock(short)
    freed(false)
    assert.deepEqual(happened, [])
  })

  it('takes nothing from a pool that has ended', () => {
    const [gone, a] = [member('gone', { evictable: 1, spare: 1, idleSinceMs: 0 }), member('a')]
    a.take(2)
    leave(gone)
    a.block()
    assert.deepEqual(happened, [])
  })

  it('offers what is left to those that lack some of their minimum, after all with callers', () => {
    const [other, short, blocked] = [member('other'), member('short'), member('blocked')]
    other.take(2)
    short.blockMinimum()
    blocked.block()
    freed(false)
    assert.deepEqual(happened, ['offer blocked'])
    freed(false)
    assert.deepEqual(happened, ['offer blocked', 'offer short'])
  })

  it('takes a pool that lacks some of its minimum for one with callers as soon as it has any', () => {
    const [other, a, b] = [member('other'), member('a'), member('b')]
    other.take(2)
    for (const pool of [a, b]) pool.blockMinimum()
    b.block()
    freed(false)
    assert.deepEqual(happened, ['offer b'])
  })

  it('takes what a pool does not need, if another is blocked and no place is about to be free', () => {
    const [other, a] = [member('other'), member('a')]
    other.take(2)
    a.block()
    other.evictable = 2
    offered(other)
    offered(other)
    assert.deepEqual(happened, ['evict other'])
  })

  it('takes nothing from a pool that is blocked itself, or if nobody is', () => {
    const [a, b] = [member('a'), member('b')]
    a.take(2)
    offered(b)
    b.block()
    offered(b)
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
    const other = member('other', { evictable: 2, spare: 2, idleSinceMs: 0 })
    limit.resize(4, 0)
    other.take(4)
    limit.group.closing({ ...nobody, limits: [limit] })
    limit.resize(2, 0)
    assert.deepEqual([happened, limit.isExceeded], [['evict other'], false])
    limit.resize(1, 0)
    assert.deepEqual([happened, limit.isExceeded], [['evict other', 'evict other'], false])
  })

  it('is exceeded, if there is nothing idle to evict', () => {
    member('other').take(2)
    limit.resize(1, 0)
    assert.equal(limit.isExceeded, true)
    freed(false)
    assert.equal(limit.isExceeded, false)
  })

  it('looks at no pool for what is of no use to it', () => {
    const [other, a, b] = [member('other'), member('a'), member('b')]
    other.take(2)
    for (const pool of [a, b]) pool.block()
    const elsewhere = new Limit('elsewhere', 2, limit.group)
    const busy = { ...nobody, limits: [elsewhere], evictable: 1 }
    other.looks = a.looks = b.looks = 0
    limit.group.took(busy)
    limit.group.attend(0)
    for (let times = 3; times > 0; times--) {
      limit.group.offered(busy)
      limit.group.attend(0)
      limit.group.waive(busy)
      limit.group.attend(0)
      limit.group.block(a, 0)
      limit.group.attend(0)
    }
    assert.deepEqual([other.looks, a.looks, b.looks], [0, 0, 0])
  })

  it('looks at no pool that has found a place there, but none elsewhere', () => {
    const shared = new Limit('shared', 3, limit.group)
    let looks = 0
    const waiting = {
      ...nobody,
      get limits() {
        looks++
        return [shared, limit]
      },
    }
    member('other').take(2)
    limit.group.block(waiting, 0)
    for (let pools = 3; pools > 0; pools--) limit.group.block({ ...nobody, limits: [shared, limit] }, 0)
    limit.group.attend(0)
    looks = 0
    limit.group.offered({ ...nobody, limits: [shared], evictable: 1 })
    limit.group.attend(0)
    assert.equal(looks, 0)
  })
})
