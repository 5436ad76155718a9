import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { readLogTail } from './guarded-process.ts'

describe('the tail of a log', () => {
  const folder = mkdtempSync(join(tmpdir(), 'taxirank-unit-'))
  const logFile = join(folder, 'log')
  after(() => rmSync(folder, { recursive: true }))

  it('is its last bytes, or all of it when it is short', () => {
    writeFileSync(logFile, 'first\nsecond\n')
    assert.equal(readLogTail(logFile, 7), 'second')
    assert.equal(readLogTail(logFile, 1000), 'first\nsecond')
  })

  it('is empty when there is no log, or a symlink in its place', () => {
    assert.equal(readLogTail(join(folder, 'none'), 1000), '')
    symlinkSync(logFile, join(folder, 'link'))
    assert.equal(readLogTail(join(folder, 'link'), 1000), '')
  })
})
