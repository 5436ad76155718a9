import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseSetupTimes } from './setup-times.ts'

describe('parseSetupTimes', () => {
  it("finds each connection's times in PostgreSQL's log, and nothing else", () => {
    const log = [
      '0.1 ms, fork=0.2 ms, authentication=0.3 ms',
      '2026-11-30 22:47:10.916 UTC [5555] LOG:  connection ready: setup total=2.731 ms, fork=0.421 ms, authentication=0.171 ms',
      '2026-11-30 22:47:10.923 UTC [5555] LOG:  database system is ready to accept connections',
      '2026-11-30 22:47:11.001 UTC [5560] LOG:  connection ready: setup total=12 ms, fork=1.5 ms, authentication=0 ms',
    ].join('\n')
    assert.deepEqual(parseSetupTimes(log), [
      { totalMs: 2.731, forkMs: 0.421, authenticationMs: 0.171 },
      { totalMs: 12, forkMs: 1.5, authenticationMs: 0 },
    ])
  })

  it('finds none where the server does not say', () => {
    assert.deepEqual(parseSetupTimes(''), [])
  })
})
