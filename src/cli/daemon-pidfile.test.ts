import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { checkPidfile, readPidfile, removePidfile, writePidfile } from './daemon-pidfile.ts'

describe('a pidfile', () => {
  let folder = ''
  let path = ''

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'taxirank-pidfile-'))
    path = join(folder, 'pid')
  })

  afterEach(() => rmSync(folder, { recursive: true }))

  it('is written with the process id and removed again', () => {
    checkPidfile(path)
    writePidfile(path)
    assert.equal(readFileSync(path, 'utf8'), `${process.pid}\n`)
    assert.equal(readPidfile(path), process.pid)
    removePidfile(path)
    assert.equal(existsSync(path), false)
    removePidfile(path)
  })

  it('is refused when it names a live process', () => {
    writeFileSync(path, `${process.ppid}\n`)
    assert.throws(() => checkPidfile(path), {
      code: 'bad_configuration',
      message: new RegExp(`^pidfile ${path} names process ${process.ppid}, which is alive: stop it, or remove `),
    })
    assert.ok(existsSync(path))
  })

  it('is removed when its process is dead, or is this one', () => {
    for (const pid of [4_194_304_000, process.pid]) {
      writeFileSync(path, `${pid}\n`)
      checkPidfile(path, (asked) => asked === process.pid)
      assert.equal(existsSync(path), false)
    }
  })

  it('is refused when no process id stands in it', () => {
    for (const text of ['', 'x', '-5', '0', '12 34']) {
      writeFileSync(path, text)
      assert.throws(() => checkPidfile(path), {
        message: `pidfile ${path} exists and holds no process id: remove it if nothing runs`,
      })
    }
  })

  it('is not written over another one', () => {
    writeFileSync(path, '1\n')
    assert.throws(() => writePidfile(path), { message: new RegExp(`^cannot write pidfile ${path}: EEXIST`) })
  })

  it('is left alone when another process has written it', () => {
    writeFileSync(path, '1\n')
    removePidfile(path)
    assert.ok(existsSync(path))
  })

  it('is refused where it cannot be written', () => {
    assert.throws(() => writePidfile(join(folder, 'none', 'pid')), { message: /^cannot write pidfile .*ENOENT/ })
    assert.throws(() => checkPidfile(folder), { message: /^cannot read pidfile .*EISDIR/ })
  })
})
