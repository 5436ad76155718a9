import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { Shedding } from './shedding.ts'

describe('Shedding', () => {
  let shedding: Shedding

  /** One in which nobody has waited long in the first interval. */
  beforeEach(() => {
    shedding = new Shedding({ targetMs: 10, intervalMs: 100 })
    shedding.served(0, 0)
  })

  it('lets everybody wait, as long as one wait in each interval was within the target', () => {
    for (let now = 1; now < 1_000; now++) {
      shedding.served(now % 100 === 50 ? 10 : 5_000, now)
      assert.equal(shedding.limitMs(5_000, now), Infinity)
    }
  })

  it('lets nobody wait for longer than twice the target, once even the shortest wait of an interval was above it', () => {
    shedding.limitMs(50, 100)
    shedding.served(11, 150)
    assert.equal(shedding.limitMs(90, 199), Infinity)
    assert.equal(shedding.limitMs(90, 200), 20)
    assert.equal(shedding.limitMs(0, 250), 20)
  })

  it('takes the wait of whoever is next for the shortest, if nobody was served in the interval', () => {
    shedding.limitMs(50, 100)
    assert.equal(shedding.limitMs(150, 200), 20)
  })

  it('ends as soon as somebody is served within the target', () => {
    shedding.limitMs(50, 100)
    shedding.limitMs(150, 200)
    shedding.served(11, 210)
    assert.equal(shedding.limitMs(15, 211), 20)
    shedding.served(10, 220)
    assert.equal(shedding.limitMs(5_000, 221), Infinity)
  })

  it('concludes nothing from an interval that ended long ago', () => {
    shedding.limitMs(50, 100)
    shedding.served(90, 150)
    assert.equal(shedding.limitMs(0, 300), Infinity)
  })

  it('concludes nothing before it has seen a whole interval', () => {
    const fresh = new Shedding({ targetMs: 10, intervalMs: 100 })
    assert.equal(fresh.limitMs(5_000, 10_000), Infinity)
    assert.equal(fresh.limitMs(5_099, 10_099), Infinity)
    assert.equal(fresh.limitMs(5_100, 10_100), 20)
  })

  it('says when it must be asked again', () => {
    assert.equal(shedding.nextAtMs(95), 100)
    shedding.limitMs(50, 100)
    shedding.limitMs(150, 200)
    assert.equal(shedding.nextAtMs(195), 215)
  })
})
