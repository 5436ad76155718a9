/** Starts the poolers in front of one PostgreSQL, with the same settings. */

import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { certificateFile, keyFile } from './certificate.ts'
import { projectRoot } from './machine.ts'
import { findFreePort, type Processes, type Service } from './processes.ts'
import { scramPassword, scramSecret } from './scram.ts'

/** One of them, in front of PostgreSQL. Its process may change, its port does not. */
export interface Pooler extends Service {
  readonly port: number
  /** Starts it again with the same configuration, once its process has ended. */
  startAgain(): Promise<void>
}

/** Taxirank, or one of its peers. */
export type PoolerName = 'pgbouncer' | 'allow' | 'taxirank'

/** What all are told. */
export const poolerSettings = {
  listen_addr: '127.0.0.1',
  unix_socket_dir: '',
  pool_mode: 'transaction',
  default_pool_size: 20,
  max_client_conn: 2000,
  auth_type: 'trust',
  log_connections: 0,
  log_disconnections: 0,
}

export type SetupName = 'plain' | 'prepared' | 'track' | 'parameters' | 'tls' | 'scram' | 'many'

/** What a row needs the poolers to be told beside, or in place of, the settings above. */
export interface Setup {
  readonly settings: Readonly<Record<string, string | number>>
  /** The line of auth_file. */
  readonly user: string
}

/** How far away PostgreSQL is, one way, by a relay before it. Elsewhere there is none. */
export const delaysMs: Readonly<Partial<Record<SetupName, number>>> = { parameters: 1 }

const plain: Setup = { settings: {}, user: '"postgres" ""' }

/** `dir` holds the certificate and its key. */
export function setupOf(name: SetupName, dir: string): Setup {
  switch (name) {
    case 'plain':
      return plain
    case 'parameters': // So few that what they wait for the network is the limit, and not two cores.
      return { ...plain, settings: { default_pool_size: 5 } }
    case 'prepared':
      return { ...plain, settings: { max_prepared_statements: 200 } }
    case 'track':
      return { ...plain, settings: { session_state: 'track' } }
    case 'many':
      return { ...plain, settings: { max_client_conn: 12_000 } }
    case 'tls': {
      const client_tls_cert_file = join(dir, certificateFile)
      const client_tls_key_file = join(dir, keyFile)
      const settings = { client_tls_sslmode: 'require', client_tls_cert_file, client_tls_key_file }
      return { ...plain, settings }
    }
    case 'scram':
      return { ...plain, settings: { auth_type: 'scram-sha-256' }, user: `"postgres" "${scramSecret(scramPassword)}"` }
  }
}

const startLimitMs = 10_000
const taxirank = join(projectRoot, 'bin/taxirank')

/** Starts PgBouncer with its configuration in `dir`, which who it becomes must be able to read. */
export async function startPgBouncer(
  processes: Processes,
  program: { readonly name: string; readonly command: string },
  place: PoolerPlace,
): Promise<Pooler> {
  return startPooler(processes, program, place)
}

/** Taxirank that lets what clients set stay on the server, as PgBouncer does. */
export async function startAllowing(processes: Processes, place: PoolerPlace): Promise<Pooler> {
  const settings = { ...place.setup.settings, session_state: 'allow' }
  const program = { name: 'Taxirank with session_state = allow', command: taxirank }
  return startPooler(processes, program, { ...place, setup: { ...place.setup, settings } })
}

export async function startTaxirank(processes: Processes, place: PoolerPlace): Promise<Pooler> {
  return startPooler(processes, { name: 'Taxirank', command: taxirank }, place)
}

export interface PoolerPlace {
  readonly dir: string
  readonly databasePort: number
  readonly setup: Setup
  /** Given all that it says on stderr. */
  readonly hear?: (text: string) => void
}

async function startPooler(
  processes: Processes,
  { name, command }: { readonly name: string; readonly command: string },
  { dir, databasePort, setup, hear }: PoolerPlace,
): Promise<Pooler> {
  const port = await findFreePort()
  const file = writeConfiguration(dir, port, databasePort, setup)
  const start = async () => listening(await processes.startService(name, command, [...becomes(), file], hear), port)
  let service = await start()
  return {
    name,
    port,
    get pid() {
      return service.pid
    },
    get ended() {
      return service.ended
    },
    assertRunning: () => service.assertRunning(),
    stop: () => service.stop(),
    startAgain: async () => {
      await service.ended
      service = await start()
    },
  }
}

/** Neither runs as root: PgBouncer refuses to, and both become `nobody`. */
function becomes(): string[] {
  return process.getuid?.() === 0 ? ['-u', 'nobody'] : []
}

/** The configuration file's text. */
export function configurationText(port: number, databasePort: number, authFile: string, setup: Setup): string {
  const settings = { ...poolerSettings, ...setup.settings, listen_port: port, auth_file: authFile }
  return [
    '[databases]',
    `postgres = host=127.0.0.1 port=${databasePort} dbname=postgres`,
    '[pgbouncer]',
    ...Object.entries(settings).map(([name, value]) => `${name} = ${value}`),
    '',
  ].join('\n')
}

function writeConfiguration(dir: string, port: number, databasePort: number, setup: Setup): string {
  chmodSync(dir, 0o755)
  const file = join(dir, `${port}.ini`)
  const authFile = join(dir, `${port}.users`)
  writeFileSync(authFile, `${setup.user}\n`, { mode: 0o644 })
  writeFileSync(file, configurationText(port, databasePort, authFile, setup), { mode: 0o644 })
  return file
}

/** Resolves when the port accepts connections; rejects when the process ends before, or takes too long. */
export async function listening(service: Service, port: number): Promise<Service> {
  const deadline = performance.now() + startLimitMs
  while (!(await accepts(port))) {
    service.assertRunning()
    if (performance.now() > deadline) {
      throw new Error(`${service.name} does not accept connections on port ${port} after ${startLimitMs / 1000} s`)
    }
    await sleep(50)
  }
  return service
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
