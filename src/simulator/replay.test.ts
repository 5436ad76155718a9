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
      const outcome = outcomeOf(replay(load, about, { poolSize: 8, callers: 'open', cores: undefined }))
      near(outcome.waitP50Ms, percentileOf(load.waitMs, 50), 0.05, 'p50')
      near(outcome.waitP99Ms, percentileOf(load.waitMs, 99), 0.05, 'p99')
    }
  })

  it('says what another size would have done to visitors', () => {
    const load = recorded(recordingOf(visitors, 1_000, 8))
    const truth = outcomeOf(simulate({ ...scenarioOf(visitors, 1_000, 12), warmUpMs: 0 }))
    const outcome = outcomeOf(replay(load, about, { poolSize: 12, callers: 'open', cores: undefined }))
    near(outcome.waitP99Ms, truth.waitP99Ms, 0.1, 'p99')
    near(outcome.servedPerSecond, truth.servedPerSecond, 0.01, 'throughput')
  })

  it('says what another size would have done to workers who share cores', () => {
    const load = recorded(recordingOf(workers, 4, 16))
    for (const poolSize of [2, 4, 8]) {
      const truth = outcomeOf(simulate(scenarioOf(workers, 4, poolSize)))
      const outcome = outcomeOf(replay(load, about, { poolSize, callers: 'closed', cores: 4 }))
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
  const entry = (arrivalMs: number, waitMs: number, holdMs: number): RecordingEntry => ({
    arrivalMs,
    waitMs,
    holdMs,
    lane: 0,
  })

  it('has callers in the order in which they came, and what was so meanwhile', () => {
    const load = recordedOf([entry(101, 0, 3), entry(100, 0, 10), entry(102, 2, 10), entry(103, 5, Number.NaN)], false)
    assert.deepEqual([...load.atMs], [0, 1, 2, 3])
    assert.deepEqual([...load.holdsMs], [10, 3, 10, 10])
    assert.deepEqual(
      { ...load, atMs: 0, waitsMs: 0, holdsMs: 0, waitMs: load.waitMs.count, holdMs: load.holdMs.sumMs },
      {
        atMs: 0,
        waitsMs: 0,
        holdsMs: 0,
        fromMs: 0,
        toMs: 7,
        waitMs: 1,
        holdMs: 3,
        failed: 0,
        mostLeased: 2,
        meanPresent: 30 / 14,
        mostPresent: 4,
        openAtStart: 2,
      },
    )
  })

  it('begins where the first that is known ended, if older ones were lost', () => {
    assert.equal(recordedOf([entry(100, 0, 4), entry(90, 0, 30), entry(110, 0, 12)], true).fromMs, 14)
  })

  it('knows the work of those who shared cores', () => {
    const load = recordedOf([entry(0, 0, 10), entry(0, 0, 10), entry(20, 0, 4)], false)
    assert.deepEqual([...worksOf(load, 1)], [5, 5, 4])
    assert.deepEqual([...worksOf(load, 2)], [10, 10, 4])
  })

  it('is refused if nobody was served', () => {
    assert.throws(() => recordedOf([], false), /nobody in it got a lease/)
    assert.throws(() => recordedOf([entry(1, 2, Number.NaN)], false), /nobody in it got a lease/)
  })
})
