import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseRollup } from './read-backend-memory.ts'

const rollup = `55d0c8a00000-7ffe5a1f2000 ---p 00000000 00:00 0                          [rollup]
Rss:               16384 kB
Pss:                5000 kB
Pss_Dirty:          1500 kB
Pss_Anon:           1200 kB
Pss_File:           2800 kB
Pss_Shmem:          1000 kB
Shared_Clean:       9000 kB
Private_Clean:        24 kB
Private_Dirty:      1000 kB
`

describe('memory of a process', () => {
  it('is what is private, the proportional size without shared memory, and of that its part', () => {
    assert.deepEqual(parseRollup(rollup), {
      privateBytes: 1_048_576,
      proportionalBytes: 4_096_000,
      sharedBytes: 1_024_000,
    })
  })
})
