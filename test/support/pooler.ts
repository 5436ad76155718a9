/**
 * Poolers for end-to-end tests: in this process, on free ports, with short limits, and each with a trace that the checker
 * reads when the test file is done.
 */

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPooler, type ServedPooler } from '../../src/cli/serve-pooler.ts'
import type { StopMode } from '../../src/cli/signals.ts'
import { freePort } from '../../src/embedded/free-port.ts'
import { Log } from '../../src/log.ts'
import type { Database, PoolerOptions } from '../../src/pooler/pooler.ts'
import { RawClient } from './raw-client.ts'

const checker = join(import.meta.dirname, '../checker/main.ts')

export interface TestPoolerOptions extends Partial<Omit<PoolerOptions, 'databases' | 'databaseTemplate'>> {
  readonly poolSize?: number
  readonly database?: Partial<Database>
}

/** A running pooler and what it has logged. */
export interface TestPooler {
  readonly port: number
  readonly logged: readonly string[]
  stop(mode?: StopMode): Promise<void>
  /** A client that has logged in. */
  login(parameters?: Readonly<Record<string, string>>): Promise<RawClient>
  /** Waits until that many clients wait for a server. */
  queues(clients: number): Promise<void>
}

const shortLimits = {
  maxClients: 500,
  ignoredStartupParameters: new Set(['extra_float_digits']),
  logs: { connections: true, disconnections: true, errors: true },
  clientLoginTimeoutMs: 3_000,
  queryWaitTimeoutMs: 5_000,
  serverConnectTimeoutMs: 3_000,
  serverLoginRetryMs: 200,
  cancelWaitTimeoutMs: 3_000,
  settleTimeoutMs: 1_500,
  halfMessageTimeoutMs: 3_000,
}

/** The poolers of one test file. `postgresPort` is asked at each start. */
export class TestPoolers {
  readonly #postgresPort: () => number
  readonly #folder = mkdtempSync(join(tmpdir(), 'taxirank-trace-'))
  readonly #running: ServedPooler[] = []
  readonly #traces: string[] = []

  constructor(postgresPort: () => number) {
    this.#postgresPort = postgresPort
  }

  async start({ poolSize = 1, database, ...limits }: TestPoolerOptions = {}): Promise<TestPooler> {
    const traceFile = join(this.#folder, `${this.#traces.length + 1}.trace`)
    const logged: string[] = []
    const address = { host: '127.0.0.1', port: this.#postgresPort() }
    const served = await startPooler(
      {
        pooler: {
          ...shortLimits,
          ...limits,
          databases: new Map(),
          databaseTemplate: { address, poolSize, ...database },
        },
        listenAddresses: ['127.0.0.1'],
        port: 0,
        backlog: 512,
        consoleUsers: { admins: new Set(['postgres']), stats: new Set() },
        traceFile,
      },
      new Log((line) => logged.push(line)),
    )
    this.#running.push(served)
    this.#traces.push(traceFile)
    return {
      port: served.port,
      logged,
      stop: (mode = 'immediate') => served.stop(mode),
      login: (parameters) => RawClient.login(served.port, parameters),
      queues: (clients) => queues(served.port, clients),
    }
  }

  /** Stops all of them; the last test of a file is that the checker finds no breach in what they did. */
  async assertNoBreach(): Promise<void> {
    await Promise.all(this.#running.map((pooler) => pooler.stop('immediate')))
    const reports = await Promise.all(this.#traces.map(check))
    assert.deepEqual(reports.filter(Boolean), [])
  }

  async remove(): Promise<void> {
    await Promise.all(this.#running.map((pooler) => pooler.stop('immediate')))
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** What the checker says about a trace with breaches; nothing for a clean one. */
async function check(trace: string): Promise<string> {
  const child = Bun.spawn([process.execPath, checker, trace], { stdout: 'pipe', stderr: 'pipe' })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return (await child.exited) === 0 ? '' : `${trace}\n${out}${err}`
}

async function queues(port: number, clients: number): Promise<void> {
  const admin = await RawClient.login(port, { database: 'pgbouncer' })
  await eventually(`${clients} clients wait`, async () => {
    const pools = await admin.rows('SHOW POOLS')
    return pools.reduce((sum, pool) => sum + Number(pool['cl_waiting']), 0) === clients
  })
  admin.leave()
}

/** Waits until `isTrue`, asking every few milliseconds. */
export async function eventually(
  what: string,
  isTrue: () => Promise<boolean> | boolean,
  limitMs = 3_000,
): Promise<void> {
  const end = performance.now() + limitMs
  while (!(await isTrue())) {
    assert.ok(performance.now() < end, `${what} within ${limitMs} ms`)
    await Bun.sleep(5)
  }
}

/** A pooler in a process of its own and without a trace, to watch its memory, or to stop it. */
export interface PoolerProcess {
  readonly port: number
  /** Resident, in MB. */
  memory(): number
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
  stop(): Promise<void>
}

/** `settings`: lines of the section `[pgbouncer]`. */
export async function startPoolerProcess(
  postgresPort: number,
  settings: readonly string[] = ['default_pool_size = 2'],
): Promise<PoolerProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'taxirank-ini-'))
  const port = await freePort()
  const ini = join(folder, 'pooler.ini')
  const lines = [
    '[databases]',
    `* = host=127.0.0.1 port=${postgresPort} user=postgres`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'pool_mode = transaction',
    'auth_type = any',
    'max_client_conn = 500',
    ...settings,
  ]
  writeFileSync(ini, lines.join('\n'))
  const child = Bun.spawn([process.execPath, join(import.meta.dirname, 'pooler-process.ts'), ini], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { value } = await child.stdout.getReader().read()
  assert.equal(new TextDecoder().decode(value), `listening ${port}\n`)
  return {
    port,
    memory: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024,
    signal: (name) => child.kill(name),
    stop: async () => {
      child.kill('SIGCONT')
      child.kill('SIGQUIT')
      await child.exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
