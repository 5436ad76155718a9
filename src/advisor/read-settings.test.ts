import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { settingsOf } from './read-settings.ts'

describe('settings of a database', () => {
  it('are in bytes and milliseconds, and absent where PostgreSQL does not know them', () => {
    const found = {
      max_connections: ['100', null],
      shared_buffers: ['16384', '8kB'],
      work_mem: ['4096', 'kB'],
      hash_mem_multiplier: ['2.5', null],
      statement_timeout: ['30000', 'ms'],
      idle_session_timeout: ['2', 'min'],
      track_activities: ['on', null],
    } as const
    assert.deepEqual(settingsOf(found, { databaseConnectionLimit: -1, userConnectionLimit: 0 }), {
      maxConnections: 100,
      sharedBuffersBytes: 134_217_728,
      workMemBytes: 4_194_304,
      hashMemMultiplier: 2.5,
      statementTimeoutMs: 30_000,
      idleSessionTimeoutMs: 120_000,
      tracksActivities: true,
      userConnectionLimit: 0,
    })
  })
})
