import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Pair, Row, Run } from '../../bench/measure.ts'
import { renderReport, type Results } from '../../bench/report.ts'
import { workloads } from '../../bench/workloads.ts'

const run = (tps: number, totalMicros: number, p99Ms: number): Run => ({
  tps,
  transactions: tps * 5,
  latencyMs: 1,
  cpu: { userMicros: 2.5, kernelMicros: totalMicros - 2.5, totalMicros },
  p50Ms: 10,
  p99Ms,
})

const nine = (pgbouncer: Run, taxirank: Run): Pair[] =>
  Array.from({ length: 9 }, () => ({ first: 'pgbouncer', pgbouncer, taxirank, direct: run(1000, 0, 0) }))

function resultsOf(rows: readonly Row[]): Results {
  return {
    date: '2025-01-02',
    command: 'npm run bench',
    machine: '2 cores',
    cores: 2,
    versions: {
      taxirank: 'Taxirank 0.1.0',
      pgbouncer: 'PgBouncer 1.18.0',
      postgres: 'PostgreSQL 18.1',
      pgbench: 'pgbench 15',
    },
    pairs: 9,
    seconds: 5,
    control: false,
    rows,
  }
}

function measured(name: string, pairs: Pair[]): Row {
  const workload = workloads.find((candidate) => candidate.name === name)
  assert.ok(workload)
  return { name: 'measured', workload, rate: undefined, pairs }
}

describe('renderReport', () => {
  it('puts every metric beside what it must reach', () => {
    const report = renderReport(resultsOf([measured('simple', nine(run(20_000, 18, 1), run(19_000, 25, 1)))]))
    const lines = report.split('\n').filter((line) => line.startsWith('| select-only, simple protocol'))
    const throughput = '20,000 | 19,000 | **0.950** | 0.950 – 0.950 | 0.9 × | 1 × | reached'
    const cpu = '18.0 (2.5 + 15.5) | 25.0 (2.5 + 22.5) | **1.389** | 1.389 – 1.389 | 1.3 × | 1.1 × | MISSED'
    assert.deepEqual(
      lines,
      [throughput, cpu].map((cells) => `| select-only, simple protocol | ${cells} |`),
    )
  })

  it('says plainly where Taxirank is behind', () => {
    const report = renderReport(resultsOf([measured('thousand', nine(run(20_000, 18, 60), run(21_000, 17, 90)))]))
    const behind = report.slice(report.indexOf('## Where Taxirank is behind'), report.indexOf('## How it was measured'))
    assert.equal(
      behind,
      '## Where Taxirank is behind\n\n' +
        '* select-only, 1,000 clients over 20 servers, p99: latency 1.500 ×, behind, **and misses 1.15 ×**\n\n',
    )
  })

  it('shows a limit of its own with its unit, and the interval of Taxirank alone', () => {
    const pairs = nine({ idleKb: 1.1 }, { idleKb: 2.5 }).slice(0, 3)
    const report = renderReport(resultsOf([measured('idle', pairs)]))
    const cells = '1.10 kB | 2.50 kB | **2.273** | 2.50 kB – 2.50 kB | 3 kB | 2 kB | reached'
    assert.ok(report.includes(`| 10,000 idle clients, each | ${cells} |`), report)
    assert.match(report, /^\* 10,000 idle clients, each: memory 2\.50 kB, behind, of too few pairs to be sure$/m)
    assert.match(report, /ratio \| 75 % interval/)
  })

  it('shows no ratio where PgBouncer did not grow', () => {
    const report = renderReport(resultsOf([measured('stopped', nine({ growthMb: 0 }, { growthMb: 0.4 }))]))
    assert.match(report, /growth \| 0\.0 MB \| 0\.4 MB \| – \| 0\.4 MB – 0\.4 MB \| 2 MB \| – \| reached \|/)
  })

  it('tells the rate of an open loop, and what the poolers were told beside the usual', () => {
    const row = measured('open-90', nine(run(9000, 18, 2), run(9000, 19, 2)))
    const report = renderReport(
      resultsOf([{ ...row, rate: 17_000 } as Row, measured('tls', nine(run(1, 1, 1), run(1, 1, 1)))]),
    )
    assert.match(report, /17,000 a second \(open-90\)/)
    assert.match(report, /For tls: a self-signed ECDSA P-256 certificate, `client_tls_sslmode = require`\./)
  })

  it('says that a pooler is too little better than none', () => {
    const report = renderReport(resultsOf([measured('connect', nine(run(5000, 200, 1), run(5000, 200, 1)))]))
    assert.match(report, /in place of PgBouncer\): throughput 5\.000 ×, too little, \*\*and misses 8 ×\*\*$/m)
  })

  it('says who stands in the place of PgBouncer, and what misses beside it', () => {
    const pair: Pair = { first: 'allow', allow: run(1000, 20, 1), taxirank: run(1000, 22, 1) }
    const report = renderReport(resultsOf([measured('track', [pair, pair, pair])]))
    const title =
      'select-only, simple protocol, `session_state = track` ' +
      '(Taxirank with `session_state = allow` in place of PgBouncer)'
    const cells = '20.0 (2.5 + 17.5) | 22.0 (2.5 + 19.5) | **1.100** | 1.100 – 1.100 | 1.05 × | 1.02 × | MISSED'
    assert.ok(report.includes(`| ${title} | ${cells} |`), report)
    assert.ok(report.includes(`* ${title}: CPU per transaction 1.100 ×, too much, **and misses 1.05 ×**`), report)
  })

  it('shows a row that failed with its reason', () => {
    const [workload] = workloads
    assert.ok(workload)
    const report = renderReport(resultsOf([{ name: 'failed', workload, reason: 'Taxirank: the reason' }]))
    assert.match(report, /## Rows without a result\n\nselect-only, simple protocol:\n\n```\nTaxirank: the reason\n```/)
  })

  it('names date, command, machine and all versions', () => {
    const report = renderReport(resultsOf([]))
    for (const part of [
      '2025-01-02',
      '`npm run bench`',
      '2 cores',
      'Taxirank 0.1.0',
      'PgBouncer 1.18.0',
      'PostgreSQL 18.1',
    ]) {
      assert.ok(report.includes(part), part)
    }
  })

  it('heads the interval with the confidence it has', () => {
    const rows = (pairs: number) => [measured('simple', nine(run(1, 1, 1), run(1, 1, 1)).slice(0, pairs))]
    assert.match(renderReport(resultsOf(rows(9))), /^\| \| PgBouncer \| Taxirank \| ratio \| 95 % interval \|/m)
    assert.match(renderReport({ ...resultsOf(rows(3)), pairs: 3 }), /\| 75 % interval \|/)
    assert.match(renderReport({ ...resultsOf(rows(9)), control: true }), /\| PgBouncer again \|/)
  })

  it('explains the interval by its ranks, and confesses when pairs are too few', () => {
    assert.match(renderReport(resultsOf([])), /from the 2nd to the 8th of the 9 ratios .* 96\.1 %/)
    assert.match(renderReport({ ...resultsOf([]), pairs: 3 }), /\*\*So few pairs do not reach 95 %\.\*\*/)
  })
})
