import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
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

  it('loses lines rather than wait for a pipe that nobody reads, and says how many', async () => {
    const program = `
      const { openLog } = await import('${import.meta.dir}/daemon-log.ts')
      const log = openLog(undefined, false)
      for (let n = 0; n < 5_000; n++) log.write('line ' + n + 'x'.repeat(100) + '\\n')
      process.stdout.write(log.lost() + '\\n')
      for await (const _ of process.stdin) break
      log.write('heard\\n')
    `
    const child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'pipe'] })
    const [lost] = (await once(child.stdout, 'data')) as [Buffer]
    assert.ok(Number(lost.toString()) > 1_000)
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    child.stdin.end('go\n')
    await once(child, 'close')
    const lines = said.trimEnd().split('\n')
    assert.equal(lines.at(-1), 'heard')
    assert.match(lines.at(-2) ?? '', new RegExp(`Z ${lost.toString().trim()} lines of this log could not be written`))
    assert.ok(lines.slice(0, -2).every((line, index) => line.startsWith(`line ${index}x`)))
  })

  it('counts what a full disk does not take', { skip: !existsSync('/dev/full') && '/dev/full is missing' }, () => {
    const log = openLog('/dev/full', true)
    log.write('one\n')
    log.write('two\n')
    assert.equal(log.lost(), 2)
  })

  it('refuses a file it cannot open', () => {
    assert.throws(() => openLog(join(folder, 'none', 'log'), true), {
      code: 'bad_configuration',
      message: /^cannot open logfile /,
    })
  })
})
