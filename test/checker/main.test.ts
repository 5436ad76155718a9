import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { TraceBuilder } from './build-trace.ts'

const program = join(import.meta.dirname, 'main.ts')
let folder = ''

function run(args: readonly string[], input?: Buffer): { status: number | null; lastLine: string | undefined } {
  const { status, stdout } = spawnSync(process.execPath, [program, ...args], input === undefined ? {} : { input })
  return { status, lastLine: stdout.toString().trimEnd().split('\n').at(-1) }
}

describe('main', () => {
  const good = new TraceBuilder().pool(1, 1).open(1).login(1).stop().bytes()
  const cut = good.subarray(0, good.length - 10)

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'trace-checker-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  it('reads a file or standard input, and exits with 0 only without a breach', () => {
    const path = join(folder, 'good.trace')
    writeFileSync(path, good)
    assert.deepEqual(run([path]), { status: 0, lastLine: '0 breaches' })
    assert.deepEqual(run(['-'], good), { status: 0, lastLine: '0 breaches' })
    assert.deepEqual(run(['-'], cut), { status: 1, lastLine: '2 breaches' })
    assert.deepEqual(run(['--unfinished', '-'], cut), { status: 0, lastLine: '0 breaches' })
  })

  it('exits with 2 when there is nothing to read', () => {
    assert.equal(run([join(folder, 'missing')]).status, 2)
    assert.equal(run([]).status, 2)
    assert.equal(run(['--nonsense']).status, 2)
  })
})
