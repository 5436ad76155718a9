import { afterEach, beforeEach, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram, needs } from './tools.ts'

describe('needs', () => {
  const before = { ...process.env }
  let folder: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'taxirank-tools-'))
    for (const name of ['one', 'two']) writeFileSync(join(folder, name), '')
    chmodSync(join(folder, 'one'), 0o755)
    process.env['PATH'] = `/nowhere:${folder}`
    process.env['CI'] = ''
  })

  afterEach(() => {
    rmSync(folder, { recursive: true })
    for (const name of ['PATH', 'CI', 'PGBOUNCER']) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  })

  it('runs the test where the program is on the PATH', () => {
    assert.deepEqual(needs('one'), { skip: false })
    assert.equal(findProgram('one'), join(folder, 'one'))
  })

  it('skips it by name where a program is missing or cannot be executed', () => {
    assert.deepEqual(needs('one', 'no-such-program'), { skip: 'no-such-program is not installed' })
    assert.deepEqual(needs('two', 'no-such-program'), { skip: 'two and no-such-program are not installed' })
  })

  it('throws instead where CI is set', () => {
    process.env['CI'] = 'true'
    assert.deepEqual(needs('one'), { skip: false })
    assert.throws(() => needs('one', 'no-such-program'), {
      message: 'no-such-program is not installed, and with CI set no test is skipped for that: install it',
    })
  })

  it('sees through the script that stands for programs of PostgreSQL on Debian', () => {
    const wrapper = join(folder, 'pg_wrapper')
    writeFileSync(wrapper, '#!/bin/sh\ncase $0 in *psql) exit 0 ;; esac\nexit 1\n', { mode: 0o755 })
    symlinkSync(wrapper, join(folder, 'psql'))
    symlinkSync(wrapper, join(folder, 'vacuumlo'))
    assert.equal(findProgram('psql'), join(folder, 'psql'))
    assert.equal(findProgram('vacuumlo'), undefined)
  })

  it('takes pgbouncer from PGBOUNCER', () => {
    process.env['PGBOUNCER'] = join(folder, 'one')
    assert.equal(findProgram('pgbouncer'), join(folder, 'one'))
    process.env['PGBOUNCER'] = join(folder, 'two')
    assert.equal(findProgram('pgbouncer'), undefined)
  })
})
