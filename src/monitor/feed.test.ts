import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { engineSnapshot, fakeSource, poolFigures } from '../../test/support/monitor-source.ts'
import type { PoolFigures } from '../pooler/figures.ts'
import { Feed } from './feed.ts'
import { LoopDelay } from './loop-delay.ts'
import type { MonitorSnapshot } from './monitor-snapshot.ts'

class Watched {
  now = 1_000
  asked = 0
  heldMs = 0
  readonly feed: Feed

  constructor() {
    const source = fakeSource()
    const figures = { ...source.figures, pools: () => this.#pools() }
    const clocks = { now: () => this.now, wall: () => this.now + 1e12 }
    this.feed = new Feed({ ...source, figures }, clocks, new LoopDelay(100, 0))
  }

  #pools(): PoolFigures[] {
    this.asked++
    return [poolFigures({ snapshot: engineSnapshot({ takenAtMs: this.now, heldMs: this.heldMs }) })]
  }

  snapshot(): MonitorSnapshot {
    return JSON.parse(this.feed.json()) as MonitorSnapshot
  }
}

describe('Feed', () => {
  it('asks for figures once in 100 ms, however many look', () => {
    const it = new Watched()
    const first = it.snapshot()
    it.now += 99
    for (let count = 0; count < 1_000; count++) it.feed.metrics()
    assert.deepEqual(it.snapshot(), first)
    const asked = it.asked
    it.now += 1
    it.feed.metrics()
    assert.deepEqual([asked, it.asked - asked, it.snapshot().takenAtMs], [1, 1, 1e12 + 1_100])
  })

  it('knows the utilisation from the second look on, in both texts', () => {
    const it = new Watched()
    const before = [it.snapshot().pools[0]?.utilisation, it.feed.metrics().includes('utilisation_ratio{')]
    it.now += 2_000
    it.heldMs = 30_000
    const sample = 'taxirank_pool_utilisation_ratio{database="shop",user="app"} 0.75\n'
    assert.deepEqual(before, [null, false])
    assert.deepEqual([it.snapshot().pools[0]?.utilisation, it.feed.metrics().includes(sample)], [0.75, true])
  })
})
