import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { TraceFile } from './trace-file.ts'

/** The fields of the first record, and its payload. */
function firstRecord(trace: Buffer): readonly (number | string)[] {
  const end = 12 + trace.readUInt32LE(8)
  return [
    trace[12] ?? 0,
    trace[13] ?? 0,
    trace.readUInt32LE(16),
    trace.readUInt32LE(20),
    trace.toString('utf8', 32, end),
  ]
}

describe('a trace', () => {
  it('tells how many bytes of a client, or of a server, stand as others', () => {
    const folder = mkdtempSync(join(tmpdir(), 'taxirank-trace-'))
    const path = join(folder, 'trace')
    const written = (write: (trace: TraceFile) => void): Buffer => {
      const trace = new TraceFile(path, Date.now, assert.fail)
      write(trace)
      trace.close()
      return readFileSync(path)
    }
    const ofClient = written((trace) => trace.clientTraffic(7).replaced(9, Buffer.from('other')))
    const ofServer = written((trace) => trace.serverTraffic(8).replaced(5, Buffer.from('')))
    rmSync(folder, { recursive: true })
    assert.deepEqual(firstRecord(ofClient), [23, 0, 7, 9, 'other'])
    assert.deepEqual(firstRecord(ofServer), [24, 0, 8, 5, ''])
  })

  const onFullDisk = { skip: !existsSync('/dev/full') && '/dev/full is missing' }

  it('ends once where the disk is full, says so, and takes whatever comes then', onFullDisk, () => {
    const reasons: string[] = []
    const trace = new TraceFile(
      '/dev/full',
      () => 0,
      (reason) => reasons.push(reason),
    )
    trace.clientAccepted(1)
    trace.flush()
    trace.clientTraffic(1).read(Buffer.alloc(3 << 20))
    trace.ended()
    trace.close()
    assert.equal(reasons.length, 1)
    assert.match(reasons[0] ?? '', /ENOSPC/)
  })
})
