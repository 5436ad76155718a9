/** `taxirank check` as a process of its own: what it prints, where, and its exit code. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'

describe('taxirank check', () => {
  let folder = ''

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'taxirank-check-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  function check(ini: string) {
    writeFileSync(join(folder, 'users.txt'), '"ann" "secret"\n')
    chmodSync(join(folder, 'users.txt'), 0o644)
    writeFileSync(join(folder, 'main.ini'), ini)
    const command = [join(import.meta.dirname, 'main.ts'), 'check', 'main.ini']
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: folder, encoding: 'utf8' })
    return [status, stdout, stderr]
  }

  it('ends with 0 where nothing is to be told', () => {
    assert.deepEqual(check('[pgbouncer]\nauth_type = trust'), [0, 'main.ini: nothing to tell\n', ''])
  })

  it('ends with 0 after warnings, on stdout', () => {
    assert.deepEqual(check('[pgbouncer]\nauth_file = users.txt'), [
      0,
      'main.ini:2: warning: auth_file: "ann" has a plain secret there\n' +
        'main.ini:2: warning: auth_file: users.txt can be read by every user of the system (mode 0644): chmod o-r\n',
      '',
    ])
  })

  it('ends with 1 after errors, on stdout', () => {
    assert.deepEqual(check('[pgbouncer]\nverbose = 9\nfoo = 1'), [
      1,
      'main.ini:2: error: verbose: 9 is out of range; allowed: 0 to 3\nmain.ini:3: error: foo: unknown setting\n',
      '',
    ])
  })
})
