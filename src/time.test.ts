import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import * as fc from 'fast-check'
import { stopTimeout, type Timed, TimeoutQueue } from './time.ts'

class Item implements Timed {
  timeout: Timed['timeout'] = undefined
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

describe('TimeoutQueue', () => {
  let expired: [name: string, now: number][]
  const note = (item: Item, now: number): void => void expired.push([item.name, now])

  beforeEach(() => {
    expired = []
  })

  it('fires what has stood in it for its duration, oldest first, and not before', () => {
    const queue = new TimeoutQueue<Item>(100, note)
    queue.start(new Item('a'), 0)
    queue.start(new Item('b'), 10)
    queue.advance(99)
    assert.deepEqual(expired, [])
    queue.advance(100)
    assert.deepEqual(expired, [['a', 100]])
    queue.advance(500)
    queue.advance(1_000)
    assert.deepEqual(expired, [
      ['a', 100],
      ['b', 500],
    ])
  })

  it("begins an item's time anew when it is started again", () => {
    const queue = new TimeoutQueue<Item>(100, note)
    const [a, b] = [new Item('a'), new Item('b')]
    queue.start(a, 0)
    queue.start(b, 10)
    queue.start(a, 50)
    queue.advance(149)
    assert.deepEqual(expired, [['b', 149]])
    queue.advance(150)
    assert.deepEqual(expired.at(-1), ['a', 150])
  })

  it('forgets an item that is stopped, wherever it stands', () => {
    for (const stopped of ['a', 'b', 'c']) {
      expired = []
      const queue = new TimeoutQueue<Item>(100, note)
      const items = ['a', 'b', 'c'].map((name) => new Item(name))
      for (const item of items) queue.start(item, 0)
      for (const item of items) if (item.name === stopped) stopTimeout(item)
      queue.advance(100)
      assert.deepEqual(
        expired.map(([name]) => name),
        ['a', 'b', 'c'].filter((name) => name !== stopped),
      )
    }
  })

  it('lets anything be stopped that is not in a queue', () => {
    const item = new Item('a')
    stopTimeout(item)
    stopTimeout(item)
    assert.equal(item.timeout, undefined)
  })

  it('moves an item that stood in another queue', () => {
    const first = new TimeoutQueue<Item>(100, note)
    const second = new TimeoutQueue<Item>(300, note)
    const item = new Item('a')
    first.start(item, 0)
    second.start(item, 50)
    first.advance(1_000)
    assert.deepEqual(expired, [])
    second.advance(350)
    assert.deepEqual(expired, [['a', 350]])
  })

  it('has let go of an item when it fires, so that it can be started again from there', () => {
    const queue = new TimeoutQueue<Item>(100, (item, now) => {
      assert.equal(item.timeout, undefined)
      note(item, now)
      queue.start(item, now)
    })
    queue.start(new Item('a'), 0)
    for (const now of [100, 150, 200]) queue.advance(now)
    assert.deepEqual(expired, [
      ['a', 100],
      ['a', 200],
    ])
  })

  it('lets an item that fires stop the others', () => {
    const b = new Item('b')
    const queue = new TimeoutQueue<Item>(100, (item, now) => {
      note(item, now)
      stopTimeout(b)
    })
    queue.start(new Item('a'), 0)
    queue.start(b, 0)
    queue.advance(100)
    assert.deepEqual(expired, [['a', 100]])
  })

  it('never fires if its duration is 0', () => {
    const queue = new TimeoutQueue<Item>(0, note)
    const item = new Item('a')
    queue.start(item, 0)
    queue.advance(1e12)
    assert.deepEqual([expired, item.timeout], [[], undefined])
  })

  it('agrees with a list of deadlines, whatever is started and stopped', () => {
    const step = fc.record({ item: fc.nat({ max: 4 }), isStart: fc.boolean(), ms: fc.nat({ max: 60 }) })
    const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      expired = []
      const queue = new TimeoutQueue<Item>(100, note)
      const items = [0, 1, 2, 3, 4].map((index) => new Item(String(index)))
      let deadlines: { name: string; at: number }[] = []
      const due: [string, number][] = []
      let now = 0
      for (const { item: index, isStart, ms } of steps) {
        const item = items[index] as Item
        deadlines = deadlines.filter(({ name }) => name !== item.name)
        if (isStart) deadlines.push({ name: item.name, at: now + 100 })
        if (isStart) queue.start(item, now)
        else stopTimeout(item)
        now += ms
        queue.advance(now)
        for (const { name } of deadlines.filter(({ at }) => at <= now)) due.push([name, now])
        deadlines = deadlines.filter(({ at }) => at > now)
        assert.deepEqual(expired, due)
      }
    })
    fc.assert(property)
  })
})
