import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Recorder } from '../engine/recorder.ts'
import { percentileOf } from '../metrics/histogram.ts'
import type { Recording, RecordingEntry } from '../metrics/recording.ts'
import { outcomeOf } from './outcome.ts'
import { readScenario } from './read-scenario.ts'
import { type Recorded, recordedOf, worksOf } from './recorded.ts'
import { likelyCallers, replay } from './replay.ts'
import type { Link } from './simulated-pool.ts'
import { simulate } from './simulate.ts'
import { World } from './world.ts'

const about = {
  maxSize: 8,
  minSize: 0,
  waitTimeoutMs: 0,
  idleTimeoutMs: 10_000,
  openMs: 10,
  takenAtMs: 30_000,
  startedAtMs: 0,
}

function scenarioOf(application: object, cores: number, poolSize: number) {
  const applications = [{ name: 'a', min_pool_size: poolSize, pool_size: poolSize, ...application }]
  const value = { database: { cores, connect_work: '0ms', max_connections: 1_000 }, applications, duration: '30s' }
  return readScenario(value, () => {
    throw new Error('nothing is recorded')
  })
}

/** What the engine records in a simulation. */
function recordingOf(application: object, cores: number, poolSize: number, capacity = 1_000_000): Recording {
  const scenario = scenarioOf(application, cores, poolSize)
  const world = new World(scenario)
  const recorder = new Recorder<Link>(capacity, 0)
  for (const { pool } of world.pools) pool.observer = recorder
  for (const one of world.applications) one.begin()
  world.time.run(scenario.durationMs)
  return recorder.recording
}

function recorded(recording: Recording): Recorded {
  return recordedOf([...recording.entries()], recording.overwritten > 0)
}

const visitors = {
  arrivals: { kind: 'poisson', per_second: 740 },
  service: { kind: 'log-normal', mean: '10ms', cv: 1.5 },
}
const workers = {
  callers: 24,
  think: { kind: 'exponential', mean: '5ms' },
  service: { kind: 'exponential', mean: '4ms' },
}

function near(value: number, expected: number, tolerance: number, what: string): void {
  assert.ok(
    value === expected || Math.abs(value / expected - 1) <= tolerance,
    `${what}: ${value} is not within ${tolerance} of ${expected}`,
  )
}

describe('the replay of a recording', () => {
  it('waits as long as was waited, at the size that was recorded', () => {
    for (const capacity of [1_000_000, 5_000]) {
      const load = recorded(recordingOf(visitors, 1_000, 8, capacity))
      const outcome = outcomeOf(replay(load, about, { poolSize: 8, callers: 'open', coreUse: undefined }))
      near(outcome.waitP50Ms, percentileOf(load.waitMs, 50), 0.05, 'p50')
      near(outcome.waitP99Ms, percentileOf(load.waitMs, 99), 0.05, 'p99')
    }
  })

  it('says what another size would have done to visitors', () => {
    const load = recorded(recordingOf(visitors, 1_000, 8))
    const truth = outcomeOf(simulate({ ...scenarioOf(visitors, 1_000, 12), warmUpMs: 0 }))
    const outcome = outcomeOf(replay(load, about, { poolSize: 12, callers: 'open', coreUse: undefined }))
    near(outcome.waitP99Ms, truth.waitP99Ms, 0.1, 'p99')
    near(outcome.servedPerSecond, truth.servedPerSecond, 0.01, 'throughput')
  })

  it('says what another size would have done to workers who share cores', () => {
    const load = recorded(recordingOf(workers, 4, 16))
    for (const poolSize of [2, 4, 8]) {
      const truth = outcomeOf(simulate(scenarioOf(workers, 4, poolSize)))
      const outcome = outcomeOf(replay(load, about, { poolSize, callers: 'closed', coreUse: { cores: 4, onCore: 1 } }))
      near(outcome.servedPerSecond, truth.servedPerSecond, 0.05, `throughput of ${poolSize}`)
      near(outcome.waitP50Ms, truth.waitP50Ms, 0.15, `p50 of ${poolSize}`)
    }
  })

  it('takes callers for workers if nearly all are always there', () => {
    const busy = { ...workers, think: '0ms' }
    assert.equal(likelyCallers(recorded(recordingOf(busy, 4, 16))), 'closed')
    assert.equal(likelyCallers(recorded(recordingOf(visitors, 1_000, 8))), 'open')
  })
})

describe('a recorded load', () => {
  const entry = (arrivalMs: number, waitMs: number, holdMs: number): RecordingEntry => {
    return { arrivalMs, waitMs, holdMs, lane: 0 }
  }
  /** Two hold for 10 ms from 100 ms on; two more wait for them, and one gives up. */
  const five = [entry(103, 5, Number.NaN), entry(100, 0, 10), entry(100, 0, 10), entry(102, 8, 10), entry(101, 9, 10)]

  it('has callers in the order in which they came, and what was so meanwhile', () => {
    const { atMs, waitsMs, holdsMs, isServed, waitMs, holdMs, ...rest } = recordedOf(five, false)
    assert.deepEqual([...isServed], [1, 1, 1, 1, 0])
    assert.deepEqual([...atMs], [0, 0, 1, 2, 3])
    assert.deepEqual([...waitsMs], [0, 0, 9, 8, 5])
    assert.deepEqual([...holdsMs], [10, 10, 10, 10, 10])
    assert.deepEqual([waitMs.count, holdMs.sumMs], [2, 20])
    assert.deepEqual(
      [rest.fromMs, rest.toMs].map((ms) => Math.round(ms * 100) / 100),
      [0.2, 10.1],
    )
    assert.deepEqual(rest, {
      fromMs: rest.fromMs,
      toMs: rest.toMs,
      failed: 1,
      mostLeased: 2,
      meanPresent: rest.meanPresent,
      presentVariance: rest.presentVariance,
      mostPresent: 5,
      peaks: 1,
      openAtStart: 2,
    })
  })

  it('begins where the first that is known ended, if older ones were lost, with those who were there then', () => {
    const late = [entry(100, 0, 4), entry(102, 0, 9), entry(90, 20, 30), entry(101, 20, 25)]
    const load = recordedOf(late, true)
    // From 104 on: one came at 102 and held, two waited.
    assert.deepEqual([load.fromMs, [...load.atMs], [...load.waitsMs]], [2, [0, 2, 2], [0, 6, 17]])
  })

  it('knows the work of those who shared cores, and what was none', () => {
    const load = recordedOf([entry(0, 0, 10), entry(0, 0, 10), entry(20, 0, 4)], false)
    assert.deepEqual([...worksOf(load, { cores: 1, onCore: 1 })], [5, 5, 4])
    assert.deepEqual([...worksOf(load, { cores: 2, onCore: 1 })], [10, 10, 4])
    assert.deepEqual([...worksOf(load, { cores: 1, onCore: 0.5 })], [5, 5, 2])
  })

  it('is refused if it is longer than can be told', () => {
    assert.throws(() => recordedOf([entry(-1e300, 0, 1), entry(5, 0, 1)], false), /goes from -1e\+300 ms to 6 ms/)
  })

  it('is refused if nobody was served', () => {
    assert.throws(() => recordedOf([], false), /nobody in it got a lease/)
    assert.throws(() => recordedOf([entry(1, 2, Number.NaN)], false), /nobody in it got a lease/)
  })
})
