import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Measured } from '../../../bench/pool/judge.ts'
import { renderPoolReport } from '../../../bench/pool/pool-report.ts'
import { rows } from '../../../bench/pool/rows.ts'
import { measuredRow } from './measured.ts'

const basics = { date: '2026-11-28', command: 'npm run bench:pool', machine: '2 cores', versions: 'Node 20', rounds: 1 }
const render = (measured: readonly Measured[]) => renderPoolReport({ ...basics, measured })
const times = { kind: 'times', least: 3, aim: 5 } as const

describe('renderPoolReport', () => {
  it('begins with date, command, versions, machine, and whether every must is reached', () => {
    const report = render([measuredRow({ createPool: [100], tarn: [400] }, { must: times })])
    assert.deepEqual(report.split('\n\n').slice(0, 3), [
      '# Pools side by side',
      '2026-11-28. `npm run bench:pool`. Node 20. 2 cores.',
      'Every must is reached.',
    ])
  })

  it('has a line for each figure, with every pool that took part, the ratio and the must', () => {
    const report = render([measuredRow({ createPool: [1_000], tarn: [4_000] }, { must: times })])
    assert.ok(report.includes('| Node | Taxirank `createPool` | tarn | against the best peer | must | verdict |'))
    const figures = '| 1,000 ns | 4,000 ns | 4.00 × (4.00–4.00, 0 %, 1 pairs) | 3 ×, aim 5 × | reached |'
    assert.ok(report.includes(`| acquire and release, one caller ${figures}`), report)
  })

  it('names what is missed, first and in its place', () => {
    const report = render([measuredRow({ createPool: [200], tarn: [400] }, { must: times })])
    assert.ok(report.includes('Missed: acquire and release, one caller (Node).'))
    assert.ok(report.includes('| **MISSED** |'))
  })

  it('says where a peer does better, musts or not, and whether that may be noise', () => {
    const report = render([
      measuredRow({ Pool: [300], 'pg-pool': [200] }, { runtime: 'Bun' }),
      measuredRow({ createPool: [5], Pool: [7], tarn: [6], 'generic-pool': [5.5] }, { title: 'a spike' }),
      measuredRow({ Pool: [100, 101, 102, 101], 'pg-pool': [101, 100, 101, 100] }, { title: 'noise' }),
    ])
    const behind = report.split('## Where Taxirank is behind')[1]?.split('##')[0]?.trim()
    assert.equal(
      behind,
      [
        '* Bun, acquire and release, one caller: `Pool` 300 ns, pg-pool 200 ns.',
        '* Node, a spike: `Pool` 7 ns, tarn 6 ns, generic-pool 6 ns.',
        '* Node, noise: `Pool` 101 ns, pg-pool 101 ns, within the noise.',
      ].join('\n'),
    )
  })

  it('has a section for every measurement there is', () => {
    const all = rows.map((row) => {
      const figures = Object.fromEntries(row.metrics.map(({ key }) => [key, 1]))
      const samples = Object.fromEntries([...row.ours, ...row.peers].map((name) => [name, [figures]]))
      return { row, samples }
    })
    const report = render(all)
    for (const { title, metrics } of rows) {
      for (const { label } of metrics) assert.ok(report.includes(`| ${title}${label} |`), `${title}${label}`)
    }
  })
})
