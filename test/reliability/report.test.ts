import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { renderReport, verdict, type Result } from './report.ts'
import { Finding, type Row } from './row.ts'

const row: Row = {
  number: 7,
  name: 'PostgreSQL frozen',
  injected: 'SIGSTOP',
  mustHold: 'timers fire',
  limitMs: 1,
  run: () => Promise.resolve(),
}
const about = { date: '2026-11-28', command: 'c', machine: 'm', versions: 'v', seed: 1, minutes: 1, secrets: 's' }

function finding(value: number, better?: 'less' | 'more'): Finding {
  const found = new Finding()
  found.figure('recovery', value, 'ms', better)
  return found
}

function behind(taxirank: Finding, pgbouncer: Finding): string {
  const result: Result = { row, first: 'taxirank', findings: { taxirank, pgbouncer }, seconds: 1 }
  const report = renderReport([result], about)
  return report
    .slice(report.indexOf('## Where Taxirank'), report.indexOf('Taxirank: s.'))
    .split('\n')
    .slice(2)
    .join('\n')
    .trim()
}

describe('the scoreboard', () => {
  it('says of a breach more than of what does not hold', () => {
    const found = new Finding()
    assert.equal(verdict(found), 'holds')
    found.must(true, 'never said')
    assert.equal(verdict(found), 'holds')
    found.must(false, 'the pooler ended')
    assert.equal(verdict(found), '**does not hold**')
    found.breach({ kind: 'foreign token', client: 3, message: 'got c4', transcript: [] })
    assert.equal(verdict(found), '**1 breaches**')
    assert.deepEqual(found.breaches, ['foreign token, client 3: got c4'])
  })

  it('names where we are behind by more than a tenth, whichever direction is good', () => {
    const line = '* 7 PostgreSQL frozen: recovery'
    assert.equal(behind(finding(200, 'less'), finding(100, 'less')), `${line} 200 ms, PgBouncer 100 ms`)
    assert.equal(behind(finding(100, 'more'), finding(200, 'more')), `${line} 100 ms, PgBouncer 200 ms`)
    assert.equal(behind(finding(NaN, 'less'), finding(200, 'less')), `${line} never, PgBouncer 200 ms`)
    for (const [ours, theirs, better] of [
      [105, 100, 'less'],
      [95, 100, 'more'],
      [100, NaN, 'less'],
      [200, 100, undefined],
    ] as const) {
      assert.equal(behind(finding(ours, better), finding(theirs, better)), 'Nowhere in this run.')
    }
  })

  it('names what does not hold for us, and never what does not hold for PgBouncer, as ours', () => {
    const broken = new Finding()
    broken.must(false, 'no timer fired')
    assert.equal(behind(broken, new Finding()), '* 7 PostgreSQL frozen: no timer fired')
    assert.equal(behind(new Finding(), broken), 'Nowhere in this run.')
  })
})
