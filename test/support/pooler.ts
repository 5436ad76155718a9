/**
 * Poolers for end-to-end tests: in this process, on free ports, with short limits, and each with a trace that the checker
 * reads when the test file is done.
 */

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MadeUpSecrets } from '../../src/auth/made-up-secrets.ts'
import type { ClientEncryption } from '../../src/client/client.ts'
import type { AcceptingTls } from '../../src/net/tls.ts'
import { startPooler, type ServedPooler } from '../../src/cli/serve-pooler.ts'
import type { StopMode } from '../../src/cli/signals.ts'
import { versionLine } from '../../src/cli/version.ts'
import type { ProcessControl } from '../../src/console/process-control.ts'
import { freePort } from '../../src/embedded/free-port.ts'
import { Log } from '../../src/log.ts'
import type { PoolerFigures, PoolerVerbs } from '../../src/pooler/figures.ts'
import type { Database, PoolerOptions } from '../../src/pooler/pooler.ts'
import type { NetworkSettings } from '../../src/server/network.ts'
import type { ServerAddress } from '../../src/server/target.ts'
import { RawClient } from './raw-client.ts'

const checker = join(import.meta.dirname, '../checker/main.ts')

export interface TestPoolerOptions extends Partial<Omit<PoolerOptions, 'databases' | 'databaseTemplate'>> {
  readonly poolSize?: number
  readonly queryWaitTimeoutMs?: number
  /** What `*` is. */
  readonly database?: TestDatabase
  /** Others, by name. */
  readonly databases?: Readonly<Record<string, TestDatabase>>
  readonly network?: NetworkSettings
  readonly clientTls?: AcceptingTls | undefined
  readonly clientEncryption?: ClientEncryption
  /** There is no `*`. */
  readonly isWithoutTemplate?: boolean
}

/** `address`: the only one; PostgreSQL's, if nothing is said. */
export interface TestDatabase extends Partial<Database> {
  readonly address?: ServerAddress
}

/** A running pooler and what it has logged. */
export interface TestPooler {
  readonly port: number
  readonly logged: readonly string[]
  readonly verbs: PoolerVerbs
  readonly figures: PoolerFigures
  /** A reload: what isn't said is as at the start. */
  reload(options: TestPoolerOptions): void
  stop(mode?: StopMode): Promise<void>
  /** A client that has logged in. */
  login(parameters?: Readonly<Record<string, string>>): Promise<RawClient>
  /** Waits until that many clients wait for a server. */
  queues(clients: number): Promise<void>
}

/** What poolers of tests are told, where nothing else is. */
export const shortLimits: Omit<PoolerOptions, 'databases' | 'databaseTemplate'> = {
  authentication: { method: 'trust', madeUp: new MadeUpSecrets(4_096) },
  authQueryTimeoutMs: 2_000,
  isTlsRequired: false,
  serverEncryption: { mode: 'disable' },
  serverEncryptionId: '',
  maxClients: 500,
  ignoredStartupParameters: new Set(['extra_float_digits']),
  logs: { connections: true, disconnections: true, errors: true, stats: true },
  clientLoginTimeoutMs: 3_000,
  serverConnectTimeoutMs: 3_000,
  serverLoginRetryMs: 200,
  cancelWaitTimeoutMs: 3_000,
  settleTimeoutMs: 1_500,
  halfMessageTimeoutMs: 3_000,
  userOptions: new Map(),
  maxUserServers: 0,
  maxUserClients: 0,
  reserveAfterMs: 100,
  isServerRoundRobin: false,
  serverIdleTimeoutMs: 0,
  autodbIdleTimeoutMs: 0,
  poolIdleTimeoutMs: 0,
  statsPeriodMs: 60_000,
  suspendTimeoutMs: 2_000,
}

const usual = {
  minPoolSize: 0,
  reservePoolSize: 0,
  serverLifetimeMs: 3_600_000,
  maxServers: 0,
  maxClients: 0,
}

export const plainNetwork: NetworkSettings = {
  dns: { maxTtlMs: 15_000, nxdomainTtlMs: 15_000, timeoutMs: 1_000 },
  socketOptions: {},
  maxDescriptor: Infinity,
}

/** These tests have no configuration to show or change. */
const noControl: ProcessControl = {
  version: versionLine,
  settings: () => [],
  memory: () => [],
  reload: () => undefined,
  set: () => undefined,
  shutdown: () => undefined,
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

  async start(options: TestPoolerOptions = {}): Promise<TestPooler> {
    const traceFile = join(this.#folder, `${this.#traces.length + 1}.trace`)
    const logged: string[] = []
    const served = await startPooler(
      {
        pooler: this.#optionsFrom(options),
        listeners: [{ host: '127.0.0.1', port: 0, deferAccept: true }],
        network: options.network ?? plainNetwork,
        clientEncryption: options.clientEncryption ?? (() => options.clientTls),
        consoleUsers: () => ({ admins: new Set(['postgres']), stats: new Set() }),
        control: noControl,
        traceFile,
      },
      new Log((line) => logged.push(line)),
    )
    this.#running.push(served)
    this.#traces.push(traceFile)
    return {
      port: served.port,
      logged,
      verbs: served.pooler.verbs,
      figures: served.pooler.figures,
      reload: (changed) => served.pooler.reconfigure(this.#optionsFrom(changed)),
      stop: (mode = 'immediate') => served.stop(mode),
      login: (parameters) => RawClient.login(served.port, parameters),
      queues: (clients) => queues(served.port, clients),
    }
  }

  #optionsFrom({
    poolSize = 1,
    queryWaitTimeoutMs = 5_000,
    database = {},
    databases = {},
    isWithoutTemplate = false,
    ...limits
  }: TestPoolerOptions): PoolerOptions {
    const usualAddress = { host: '127.0.0.1', port: this.#postgresPort() }
    const from = ({ address = usualAddress, ...said }: TestDatabase): Database => ({
      ...usual,
      poolSize,
      queryWaitTimeoutMs,
      addresses: [address],
      ...said,
    })
    return {
      ...shortLimits,
      ...limits,
      databases: new Map(Object.entries(databases).map(([name, said]) => [name, from(said)])),
      ...(!isWithoutTemplate && { databaseTemplate: from(database) }),
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

/** A pooler in a process of its own and without a trace, to watch it from outside, to send it signals, or to kill it. */
export interface PoolerProcess {
  readonly port: number
  /** Files that settings name can lie here; it is removed by `stop`. */
  readonly folder: string
  /** With its exit code, or 128 and the number of the signal that killed it. */
  readonly exited: Promise<number>
  /** Resident, in MB. */
  memory(): number
  /** Of all its threads, since its start. */
  cpuMs(): number
  signal(name: NodeJS.Signals): void
  /** Writes the ini anew; SIGHUP makes it read. */
  configure(settings: readonly string[]): void
  /** What is in its log; nothing if a setting says that the log is elsewhere. */
  log(): string
  stop(): Promise<void>
}

export interface PoolerProcessOptions {
  /** Absent: a free one. */
  readonly port?: number
  /** Shell commands before it starts, such as `ulimit -n 100`. */
  readonly limits?: string
}

/** `settings`: lines of the section `[pgbouncer]`. They may name files in `$folder`. */
export async function startPoolerProcess(
  postgresPort: number,
  settings: readonly string[] = ['default_pool_size = 2'],
  options: PoolerProcessOptions = {},
): Promise<PoolerProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'taxirank-ini-'))
  const port = options.port ?? (await freePort())
  const ini = join(folder, 'pooler.ini')
  const log = join(folder, 'log')
  const configure = (said: readonly string[]): void => {
    const usualLog = said.some((line) => line.startsWith('logfile')) ? [] : [`logfile = ${log}`]
    const lines = [...usualSettings(postgresPort, port), ...usualLog, ...said]
    writeFileSync(ini, lines.join('\n').replaceAll('$folder', folder))
  }
  configure(settings)
  const command = `${options.limits ?? ':'} && exec "$0" "$@"`
  const program = join(import.meta.dirname, 'pooler-process.ts')
  const child = Bun.spawn(['sh', '-c', command, process.execPath, program, ini], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { value } = await child.stdout.getReader().read()
  assert.equal(new TextDecoder().decode(value), `listening ${port}\n`)
  const readStat = (name: string): string => readFileSync(`/proc/${child.pid}/${name}`, 'utf8')
  return {
    port,
    folder,
    exited: child.exited,
    memory: () => Number(/VmRSS:\s+(\d+)/.exec(readStat('status'))?.[1]) / 1024,
    cpuMs: () => cpuMsOf(readStat('stat')),
    signal: (name) => child.kill(name),
    configure,
    log: () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
    stop: async () => {
      child.kill('SIGCONT')
      child.kill('SIGQUIT')
      await child.exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function usualSettings(postgresPort: number, port: number): string[] {
  return [
    '[databases]',
    `* = host=127.0.0.1 port=${postgresPort} user=postgres`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'pool_mode = transaction',
    'auth_type = any',
    'max_client_conn = 500',
  ]
}

/** Fields 14 and 15 of /proc/PID/stat, in hundredths of a second; the name before them is in parentheses. */
function cpuMsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}
