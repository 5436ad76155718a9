/** The one executable, made by the command that the guide and the container have, and the unit that runs it. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { versionLine } from '../src/cli/version.ts'
import { freePort } from '../src/embedded/free-port.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { startProgram } from './support/program.ts'
import { RawClient } from './support/raw-client.ts'
import { needs } from './support/tools.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
let postgres: TestPostgres
let folder = ''
let executable = ''

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'taxirank-executable-'))
  chmodSync(folder, 0o711)
  executable = join(folder, 'taxirank')
  const [words = []] = buildCommands()
  const command = words.map((word) => (word === 'OUTFILE' ? executable : word))
  const { status, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  postgres = await startTestPostgres()
})

after(async () => {
  await postgres.remove()
  rmSync(folder, { recursive: true })
})

/** What `bun` is told by the guide and by the container, but for the name of the executable. */
function buildCommands(): string[][] {
  return ['docs/guide/operating.md', 'examples/container/Containerfile'].map((file) => {
    const [, command = '', entry = ''] = /^(?:RUN )?npx bun (build .*--outfile) \S+ (\S+)$/m.exec(read(file)) ?? []
    return [...command.split(' '), 'OUTFILE', entry]
  })
}

describe('the executable', { timeout: 60_000 }, () => {
  it('is made by the same command everywhere', () => {
    const [guide, container] = buildCommands()
    assert.deepEqual(guide, container)
  })

  it('says its version, whatever lies in the folder where it is started', () => {
    const cwd = join(folder, 'elsewhere')
    mkdirSync(cwd)
    writeFileSync(join(cwd, 'bunfig.toml'), 'preload = ["./preloaded.ts"]')
    writeFileSync(join(cwd, 'preloaded.ts'), 'console.log("preloaded")')
    const { status, stdout, stderr } = spawnSync(executable, ['--version'], { cwd, encoding: 'utf8' })
    assert.deepEqual([status, stdout, stderr], [0, `${versionLine}\nBun ${Bun.version}\n`, ''])
  })

  it('serves what its ini says, and ends with 0 at TERM', async () => {
    const port = await freePort()
    const ini = join(folder, 'pgbouncer.ini')
    const lines = [
      '[databases]',
      `postgres = host=127.0.0.1 port=${postgres.port} user=postgres`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = any',
    ]
    writeFileSync(ini, lines.join('\n'))
    const program = await startProgram(ini, [], executable)
    const client = await RawClient.login(port)
    assert.equal(await client.value('select 7'), '7')
    client.leave()
    program.signal('SIGTERM')
    assert.equal(await program.exited, 0, program.said())
    await program.stop()
  })
})

describe('the unit of systemd', () => {
  it('is one that systemd understands', needs('systemd-analyze'), () => {
    const unit = join(folder, 'taxirank.service')
    const text = read('examples/systemd/taxirank.service')
    writeFileSync(unit, text.replace('ExecStart=/usr/local/bin/taxirank', `ExecStart=${executable}`))
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
    // It may have something to say of the machine's own units, too.
    const said = stderr.split('\n').filter((line) => line.includes('taxirank'))
    assert.deepEqual([status, said], [0, []])
  })
})
