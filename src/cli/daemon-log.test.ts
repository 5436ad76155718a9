import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { openLog } from './daemon-log.ts'

describe('openLog', () => {
  let folder = ''
  let path = ''

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'taxirank-log-'))
    path = join(folder, 'log')
  })

  afterEach(() => rmSync(folder, { recursive: true }))

  it('appends to the file', () => {
    openLog(path, true).write('one\n')
    openLog(path, true).write('two\n')
    assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n')
  })

  it('goes on in a new file when the old one was moved', () => {
    const log = openLog(path, true)
    log.write('one\n')
    renameSync(path, `${path}.1`)
    log.reopen()
    log.write('two\n')
    assert.deepEqual([readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')], ['one\n', 'two\n'])
  })

  it('stays with the old file when the new one cannot be opened', () => {
    const log = openLog(path, true)
    renameSync(folder, `${folder}-moved`)
    assert.throws(() => log.reopen(), { message: /^cannot open logfile .*ENOENT/ })
    log.write('still here\n')
    renameSync(`${folder}-moved`, folder)
    assert.equal(readFileSync(path, 'utf8'), 'still here\n')
  })

  it('says nothing anywhere without a file and with quiet', () => {
    const log = openLog(undefined, true)
    log.write('lost\n')
    log.reopen()
  })

  it('refuses a file it cannot open', () => {
    assert.throws(() => openLog(join(folder, 'none', 'log'), true), {
      code: 'bad_configuration',
      message: /^cannot open logfile /,
    })
  })
})
