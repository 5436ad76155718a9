import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readScenario } from './read-scenario.ts'
import { recordedOf } from './recorded.ts'
import { replayPage, simulationPage, sweepPage } from './simulation-page.ts'
import { simulate } from './simulate.ts'
import { parseSweep, sweep } from './sweep.ts'

const nothingRecorded = (): never => {
  throw new Error('nothing is recorded')
}

const scenario = {
  duration: '5s',
  database: { cores: 4 },
  poolers: [{ name: 'pooler', pool_size: 5 }],
  applications: [
    { name: '<b>', callers: 8, pool_size: 8, service: '5ms', via: 'pooler' },
    { name: 'nobody', callers: 1, think: '1h', pool_size: 1, service: '5ms' },
  ],
}
const names = { name: 'a`b <i>', footer: 'made by `taxirank` & co' }

function assertSound(page: string): void {
  assert.match(page, /^<!doctype html>\n<html lang="en">/)
  assert.match(page, /<title>(?:Simulated|Replayed): a`b &lt;i&gt;[^<]*<\/title>/)
  assert.match(page, /<footer>made by <code>taxirank<\/code> &amp; co<\/footer>/)
  assert.doesNotMatch(page, /<script|<b>|<i>|NaN|Infinity|undefined/)
}

const headings = (page: string): string[] => [...page.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, text = '']) => text)
const figures = (page: string): number => page.split('<figure>').length - 1

describe('the pages of simulations', () => {
  it('show applications, pools and the course of a scenario, and a dash where nobody was served', () => {
    const page = simulationPage(simulate(readScenario(scenario, nothingRecorded)), names)
    assertSound(page)
    assert.deepEqual(headings(page), ['Applications', 'Pools and the database', 'Over time'])
    assert.equal(figures(page), 4)
    assert.ok(page.includes('5 s of virtual time, of which the first 0.5 s do not count; seed 1.'))
    assert.match(page, /where all pools together may have 6; 0 were turned away\./)
    assert.match(
      page,
      /<td>nobody<\/td><td class="right">1<\/td><td class="right">0<\/td><td class="right">0<\/td><td class="right">–<\/td>/,
    )
  })

  it('show a sweep with its knee', () => {
    const plan = parseSweep('pooler.pool_size=1..8')
    const points = [...sweep(scenario, plan, nothingRecorded)]
    const page = sweepPage(plan, points, names)
    assertSound(page)
    assert.deepEqual([headings(page).length, figures(page)], [2, 2])
    assert.ok(page.includes('pooler.pool_size from 1 to 8'))
    assert.ok(page.includes('the knee: 4'))
    assert.equal(page.split('<tr>').length - 1, 9)
  })

  it('show a replay, first its error', () => {
    const entries = Array.from({ length: 100 }, (_, at) => ({ arrivalMs: at * 10, waitMs: 0, holdMs: 5, lane: 0 }))
    const times = { waitP50Ms: 0, waitP99Ms: 0, latencyP50Ms: 5, latencyP99Ms: 5 }
    const size = { servedPerSecond: 100, failedShare: 0, ...times, peakConnections: 1, utilisation: 0.5 }
    const today = { poolSize: 4, ...size }
    const findings = {
      recorded: recordedOf(entries, false),
      about: undefined,
      callers: 'open',
      coreUse: undefined,
    } as const
    const page = replayPage({ ...findings, today, assumed: today, others: [{ ...size, poolSize: 2 }] }, names)
    assertSound(page)
    assert.deepEqual(headings(page), ['How well it fits', 'Other sizes'])
    assert.match(page, /<p>Replayed with 4, as it came: wait p50 0 ms, measured 0 ms \(the same\)/)
    assert.match(page, /<p>Other sizes, if callers come when they came/)
    assert.ok(page.includes('recorded: 4'))
  })
})
