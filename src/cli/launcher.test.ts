/** bin/taxirank, from wherever it is called. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { versionLine } from './version.ts'

const launcher = resolve(import.meta.dir, '../../bin/taxirank')

describe('bin/taxirank', () => {
  let folder = ''

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'taxirank launcher '))
  })

  afterEach(() => rmSync(folder, { recursive: true }))

  function run(
    path: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(path, args, { encoding: 'utf8', cwd: folder, env: { PATH: '/usr/bin:/bin', ...env } })
  }

  /** A package of its own that prints how it was started; `bun` is a stand-in unless `where` is left out. */
  function makePackage(where: string | undefined, entry: string): string {
    const root = join(folder, 'node_modules', 'taxirank')
    for (const part of ['bin', 'src/cli', 'dist']) mkdirSync(join(root, part), { recursive: true })
    copyFileSync(launcher, join(root, 'bin/taxirank'))
    writeFileSync(join(root, entry), '')
    if (where !== undefined) {
      mkdirSync(join(root, where), { recursive: true })
      writeFileSync(join(root, where, 'bun'), '#!/bin/sh\nshift 3\necho "$$" "$@"\n', { mode: 0o755 })
    }
    return join(root, 'bin/taxirank')
  }

  it('runs the program, also through links to links', () => {
    symlinkSync(launcher, join(folder, 'one'))
    symlinkSync('one', join(folder, 'two'))
    for (const path of [launcher, join(folder, 'two')]) {
      assert.deepEqual(run(path, ['--version']).stdout, `${versionLine}\nBun ${Bun.version}\n`)
    }
  })

  it('passes arguments on as they are, and the exit code back', () => {
    const { status, stderr } = run(launcher, ['a b.ini', 'c'])
    assert.deepEqual(
      [status, stderr.split('\n')[0]],
      [1, 'taxirank: one configuration file expected, 2 given: a b.ini c'],
    )
  })

  it('is not changed by a bunfig.toml or .env where it is started', () => {
    writeFileSync(join(folder, 'bunfig.toml'), 'preload = ["./preload.ts"]\n')
    writeFileSync(join(folder, 'preload.ts'), 'console.log("preloaded")\n')
    assert.equal(run(launcher, ['-V']).stdout, `${versionLine}\nBun ${Bun.version}\n`)
  })

  it('becomes Bun: the process id stays', () => {
    const path = makePackage('node_modules/.bin', 'src/cli/main.ts')
    const { stdout } = spawnSync('sh', ['-c', 'echo $$; exec "$0" x', path], { encoding: 'utf8' })
    const [shell, bun] = stdout.split('\n')
    assert.equal(bun?.split(' ')[0], shell)
  })

  for (const where of ['node_modules/.bin', '../.bin']) {
    it(`finds Bun in ${where}, and the bundle where there are no sources`, () => {
      const { stdout } = run(makePackage(where, 'dist/cli.js'), ['x'])
      assert.match(stdout, /^\d+ \/.*\/node_modules\/taxirank\/dist\/cli\.js x\n$/)
    })
  }

  it('finds Bun on the PATH', () => {
    const path = makePackage('elsewhere', 'src/cli/main.ts')
    const { stdout } = run(path, ['x'], { PATH: `${join(path, '../../elsewhere')}:/usr/bin:/bin` })
    assert.match(stdout, /^\d+ \/.*\/src\/cli\/main\.ts x\n$/)
  })

  it('says so when there is no Bun', () => {
    const { status, stderr } = run(makePackage(undefined, 'src/cli/main.ts'), ['x'])
    assert.equal(status, 1)
    assert.match(stderr, /^taxirank: Bun was not found in .*: run npm install /)
  })
})
