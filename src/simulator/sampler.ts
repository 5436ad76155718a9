/** Looks at the world every so often, for plots: what is so, and what has happened since the last look. */

import { Histogram } from '../metrics/histogram.ts'
import type { TimedEvent } from './event-queue.ts'
import type { Sample } from './figures.ts'
import type { World } from './world.ts'

const sampleCount = 240

export class Sampler implements TimedEvent {
  readonly samples: Sample[] = []
  readonly #world: World
  readonly #everyMs: number

  /** Set up before anything happens; it looks by itself. */
  constructor(world: World, durationMs: number) {
    this.#world = world
    this.#everyMs = durationMs / sampleCount
    world.time.at(this.#everyMs, this)
  }

  happen(now: number): void {
    const { database, applications } = this.#world
    const windows = applications.map((application) => application.takeWindow())
    const waitMs = new Histogram()
    for (const window of windows) waitMs.merge(window.waitMs)
    this.samples.push({
      atMs: now,
      connections: database.connections,
      running: database.processors.running,
      waiting: this.#world.pools.reduce((sum, { pool }) => sum + pool.waiting, 0),
      servedPerSecond: (waitMs.count * 1_000) / this.#everyMs,
      failedPerSecond: (windows.reduce((sum, { failed }) => sum + failed, 0) * 1_000) / this.#everyMs,
      waitP99Ms: waitMs.count === 0 ? Number.NaN : waitMs.percentile(99),
    })
    this.#world.time.at(now + this.#everyMs, this)
  }
}
