import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { usefulConnections } from './database-size.ts'
import { backendMemoryBytes, fleet, nestedMinimum } from './fleet.ts'
import { inUse, mostHeldMs, mostPerSecond } from './littles-law.ts'
import { serversFor } from './servers-for.ts'
import { utilisationToPlanFor, utilisationToWarnAt } from './utilisation.ts'
import { gg1 } from './waiting.ts'

const MB = 1e6
const GB = 1e9

/** In service times, where all is as variable as exponentially distributed times are. */
function kingmanFactor(percent: number): number {
  const demand = { serviceMs: 1, arrivalsPerSecond: percent * 10 }
  return Number(gg1({ ...demand, arrivalScv: 1, serviceScv: 1 }).meanWaitMs.toFixed(2))
}

describe('what the articles about pools calculate', () => {
  it('cores × 2 + spindles: a database with 4 cores and an SSD uses 9 connections', () => {
    assert.equal(usefulConnections({ cores: 4 }), 9)
  })

  it('cores × 2 + spindles: one with 16 vCPU uses 33, within the 32 to 48 that are recommended', () => {
    assert.equal(usefulConnections({ cores: 16 }), 33)
  })

  it('cores × 2 + spindles is for the whole database: 4 cores and 10 instances make less than one connection each', () => {
    const { total, mostPerPool } = fleet({
      instances: 10,
      poolSize: 9,
      maxConnections: usefulConnections({ cores: 4 }),
      superuserReserved: 0,
    })
    assert.deepEqual({ total, mostPerPool }, { total: 90, mostPerPool: 0 })
  })

  it('Little’s law: 50 queries a second of 20 ms use 1 connection, of 200 ms 10', () => {
    assert.deepEqual([inUse(50, 20), inUse(50, 200)], [1, 10])
  })

  it('pool size / service time: 10 connections held for 10 ms serve 1,000 a second at most', () => {
    assert.equal(mostPerSecond(10, 10), 1_000)
  })

  it('Kingman: waiting grows without bound as use nears 100 %: 2.33 service times at 70 %, 4 at 80, 9 at 90, 19 at 95, 99 at 99', () => {
    assert.deepEqual([70, 80, 90, 95, 99].map(kingmanFactor), [2.33, 4, 9, 19, 99])
    assert.deepEqual([99.9, 99.99, 100].map(kingmanFactor), [999, 9_999, Infinity])
  })

  it('keep use below 70 to 80 %: that is what is planned for, and warned at', () => {
    assert.deepEqual([utilisationToPlanFor, utilisationToWarnAt], [0.7, 0.8])
    const demand = { arrivalsPerSecond: 1_000, serviceMs: 10 }
    assert.deepEqual([serversFor({ ...demand, mostUtilisation: utilisationToPlanFor }), serversFor(demand)], [15, 13])
  })

  it('pool size × instances: 20 × 10 = 200 is more than max_connections = 100 allows', () => {
    const fit = fleet({ instances: 10, poolSize: 20, maxConnections: 100 })
    assert.deepEqual(fit, { total: 200, available: 97, isWithin: false, mostPerPool: 9 })
  })

  it('pool size × instances: 50 servers with 20 threads each make 1,000 connections', () => {
    assert.equal(fleet({ instances: 50, poolSize: 20, maxConnections: 100 }).total, 1_000)
  })

  it('shorten queries before growing the pool: ten times as short, a tenth of the connections', () => {
    assert.equal(serversFor({ arrivalsPerSecond: 400, serviceMs: 200 }), 100)
    assert.equal(serversFor({ arrivalsPerSecond: 400, serviceMs: 20 }), 10)
    assert.equal(mostHeldMs(10, 400), 25)
  })

  it('20 connections do what 200 do, if the database serves 20 at once and each takes as much longer as there are more', () => {
    assert.equal(mostPerSecond(20, 10), mostPerSecond(200, 100))
  })

  it('a request of 50 ms with 5 ms of database: not 10 and 200 a second, as an article says, but 200 and 4,000 with 1 and 20 connections held for the 5 ms', () => {
    assert.deepEqual([mostPerSecond(1, 5), mostPerSecond(20, 5)], [200, 4_000])
  })

  it('… and 20 and 400 a second, if they are held for the whole request; the article’s 10 is how many such requests one connection serves at a time', () => {
    assert.deepEqual([mostPerSecond(1, 50), mostPerSecond(20, 50)], [20, 400])
    assert.equal(inUse(mostPerSecond(1, 5), 50), 10)
  })

  it('memory: 10 users × 10 MB = 100 MB, 5,000 × 10 MB = 50 GB, 1,000 × 5 to 10 MB = 5 to 10 GB', () => {
    assert.deepEqual([backendMemoryBytes(10, 10 * MB), backendMemoryBytes(5_000, 10 * MB)], [100 * MB, 50 * GB])
    assert.deepEqual([backendMemoryBytes(1_000, 5 * MB), backendMemoryBytes(1_000, 10 * MB)], [5 * GB, 10 * GB])
  })

  it('HikariCP: 3 threads that hold up to 4 connections each need a pool of 10 not to deadlock, 8 that hold 3 need 17', () => {
    assert.deepEqual([nestedMinimum(3, 4), nestedMinimum(8, 3)], [10, 17])
  })
})
