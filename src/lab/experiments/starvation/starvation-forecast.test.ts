import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Demand, forecast } from './starvation-forecast.ts'

const demand: Demand = { analyticsCallers: 20, analyticsMs: 100, lookupsPerSecond: 100, lookupMs: 0.5 }
const one = { name: 'one', analytics: 10, lookups: undefined }
const two = { name: 'two', analytics: 8, lookups: 2 }
const bounded = { name: 'bounded', analytics: 1, lookups: 2 }

describe('the forecast of the experiment starvation', () => {
  it('lets lookups wait in one pool as long as analytics do, and not in a pool of their own', () => {
    const waitMs = (20 / 10 - 1) * 100
    const shared = forecast('wait', one, demand, 2)
    assert.ok(Math.abs(shared.lookupsP50Ms / waitMs - 1) < 0.2, `${shared.lookupsP50Ms} ms`)
    assert.ok(forecast('wait', two, demand, 2).lookupsP99Ms < 2)
  })

  it('lets analytics that wait get through as many as they have connections for', () => {
    assert.ok(Math.abs(forecast('wait', two, demand, 2).analyticsPerSecond / 80 - 1) < 0.1)
  })

  it('lets lookups wait for a core in a pool of their own, unless analytics are fewer than cores', () => {
    assert.ok(forecast('compute', two, demand, 2).lookupsP50Ms > 4 * demand.lookupMs)
    assert.ok(forecast('compute', bounded, demand, 2).lookupsP50Ms < 1.2 * demand.lookupMs)
  })
})
