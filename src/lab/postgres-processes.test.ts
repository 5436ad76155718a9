import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseStat, parseSwitches } from './postgres-processes.ts'

describe('parseStat', () => {
  it('finds parent and times behind a name with blanks and brackets', () => {
    const text = '42 (postgres: a) b) S 7 42 42 0 -1 4194560 100 0 0 0 11 22 33 44 20 0 1 0 5 6 7'
    assert.deepEqual(parseStat(text), { parent: 7, own: 33, ofEnded: 77 })
  })

  it('knows nothing of a process that is gone', () => {
    assert.equal(parseStat(''), undefined)
  })
})

describe('parseSwitches', () => {
  it('adds those it made to those it was made to', () => {
    const text = 'Name:\tpostgres\nvoluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t7\n'
    assert.deepEqual([parseSwitches(text), parseSwitches('')], [157, undefined])
  })
})
