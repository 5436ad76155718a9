import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Processes } from '../../bench/processes.ts'
import { findPrograms } from '../../bench/programs.ts'

describe('Processes', () => {
  const processes = new Processes()
  after(() => processes.stopAll())

  it('gives what a command printed', async () => {
    const output = await processes.run('shell', 'sh', ['-c', 'echo out; echo err >&2'], 5000)
    assert.deepEqual(output, { stdout: 'out\n', stderr: 'err\n' })
  })

  it('rejects with the exit code and what the command said when it fails', async () => {
    const running = processes.run('shell', 'sh', ['-c', 'echo why >&2; exit 3'], 5000)
    await assert.rejects(running, { message: 'shell failed (exit code 3): why' })
  })

  it('kills a command that hangs', async () => {
    await assert.rejects(processes.run('sleeper', 'sleep', ['60'], 100), {
      message: 'sleeper failed (no end within 0.1 s): it said nothing',
    })
  })

  it('says that a program cannot be started', async () => {
    const running = processes.run('ghost', '/nonexistent/ghost', [], 5000)
    await assert.rejects(running, { name: 'TaxirankError', message: /ghost cannot be started/ })
  })

  it('keeps libpq variables from the children', async () => {
    process.env['PGOPTIONS'] = '-c bad=1'
    after(() => delete process.env['PGOPTIONS'])
    const output = await processes.run('shell', 'sh', ['-c', 'echo "[$PGOPTIONS]"'], 5000)
    assert.equal(output.stdout, '[]\n')
  })

  it('tells how a service ended', async () => {
    const service = await processes.startService('service', 'sh', ['-c', 'echo last words >&2; exit 7'])
    await service.stop()
    assert.throws(() => service.assertRunning(), { message: /^service ended \((exit code 7|SIGTERM)\): / })
  })

  it('stops its services, and starts nothing afterwards', async () => {
    const ours = new Processes()
    const service = await ours.startService('service', 'sleep', ['60'])
    service.assertRunning()
    await ours.stopAll()
    assert.throws(() => process.kill(service.pid, 0), { code: 'ESRCH' })
    assert.equal(ours.stopping.aborted, true)
    await assert.rejects(ours.run('late', 'true', [], 1000), { message: /the benchmark is stopping/ })
  })
})

describe('a killed benchmark', () => {
  it('takes the services along that had not ended, and only those', async () => {
    const file = fileURLToPath(new URL('../../bench/processes.ts', import.meta.url))
    const script = `
      const { Processes } = await import(${JSON.stringify(file)})
      const processes = new Processes()
      await processes.run('short', 'true', [], 1000)
      const { pid } = await processes.startService('service', 'sleep', ['60'])
      console.log(pid)`
    const killed = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(killed.stdout, 'data')) as [Buffer]
    const pid = Number(line.toString())
    assert.ok(isRunning(pid))
    killed.kill('SIGKILL')
    await once(killed, 'close')
    await untilGone(pid)
  })
})

/** Returns when the process has ended, reaped or not; the test's own limit ends the waiting. */
async function untilGone(pid: number): Promise<void> {
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 10))
}

function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

describe('findPrograms', () => {
  const processes = new Processes()
  after(() => processes.stopAll())

  it('says which program is missing, and how to name it', async () => {
    await assert.rejects(findPrograms(processes, { PGBENCH: 'true', PGBOUNCER: '/nonexistent/pgbouncer' }), {
      name: 'TaxirankError',
      message: /^PGBOUNCER=\/nonexistent\/pgbouncer does not run: install it, or set PGBOUNCER=\/path\/to\/pgbouncer/,
    })
  })
})
