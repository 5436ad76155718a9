import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { forPgBouncer, workloads } from '../../bench/workloads.ts'

describe('workloads', () => {
  it('have targets for peers that they run only', () => {
    for (const { name, peers, targets } of workloads) {
      for (const { baseline } of targets) assert.ok(peers.includes(baseline), `${name}: ${baseline}`)
    }
  })
})

describe('forPgBouncer', () => {
  const peersOf = (name: string, version: string) => {
    const workload = workloads.find((candidate) => candidate.name === name)
    assert.ok(workload)
    const { peers, targets } = forPgBouncer(workload, version)
    return [peers, [...new Set(targets.map(({ baseline }) => baseline))]]
  }

  it('lets PgBouncer take part in prepared statements from 1.21 on', () => {
    const both = ['direct', 'pgbouncer']
    const withVersion = (version: string) => peersOf('prepared', version)
    assert.deepEqual(['PgBouncer 1.18.0', 'PgBouncer 1.20.1', 'PgBouncer 1.21.0', 'PgBouncer 2.0.0'].map(withVersion), [
      [['direct'], ['direct']],
      [['direct'], ['direct']],
      [both, both],
      [both, both],
    ])
  })

  it('leaves the other rows as they are, and takes a version that it does not know for a new one', () => {
    assert.deepEqual(peersOf('simple', 'PgBouncer 1.18.0'), [['pgbouncer'], ['pgbouncer']])
    assert.deepEqual(peersOf('prepared', 'another pooler'), [
      ['direct', 'pgbouncer'],
      ['direct', 'pgbouncer'],
    ])
  })
})
