import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseStat } from './machine-watch.ts'

const stat = `cpu  100 5 40 800 50 2 3 10 0 0
cpu0 50 0 0 0 0 0 0 0 0 0
intr 12 0
procs_running 7
procs_blocked 1
`

describe('parseStat', () => {
  it('takes who waits for a disk for idle, and counts who is ready', () => {
    assert.deepEqual(parseStat(stat), { ticks: { busy: 150, all: 1_010 }, ready: 7 })
  })

  it('says nothing of what looks otherwise', () => {
    for (const text of ['', 'cpu  1 2\n', 'procs_running 7\n']) assert.equal(parseStat(text), undefined)
  })
})
