import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, it } from 'node:test'
import { TraceFile } from './trace-file.ts'

describe('a trace', () => {
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
