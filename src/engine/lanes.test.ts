import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Lanes } from './lanes.ts'
import { Waiter } from './waiter.ts'

const [batch, health, interactive] = [0, 1, 2]

/** Four slots: one kept for health, one for interactive, two for all. */
function threeLanes(): Lanes<string> {
  const reserved = { batch: 0, health: 1, interactive: 1 }
  return new Lanes(
    Object.entries(reserved).map(([name, count]) => ({ name, reserved: count })),
    undefined,
  )
}

function wait(lanes: Lanes<string>, lane: number, now = 0, timeoutMs?: number): Waiter<string> {
  const waiter = new Waiter<string>({ granted: () => undefined, refused: () => undefined })
  waiter.lane = lane
  waiter.timeoutMs = timeoutMs
  lanes.add(waiter, now)
  return waiter
}

function take(lanes: Lanes<string>, ...which: number[]): void {
  for (const lane of which) lanes.took(lane)
}

const mayTake = (lanes: Lanes<string>, capacity = 4): boolean[] =>
  [batch, health, interactive].map((lane) => lanes.mayTake(lane, capacity))

describe('Lanes', () => {
  it('are one without a name, if there are none', () => {
    const lanes = new Lanes<string>([], undefined)
    assert.deepEqual(lanes.snapshot(3), [{ name: '', reserved: 0, waiting: 0, leased: 3 }])
    const first = wait(lanes, 0, 5)
    wait(lanes, 0, 6)
    assert.deepEqual([lanes.next(1), lanes.longestWaitMs(9), lanes.needed(0)], [first, 4, 2])
  })

  it('keep what is reserved for others, and take what is reserved for nobody', () => {
    const lanes = threeLanes()
    const rights = [batch, batch, health, interactive].map((lane) => {
      const before = mayTake(lanes)
      take(lanes, lane)
      return before
    })
    assert.deepEqual(
      [...rights, mayTake(lanes)],
      [
        [true, true, true],
        [true, true, true],
        [false, true, true],
        [false, false, true],
        [false, false, false],
      ],
    )
  })

  it('use their own part first: it is free again last', () => {
    const lanes = threeLanes()
    take(lanes, health, health, health)
    assert.deepEqual(mayTake(lanes), [false, false, true])
    lanes.gaveBack(health)
    assert.deepEqual(mayTake(lanes), [true, true, true])
    take(lanes, batch)
    assert.deepEqual(mayTake(lanes), [false, false, true])
    lanes.gaveBack(health)
    assert.deepEqual(mayTake(lanes), [true, true, true])
    lanes.gaveBack(health)
    take(lanes, batch)
    assert.deepEqual(mayTake(lanes), [false, true, true])
  })

  it('grow and shrink together with the pool: what is reserved stays', () => {
    const lanes = threeLanes()
    take(lanes, batch, batch)
    assert.deepEqual(
      [mayTake(lanes, 5), mayTake(lanes, 2)],
      [
        [true, true, true],
        [false, true, true],
      ],
    )
  })

  it('are served by whoever has waited longest of those who may be', () => {
    const lanes = threeLanes()
    take(lanes, batch, batch)
    const [worker, probe, user] = [wait(lanes, batch), wait(lanes, health), wait(lanes, interactive)]
    assert.deepEqual([lanes.next(4), lanes.oldest], [probe, worker])
    lanes.remove(probe)
    assert.equal(lanes.next(4), user)
    lanes.gaveBack(batch)
    assert.equal(lanes.next(4), worker)
  })

  it('have nobody next, if nobody may be served', () => {
    const lanes = threeLanes()
    take(lanes, batch, batch)
    wait(lanes, batch)
    assert.equal(lanes.next(4), undefined)
  })

  it('know how many of those who wait could be served', () => {
    const lanes = threeLanes()
    for (let count = 0; count < 5; count++) wait(lanes, batch)
    assert.deepEqual([lanes.needed(4), lanes.needed(6), lanes.needed(20)], [2, 4, 5])
    wait(lanes, health)
    wait(lanes, health)
    assert.deepEqual([lanes.needed(4), lanes.needed(20)], [3, 7])
    take(lanes, health, batch)
    assert.equal(lanes.needed(4), 1)
  })

  it('find the first that waits as long as the pool says behind those with a time of their own', () => {
    const lanes = threeLanes()
    const lane = lanes.of(batch)
    const first = wait(lanes, batch, 0, 5)
    assert.equal(lane.firstTimedByPool, undefined)
    const asker = wait(lanes, batch)
    wait(lanes, batch, 0, 5)
    const last = wait(lanes, batch)
    assert.equal(lane.firstTimedByPool, asker)
    lanes.remove(first)
    assert.equal(lane.firstTimedByPool, asker)
    lanes.remove(asker)
    assert.equal(lane.firstTimedByPool, last)
    lanes.remove(last)
    assert.equal(lane.firstTimedByPool, undefined)
  })

  it('are known by name', () => {
    assert.equal(threeLanes().indexOf('interactive'), interactive)
    const message = 'pool: there is no lane "bulk", only "batch", "health", "interactive"'
    assert.throws(() => threeLanes().indexOf('bulk'), { code: 'bad_configuration', message })
  })
})
