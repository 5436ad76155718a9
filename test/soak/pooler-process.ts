/** The pooler and the checker of its trace, each in a process of its own, with a named pipe between them. */

import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { canaryDatabases, canaryUsers } from '../canary/database.ts'
import { freePort } from '../../src/embedded/free-port.ts'
import type { SecretSearch } from '../support/secret-search.ts'

const root = join(import.meta.dir, '../..')
const startLimitMs = 20_000
const stopLimitMs = 30_000

export interface PoolerOptions {
  /** For the pipe, the ini and the log. */
  readonly folder: string
  readonly postgresPort: number
  readonly poolSize: number
  readonly maxClients: number
  readonly secrets: SecretSearch
}

export interface Verdict {
  readonly breaches: number
  /** What the checker printed. */
  readonly report: string
  /** What else went wrong when they stopped. */
  readonly problems: readonly string[]
}

export interface PoolerProcess {
  readonly port: number
  /** Of its metrics. */
  readonly httpPort: number
  /** Drains the pooler and waits for the checker's verdict. */
  stop(): Promise<Verdict>
  /** For the way out when something else failed. */
  kill(): void
  /** The pooler's log. */
  log(): string
}

/** Rejects when the pooler does not come to listen in time. */
export async function startPoolerProcess(options: PoolerOptions): Promise<PoolerProcess> {
  const trace = join(options.folder, 'trace')
  const logFile = join(options.folder, 'pooler.log')
  const { exitCode, stderr } = Bun.spawnSync(['mkfifo', '-m', '600', trace])
  if (exitCode !== 0) throw new Error(`mkfifo ${trace}: ${stderr.toString()}`)
  const checker = Bun.spawn([process.execPath, 'test/checker/main.ts', trace], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const httpPort = await freePort()
  const pooler = Bun.spawn(
    [process.execPath, 'test/support/pooler-process.ts', await writeIni(options, trace, httpPort)],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', openSync(logFile, 'a')],
    },
  )
  const kill = (): void => {
    pooler.kill('SIGKILL')
    checker.kill('SIGKILL')
  }
  process.once('exit', kill)
  const log = (): string => readFileSync(logFile, 'utf8')
  try {
    const port = await listeningPort(pooler.stdout)
    return { port, httpPort, kill, log, stop: () => stop(pooler, checker) }
  } catch (error) {
    kill()
    throw new Error(`${String(error)}; the end of its log:\n${log().slice(-4000)}`, { cause: error })
  }
}

async function writeIni(options: PoolerOptions, trace: string, httpPort: number): Promise<string> {
  const { canaries } = options.secrets
  const usersFile = join(options.folder, 'users.txt')
  const userLine = (user: string): string => `"${user}" "${canaries.make(`the password of ${user}`)}"\n`
  writeFileSync(usersFile, ['postgres', ...canaryUsers].map(userLine).join(''))
  const databases = canaryDatabases.map(
    (name) => `${name} = host=127.0.0.1 port=${options.postgresPort} password=${canaries.make(`password= of ${name}`)}`,
  )
  const lines = [
    '[databases]',
    ...databases,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${await freePort()}`,
    'auth_type = trust',
    `auth_file = ${usersFile}`,
    'http_addr = 127.0.0.1',
    `http_port = ${httpPort}`,
    'admin_users = postgres',
    'pool_mode = transaction',
    'session_audit_every = 5',
    `default_pool_size = ${options.poolSize}`,
    `max_client_conn = ${options.maxClients}`,
    'query_wait_timeout = 20',
    'server_login_retry = 1',
    `trace_file = ${trace}`,
    'unix_socket_dir =',
  ]
  const file = join(options.folder, 'pooler.ini')
  writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}

async function listeningPort(stdout: ReadableStream<Uint8Array>): Promise<number> {
  const reader = stdout.getReader()
  const decoder = new TextDecoder()
  const timer = setTimeout(() => void reader.cancel(), startLimitMs)
  let text = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) throw new Error(`the pooler did not start within ${startLimitMs} ms, or ended`)
    text += decoder.decode(value, { stream: true })
    const port = /listening (\d+)\n/.exec(text)?.[1]
    if (port === undefined) continue
    clearTimeout(timer)
    return Number(port)
  }
}

type Child = Bun.Subprocess<'ignore', 'pipe', number | 'inherit'>

async function stop(pooler: Child, checker: Child): Promise<Verdict> {
  const problems: string[] = []
  pooler.kill('SIGINT')
  await endOf('the pooler', pooler, problems)
  const [report] = await Promise.all([new Response(checker.stdout).text(), endOf('the checker', checker, [])])
  const breaches = /^(\d+) breaches$/m.exec(report.trim().split('\n').at(-1) ?? '')?.[1]
  if (breaches === undefined) problems.push(`the checker gave no verdict (exit code ${checker.exitCode})`)
  else if ((checker.exitCode === 0) !== (breaches === '0')) problems.push('verdict and exit code of the checker differ')
  return { breaches: Number(breaches ?? 0), report, problems }
}

async function endOf(name: string, child: Child, problems: string[]): Promise<void> {
  const timer = setTimeout(() => {
    problems.push(`${name} did not end within ${stopLimitMs} ms`)
    child.kill('SIGKILL')
  }, stopLimitMs)
  const exitCode = await child.exited
  clearTimeout(timer)
  if (exitCode !== 0) problems.push(`${name} ended with exit code ${exitCode}, signal ${child.signalCode}`)
}
