import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseResident, parseSchedstat, parseStat, parseSwitches, servesClient } from './postgres-processes.ts'

const status = ['Name:\tpostgres', 'VmHWM:\t   20000 kB', 'VmRSS:\t   12345 kB', 'RssAnon:\t 900 kB'].join('\n')
const switches = ['voluntary_ctxt_switches:\t150', 'nonvoluntary_ctxt_switches:\t27'].join('\n')

describe('parseStat', () => {
  it('counts fields from behind the name, whatever that holds', () => {
    const fields = ['S', '41', ...Array.from({ length: 9 }, () => '0'), '10', '3', '200', '50', '20']
    assert.deepEqual(parseStat(`4242 (post) gres) ${fields.join(' ')}`), { parent: 41, own: 13, ofEnded: 250 })
  })

  it('knows nothing of a process that is gone', () => {
    assert.equal(parseStat(''), undefined)
  })
})

describe('parseResident', () => {
  it('is what the process has now, in bytes', () => {
    assert.equal(parseResident(status), 12_345 * 1024)
  })

  it('knows nothing of a process that is gone', () => {
    assert.equal(parseResident(''), undefined)
  })
})

describe('parseSwitches', () => {
  it('adds those it made of itself and those it was made to', () => {
    assert.equal(parseSwitches(switches), 177)
  })

  it('knows nothing of a process that is gone', () => {
    assert.equal(parseSwitches(''), undefined)
  })
})

describe('parseSchedstat', () => {
  it('is the time on a processor, where the kernel keeps it', () => {
    assert.deepEqual([parseSchedstat('3141592653 2718 99\n'), parseSchedstat('')], [3_141_592_653, undefined])
  })
})

describe('a process that serves a client', () => {
  it('is PostgreSQL’s, and says where the client speaks from', () => {
    const backend = 'postgres: lab shop 127.0.0.1(41234) idle\0'
    const others = ['', 'bash\0', 'sh -c echo (41234) x\0']
    assert.deepEqual(
      [backend, ...others].map((line) => servesClient(line, 41_234)),
      [true, false, false, false],
    )
    assert.equal(servesClient(backend, 1_234), false)
  })
})
