/** `taxirank FILE.ini` as a process of its own, with a pooler that only stops: user, log, pidfile, signals, -d. */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'

const isRoot = process.getuid?.() === 0
/** Root has to become somebody. */
const asUser = isRoot ? ['-u', 'nobody'] : []

/** Waits at the first stop until the second; FAKE=refuse can't listen, FAKE=crash breaks once it runs. */
const program = `
import { parseArguments } from '${import.meta.dir}/arguments.ts'
import { runFile } from '${import.meta.dir}/run-file.ts'
import { TaxirankError } from '${import.meta.dir}/../errors.ts'
const serve = async (config, { log }) => {
  if (process.env.FAKE === 'refuse') throw new TaxirankError('listen_failed', 'port is taken')
  if (process.env.FAKE === 'crash') setTimeout(() => { throw new Error('broken') }, 1)
  if (process.env.FAKE === 'reject') setTimeout(async () => { throw new Error('broken') }, 1)
  const alive = setInterval(() => {}, 1000)
  const never = new Promise(() => {})
  return { ended: never, reload() {}, pause: async () => {}, resume() {}, stop: (mode) => (log.info('stop ' + mode), mode === 'immediate' ? Promise.resolve() : never) }
}
try {
  process.exit(await runFile(parseArguments(process.argv.slice(2)), serve))
} catch (error) {
  process.stderr.write(error.message + '\\n')
  process.exit(1)
}
`

describe('runFile', () => {
  let folder = ''
  let ini = ''
  let started: ChildProcess[] = []

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'taxirank-run-file-'))
    chmodSync(folder, 0o777)
    ini = join(folder, 'main.ini')
    started = []
    writeFileSync(join(folder, 'program.ts'), program)
    configure('')
  })

  afterEach(() => {
    for (const child of started) child.kill('SIGKILL')
    if (existsSync(`${folder}/pid`)) spawnSync('kill', ['-9', readFileSync(`${folder}/pid`, 'utf8').trim()])
    rmSync(folder, { recursive: true })
  })

  function configure(lines: string): void {
    const head = '[pgbouncer]\nlisten_addr = 127.0.0.1\npool_mode = transaction\nauth_type = trust\n'
    writeFileSync(ini, `${head}logfile = ${folder}/log\npidfile = ${folder}/pid\n${lines}\n`)
  }

  function command(switches: readonly string[]): string[] {
    return [join(folder, 'program.ts'), ...switches, ini]
  }

  function run(switches: readonly string[], fake = ''): { status: number | null; stderr: string } {
    return spawnSync(process.execPath, command(switches), { encoding: 'utf8', env: { ...process.env, FAKE: fake } })
  }

  async function startUp(...switches: string[]): Promise<{ child: ChildProcess; exit: Promise<unknown[]> }> {
    const child = spawn(process.execPath, command([...asUser, ...switches]), { stdio: ['ignore', 'ignore', 'pipe'] })
    started.push(child)
    const exit = once(child, 'exit')
    while (!log().includes('process up')) await Promise.race([Bun.sleep(5), exit])
    return { child, exit }
  }

  function log(): string {
    return existsSync(`${folder}/log`) ? readFileSync(`${folder}/log`, 'utf8') : ''
  }

  async function logged(text: string): Promise<void> {
    while (!log().includes(text)) await Bun.sleep(5)
  }

  it('writes a pidfile while it runs, and ends with 0 at the second SIGINT', async () => {
    const { child, exit } = await startUp()
    assert.equal(readFileSync(`${folder}/pid`, 'utf8'), `${child.pid}\n`)
    child.kill('SIGINT')
    await logged('stop wait_for_servers')
    child.kill('SIGINT')
    assert.deepEqual(await exit, [0, null])
    assert.match(log(), /stop immediate\n.* LOG stopped\n$/)
    assert.equal(existsSync(`${folder}/pid`), false)
  })

  it('ends with 0 at SIGQUIT', async () => {
    const { child, exit } = await startUp()
    child.kill('SIGQUIT')
    assert.deepEqual(await exit, [0, null])
  })

  it('outlives SIGHUP, SIGUSR1 and SIGUSR2', async () => {
    const { child, exit } = await startUp()
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
      child.kill(signal)
      await logged(`got ${signal}`)
    }
    child.kill('SIGQUIT')
    assert.deepEqual(await exit, [0, null])
  })

  it('refuses to start a second time on the same pidfile', async () => {
    const { child, exit } = await startUp()
    const second = run(asUser)
    assert.equal(second.status, 1)
    assert.match(second.stderr, new RegExp(`names process ${child.pid}, which is alive`))
    child.kill('SIGQUIT')
    await exit
    assert.equal(existsSync(`${folder}/pid`), false)
  })

  it('runs as the user it is told to, who owns log and pidfile', { skip: !isRoot }, async () => {
    const { child, exit } = await startUp()
    const nobody = Number(spawnSync('id', ['-u', 'nobody'], { encoding: 'utf8' }).stdout)
    assert.match(
      readFileSync(`/proc/${child.pid}/status`, 'utf8'),
      new RegExp(`^Uid:\\t${nobody}\\t${nobody}\\t${nobody}\\t`, 'm'),
    )
    assert.deepEqual([statSync(`${folder}/log`).uid, statSync(`${folder}/pid`).uid], [nobody, nobody])
    child.kill('SIGQUIT')
    await exit
  })

  it('refuses to run as root', { skip: !isRoot }, () => {
    const { status, stderr } = run([])
    assert.deepEqual([status, stderr.startsWith('does not run as root: ')], [1, true])
  })

  it('refuses settings that need more descriptors than there are', () => {
    configure('max_client_conn = 1000000')
    const { status, stderr } = run(asUser)
    assert.equal(status, 1)
    assert.match(stderr, /^needs 1,000,000 clients \+ 0 servers \+ 0 cancels \+ 48 others = 1,000,048 file descriptors/)
  })

  it('logs to stderr, too, unless it is to be quiet', () => {
    assert.match(run(asUser, 'refuse').stderr, /ERROR port is taken\n$/)
    const quiet = run([...asUser, '-q'], 'refuse')
    assert.deepEqual([quiet.status, quiet.stderr], [1, ''])
    assert.equal(log().match(/ERROR port is taken\n/g)?.length, 2)
  })

  it('logs a bug of ours before it ends, and leaves no pidfile', () => {
    for (const fake of ['crash', 'reject']) assert.equal(run(asUser, fake).status, 1)
    assert.equal(log().match(/ERROR taxirank bug: Error: broken/g)?.length, 2)
    assert.equal(existsSync(`${folder}/pid`), false)
  })

  describe('with -d', () => {
    it('leaves a daemon that listens, in a session of its own', async () => {
      const { status, stderr } = run([...asUser, '-d'])
      assert.deepEqual([status, stderr], [0, ''])
      const pid = Number(readFileSync(`${folder}/pid`, 'utf8'))
      assert.equal(Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[5]), pid)
      process.kill(pid, 'SIGTERM')
      await logged('stop wait_for_clients')
      process.kill(pid, 'SIGTERM')
      while (existsSync(`${folder}/pid`)) await Bun.sleep(5)
    })

    it('reports what keeps the daemon from starting', () => {
      configure('max_client_conn = 1000000')
      const { status, stderr } = run([...asUser, '-d'])
      assert.equal(status, 1)
      assert.match(stderr, /^the daemon ended while starting, exit code 1: needs 1,000,000 clients /)
    })

    it('points to the log for what only stands there', () => {
      const { status, stderr } = run([...asUser, '-d'], 'refuse')
      assert.deepEqual([status, stderr], [1, `the daemon ended while starting, exit code 1: see ${folder}/log\n`])
      assert.match(log(), /ERROR port is taken\n$/)
    })

    it('is refused without a pidfile', () => {
      configure('pidfile =')
      const { status, stderr } = run([...asUser, '-d'])
      assert.deepEqual([status, stderr], [1, `${ini}: pidfile: not set, and -d needs it\n`])
    })
  })
})
