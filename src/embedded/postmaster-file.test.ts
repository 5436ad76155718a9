import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { findPostmaster, isReady } from './postmaster-file.ts'

/** More than any system gives out. */
const noPid = 2 ** 30

let folder: string
let dataDir: string
let proc: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taxirank-unit-'))
  dataDir = join(folder, 'data')
  proc = join(folder, 'proc')
  mkdirSync(dataDir)
  mkdirSync(join(proc, 'self'), { recursive: true })
  mkdirSync(join(proc, String(process.pid)))
})

afterEach(() => rmSync(folder, { recursive: true }))

function claim(pid: number | string, status = 'ready   '): void {
  writeFileSync(
    join(dataDir, 'postmaster.pid'),
    `${pid}\n${dataDir}\n1700000000\n5432\n\n127.0.0.1\n  123  4\n${status}\n`,
  )
}

describe('postmaster.pid', () => {
  it('claims nothing when it is missing, empty, garbled or names a process that is gone', () => {
    assert.deepEqual(findPostmaster(dataDir, proc), { name: 'none' })
    for (const pid of ['', 'x', '0', '-1', '1.5', noPid]) {
      claim(pid)
      assert.deepEqual(findPostmaster(dataDir, proc), { name: 'none' }, `pid ${pid}`)
    }
  })

  it('claims the directory for a process that works in it, by whatever path', () => {
    claim(process.pid)
    const alias = join(folder, 'alias')
    symlinkSync(dataDir, alias)
    symlinkSync(alias, join(proc, String(process.pid), 'cwd'))
    assert.deepEqual(findPostmaster(dataDir, proc), { name: 'running', pid: process.pid })
  })

  it('is stale when its process works elsewhere, or where nobody can see', () => {
    claim(process.pid)
    assert.deepEqual(findPostmaster(dataDir, proc), { name: 'stale', pid: process.pid })
    symlinkSync(folder, join(proc, String(process.pid), 'cwd'))
    assert.deepEqual(findPostmaster(dataDir, proc), { name: 'stale', pid: process.pid })
  })

  it('is believed where the system has no /proc', () => {
    claim(process.pid)
    assert.deepEqual(findPostmaster(dataDir, join(folder, 'none')), { name: 'running', pid: process.pid })
  })

  it('says ready for the very process that was started, not before and not for another', () => {
    assert.equal(isReady(dataDir, 7), false)
    claim(7, 'starting')
    assert.equal(isReady(dataDir, 7), false)
    claim(7)
    assert.equal(isReady(dataDir, 7), true)
    assert.equal(isReady(dataDir, 8), false)
  })
})
