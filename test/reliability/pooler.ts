/** Either pooler as a process of its own, told the same settings in the same file. */

import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { projectRoot } from '../../bench/machine.ts'
import type { Processes, Service } from '../../bench/processes.ts'
import { freePort } from '../../src/embedded/free-port.ts'
import { canaryDatabases, canaryUsers } from '../canary/database.ts'
import { RawClient } from '../support/raw-client.ts'
import type { SecretSearch } from '../support/secret-search.ts'
import { findProgram } from '../support/tools.ts'
import type { Side } from './row.ts'

export interface PoolerSettings {
  /** Settings of the section [pgbouncer], beside the ones below or in their place. */
  readonly settings?: Readonly<Record<string, string | number>>
  /** What stands behind a database's connection string. */
  readonly database?: string
  /** Lines of auth_file. */
  readonly users?: readonly string[]
  /** Run by sh before the pooler takes its place: a limit, a redirection. */
  readonly prelude?: string
}

const usual = {
  listen_addr: '127.0.0.1',
  unix_socket_dir: '',
  pool_mode: 'transaction',
  auth_type: 'trust',
  admin_users: 'postgres',
  default_pool_size: 5,
  max_client_conn: 1000,
  log_connections: 0,
  log_disconnections: 0,
}

/** What PgBouncer 1.18 has not: a NOTICE to who waits, which the canary would take for an answer; and metrics. */
const onlyOurs = { query_wait_notify: 0, http_addr: '127.0.0.1' }

const startLimitMs = 10_000

export interface Place {
  readonly folder: string
  readonly serverPort: number
  readonly secrets: SecretSearch
}

/** One pooler. Its process may be started again, on the same port. */
export class PoolerUnderTest {
  readonly host = '127.0.0.1'
  readonly port: number
  /** Of Taxirank's metrics. */
  readonly httpPort: number
  readonly #said: readonly string[]
  readonly #start: () => Promise<Service>
  readonly #file: string
  readonly #text: (changes: PoolerSettings) => string
  #service: Service

  private constructor(
    [port, httpPort]: readonly [number, number],
    file: string,
    text: (changes: PoolerSettings) => string,
    first: Service,
    start: () => Promise<Service>,
    said: readonly string[],
  ) {
    this.port = port
    this.httpPort = httpPort
    this.#said = said
    this.#file = file
    this.#text = text
    this.#service = first
    this.#start = start
  }

  static async start(
    side: Side,
    processes: Processes,
    place: Place,
    options: PoolerSettings,
  ): Promise<PoolerUnderTest> {
    const [port, httpPort] = [await freePort(), await freePort()]
    const file = join(place.folder, `${side}-${port}.ini`)
    const users = join(place.folder, `${side}-${port}.users`)
    writeFileSync(users, `${(options.users ?? trusted(place.secrets)).join('\n')}\n`, { mode: 0o644 })
    const text = (changes: PoolerSettings): string =>
      configuration(
        {
          ...usual,
          ...(side === 'taxirank' ? { ...onlyOurs, http_port: httpPort } : {}),
          ...options.settings,
          ...changes.settings,
          listen_port: port,
          auth_file: users,
        },
        place.serverPort,
        changes.database ?? options.database ?? '',
      )
    writeFileSync(file, text({}), { mode: 0o644 })
    const said: string[] = []
    const hear = (piece: string): void => void said.push(piece)
    const start = (): Promise<Service> => spawn(side, processes, file, port, hear, options.prelude)
    return new PoolerUnderTest([port, httpPort], file, text, await start(), start, said)
  }

  get pid(): number {
    return this.#service.pid
  }

  get ended(): Promise<void> {
    return this.#service.ended
  }

  get isRunning(): boolean {
    try {
      this.#service.assertRunning()
      return true
    } catch {
      return false
    }
  }

  /** All that its processes have said on stderr. */
  get log(): string {
    return this.#said.join('')
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal)
  }

  /** Changes its file; a SIGHUP makes it read it. */
  rewrite(changes: PoolerSettings | string): void {
    writeFileSync(this.#file, typeof changes === 'string' ? changes : this.#text(changes))
  }

  /** Starts it again; its process must have ended. */
  async startAgain(): Promise<void> {
    await this.#service.ended
    this.#service = await this.#start()
  }

  console(): Promise<RawClient> {
    return RawClient.login(this.port, { database: 'pgbouncer' })
  }
}

function trusted({ canaries }: SecretSearch): string[] {
  return ['postgres', ...canaryUsers].map((name) => `"${name}" "${canaries.make(`the password of ${name}`)}"`)
}

function configuration(
  settings: Readonly<Record<string, string | number>>,
  serverPort: number,
  database: string,
): string {
  const databases = ['postgres', ...canaryDatabases].map(
    (name) => `${name} = host=127.0.0.1 port=${serverPort} ${database}`,
  )
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  return ['[databases]', ...databases, '[pgbouncer]', ...lines, ''].join('\n')
}

async function spawn(
  side: Side,
  processes: Processes,
  file: string,
  port: number,
  hear: (text: string) => void,
  prelude = ':',
): Promise<Service> {
  const command = side === 'taxirank' ? join(projectRoot, 'bin/taxirank') : (findProgram('pgbouncer') ?? 'pgbouncer')
  const becomes = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const args = ['-c', `${prelude}; exec "$@"`, 'sh', command, ...becomes, file]
  const service = await processes.startService(side, 'sh', args, hear)
  for (const startMs = performance.now(); !(await accepts(port));) {
    service.assertRunning()
    if (performance.now() - startMs > startLimitMs) throw new Error(`${side} does not accept connections`)
    await sleep(10)
  }
  return service
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (accepted: boolean) => () => {
      socket.destroy()
      resolve(accepted)
    }
    socket.once('connect', end(true)).once('error', end(false))
  })
}
