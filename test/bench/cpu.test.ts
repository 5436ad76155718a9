import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cpuPerTransaction, parseSchedstat, parseStat, readCpuTime } from '../../bench/cpu.ts'

describe('parseStat', () => {
  it('finds user and kernel ticks behind a command name with spaces and brackets', () => {
    const text = '4711 (a (b) c d) S 1 4711 4711 0 -1 4194560 1 2 3 4 250 1730 8 9 20 0 12 0 99 0 0\n'
    assert.deepEqual(parseStat(text), { userTicks: 250, kernelTicks: 1730 })
  })
})

describe('parseSchedstat', () => {
  it('reads the nanoseconds spent on a CPU, not those spent waiting for one', () => {
    assert.equal(parseSchedstat('366762 88700 1\n'), 366_762)
  })
})

describe('cpuPerTransaction', () => {
  it('divides the nanoseconds by the transactions and splits them as the ticks are split', () => {
    const before = { userTicks: 10, kernelTicks: 20, totalNs: 1_000_000_000 }
    const after = { userTicks: 35, kernelTicks: 95, totalNs: 2_000_000_000 }
    assert.deepEqual(cpuPerTransaction(before, after, 50_000), { userMicros: 5, kernelMicros: 15, totalMicros: 20 })
  })

  it('does not divide by ticks that did not pass', () => {
    const before = { userTicks: 0, kernelTicks: 0, totalNs: 0 }
    const after = { userTicks: 0, kernelTicks: 0, totalNs: 3_000_000 }
    assert.deepEqual(cpuPerTransaction(before, after, 1000), { userMicros: 0, kernelMicros: 3, totalMicros: 3 })
  })
})

describe('readCpuTime', () => {
  it('sees what this process spends', () => {
    const before = readCpuTime(process.pid)
    const spent = process.cpuUsage()
    while (process.cpuUsage(spent).user < 100_000) for (let i = 0; i < 1e6; i++) Math.sqrt(i)
    const tookNs = readCpuTime(process.pid).totalNs - before.totalNs
    assert.ok(tookNs >= 60_000_000, `at least 100 ms were spent, ${tookNs / 1e6} ms were seen`)
  })
})
