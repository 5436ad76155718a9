import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { percentileOf } from '../metrics/histogram.ts'
import type { ApplicationFigures, SimulationFigures } from './figures.ts'
import { readScenario } from './read-scenario.ts'
import { outcomeOf } from './outcome.ts'
import { simulate } from './simulate.ts'
import { simulationText } from './simulation-text.ts'

function run(scenario: object): SimulationFigures {
  return simulate(
    readScenario(scenario, () => {
      throw new Error('nothing is recorded')
    }),
  )
}

const first = ({ applications }: SimulationFigures): ApplicationFigures => applications[0] as ApplicationFigures
const meanMs = ({ sumMs, count }: { sumMs: number; count: number }): number => sumMs / count

const database = { cores: 4, connect: '10ms', connect_work: '0ms' }
const web = {
  name: 'web',
  pool_size: 4,
  arrivals: { kind: 'poisson', per_second: 400 },
  service: { kind: 'exponential', mean: '5ms' },
}

describe('a simulation', () => {
  it('is the same for the same seed, and another for another', () => {
    const scenario = { database, applications: [web], duration: '10s' }
    assert.deepEqual(run({ ...scenario, seed: 3 }), run({ ...scenario, seed: 3 }))
    assert.notDeepEqual(run({ ...scenario, seed: 3 }), run({ ...scenario, seed: 4 }))
  })

  it('never opens more than the pool may have, and opens no more than are worth it', () => {
    const figures = run({ database, applications: [{ ...web, pool_size: 50 }], duration: '30s' })
    assert.ok(figures.database.peakConnections < 15, `${figures.database.peakConnections} were opened`)
    assert.equal(first(figures).pools?.peakSize, figures.database.peakConnections)
    const crowded = run({ database, applications: [{ ...web, pool_size: 3 }], duration: '30s' })
    assert.equal(crowded.database.peakConnections, 3)
  })

  it("is slowed by the database's cores once more statements run than there are", () => {
    const scenario = (cores: number) => ({
      database: { ...database, cores },
      applications: [{ name: 'jobs', callers: 8, pool_size: 8, min_pool_size: 8, service: '10ms' }],
      duration: '20s',
      warm_up: '1s',
    })
    const alone = run(scenario(8))
    const shared = run(scenario(2))
    assert.ok(Math.abs(first(alone).servedPerSecond - 800) < 1)
    assert.ok(Math.abs(first(shared).servedPerSecond - 200) < 1)
    assert.equal(meanMs(first(shared).latencyMs), 40)
  })

  it('follows what was measured, in place of cores', () => {
    const throughput = [
      [1, 100],
      [4, 300],
      [16, 200],
    ]
    const served = (callers: number): number => {
      const application = { name: 'jobs', callers, pool_size: 16, min_pool_size: 16, service: '10ms' }
      const figures = run({ database: { ...database, throughput }, applications: [application], warm_up: '2s' })
      return Math.round(first(figures).servedPerSecond)
    }
    assert.deepEqual([served(1), served(4), served(10), served(16)], [100, 300, 250, 200])
  })

  it('holds connections while their callers are away, and the database does nothing', () => {
    const away = { ...web, pool_size: 2, arrivals: { kind: 'regular', per_second: 100 }, service: '2ms', away: '8ms' }
    const figures = run({ database, applications: [away], duration: '20s', warm_up: '2s' })
    const { utilisation } = first(figures).pools ?? { utilisation: 0 }
    assert.ok(Math.abs(utilisation - 0.5) < 0.001, `${utilisation} were leased`)
    assert.ok(Math.abs(figures.database.meanRunning - 0.2) < 0.001)
  })

  it('turns connections away past max_connections: those who connect each time fail, those with a pool wait', () => {
    const crowd = { name: 'crowd', callers: 50, service: '20ms', think: '1ms' }
    const small = { ...database, max_connections: 20, reserved_connections: 0, cores: 100 }
    const each = run({ database: small, applications: [crowd], duration: '10s' })
    assert.ok((first(each).failures['too_many_clients'] ?? 0) > 100)
    assert.equal(each.database.peakConnections, 20)
    assert.ok(each.database.refused > 100)
    const pooled = run({ database: small, applications: [{ ...crowd, pool_size: 20 }], duration: '10s' })
    assert.deepEqual(first(pooled).failures, {})
    assert.ok(percentileOf(first(pooled).waitMs, 50) > 20)
  })

  it('lets clients of a pooler share its servers, whatever pools they have themselves', () => {
    const poolers = [{ name: 'pooler', count: 2, pool_size: 5 }]
    const clients = { name: 'clients', instances: 4, callers: 100, think: '100ms', service: '2ms', via: 'pooler' }
    for (const own of [{}, { pool_size: 30 }, { connect: 'each time' }]) {
      const figures = run({ database, poolers, applications: [{ ...clients, ...own }], duration: '10s' })
      assert.ok(figures.database.peakConnections <= 10)
      assert.deepEqual(first(figures).failures, {})
      assert.equal(figures.poolers[0]?.count, 2)
      assert.ok(first(figures).servedPerSecond > 1_500, `${first(figures).servedPerSecond} served a second`)
    }
  })

  it('refuses whoever has waited for too long', () => {
    const stuck = { ...web, pool_size: 1, wait_timeout: '50ms', arrivals: { kind: 'poisson', per_second: 300 } }
    const { failures, waitMs } = first(run({ database, applications: [stuck], duration: '20s' }))
    assert.ok((failures['acquire_timeout'] ?? 0) > 1_000)
    assert.ok(waitMs.maxMs <= 52, `somebody waited ${waitMs.maxMs} ms`)
  })

  it('loses what was connected when the database goes, and is served again when it is back', () => {
    const failures = [{ kind: 'database down', at: '10s', lasts: '10s' }]
    const figures = run({ database, applications: [web], failures, duration: '40s', warm_up: '0s' })
    const { failures: why, served, asked } = first(figures)
    const failed = Object.values(why).reduce((sum, count) => sum + count, 0)
    assert.deepEqual(Object.keys(why).toSorted(), ['server_connect_failed', 'server_lost'])
    assert.ok(failed > 3_500 && failed < 4_200, `${failed} of ${asked} failed`)
    assert.ok(served + failed <= asked && served + failed > asked - 20)
    const during = figures.series.filter(({ atMs }) => atMs > 10_500 && atMs < 19_500)
    assert.ok(during.every(({ connections, servedPerSecond }) => connections === 0 && servedPerSecond === 0))
    const after = figures.series.filter(({ atMs }) => atMs > 22_000)
    assert.ok(after.every(({ servedPerSecond }) => servedPerSecond > 100))
  })

  it('lets clients of a pooler wait while the database is gone', () => {
    const figures = run({
      database,
      poolers: [{ name: 'pooler', pool_size: 4 }],
      applications: [{ ...web, pool_size: undefined, via: 'pooler', arrivals: { kind: 'poisson', per_second: 600 } }],
      failures: [{ kind: 'database down', at: '10s', lasts: '5s' }],
      duration: '40s',
    })
    assert.ok((first(figures).failures['server_lost'] ?? 0) <= 4)
    assert.deepEqual(Object.keys(first(figures).failures), ['server_lost'])
    assert.ok(first(figures).waitMs.maxMs > 4_000)
  })

  it('restarts a share of the instances: their callers are served, and then their connections go', () => {
    const figures = run({
      database: { ...database, max_connections: 1_000 },
      applications: [{ ...web, instances: 10, min_pool_size: 4 }],
      failures: [{ kind: 'restart', application: 'web', share: 0.5, at: '10s', lasts: '5s' }],
      duration: '30s',
    })
    assert.deepEqual(first(figures).failures, {})
    const connectionsAt = (ms: number): number | undefined => figures.series.find(({ atMs }) => atMs >= ms)?.connections
    assert.deepEqual([9_000, 14_000, 20_000].map(connectionsAt), [40, 20, 40])
    assert.equal(first(figures).pools?.opened, 60)
  })

  it('knows restarts and outages that overlap: what is down comes back when the last of them is over', () => {
    const restart = { kind: 'restart', application: 'web' }
    const figures = run({
      database,
      applications: [{ ...web, instances: 4, min_pool_size: 4 }],
      failures: [
        { ...restart, at: '4s', lasts: '4s' },
        { ...restart, share: 0.5, at: '6s', lasts: '4s' },
        { kind: 'database down', at: '20s', lasts: '10s' },
        { kind: 'database down', at: '22s', lasts: '2s' },
      ],
      duration: '40s',
    })
    const connectionsAt = (ms: number): number | undefined => figures.series.find(({ atMs }) => atMs >= ms)?.connections
    assert.deepEqual([3_000, 7_000, 9_000, 12_000, 27_000, 39_000].map(connectionsAt), [16, 0, 8, 16, 0, 16])
    assert.equal(figures.database.peakConnections, 16)
  })

  it('is up again at once after a failure that lasts for no time', () => {
    for (const kind of ['restart', 'database down']) {
      const failures = [{ kind, at: '5s', lasts: '0s', ...(kind === 'restart' && { application: 'web' }) }]
      const { served, failures: why } = first(run({ database, applications: [web], failures, duration: '20s' }))
      assert.ok(served > 7_000, `${served} served`)
      assert.ok(Object.values(why).reduce((sum, count) => sum + count, 0) <= 4)
    }
  })

  it('fails whoever comes while no instance is up, and lets those who come again wait until one is', () => {
    const failures = [{ kind: 'restart', application: 'web', at: '10s', lasts: '5s' }]
    const open = run({ database, applications: [web], failures, duration: '20s' })
    assert.deepEqual(Object.keys(first(open).failures), ['admin_shutdown'])
    const closed = { ...web, arrivals: undefined, callers: 5, think: '10ms' }
    assert.deepEqual(first(run({ database, applications: [closed], failures, duration: '20s' })).failures, {})
  })

  it('goes on if nothing can ever be served', () => {
    const hopeless = { name: 'jobs', callers: 3, pool_size: 3, max_waiting: 1, service: '1ms' }
    const failures = [{ kind: 'database down', at: '0s', lasts: '20s' }]
    const { served, failures: why } = first(run({ database, applications: [hopeless], failures, duration: '10s' }))
    assert.equal(served, 0)
    assert.ok((why['queue_full'] ?? 0) > 0)
  })

  it('says that there is no time to tell of where nobody was served', () => {
    const figures = run({ database, applications: [{ ...web, service: '1h' }], duration: '10s' })
    const { waitP99Ms, latencyP50Ms, failedShare } = outcomeOf(figures)
    assert.deepEqual([waitP99Ms, latencyP50Ms, failedShare], [Number.NaN, Number.NaN, 0])
    assert.match(simulationText(figures), /web +0 +0 +– +– +– +– +– +–\n/)
  })

  it('counts nothing of its warm-up', () => {
    const counted = run({ database, applications: [web], duration: '20s', warm_up: '15s' })
    assert.ok(Math.abs(first(counted).asked - 2_000) < 200)
    assert.ok(counted.requests > 7_500)
  })
})
