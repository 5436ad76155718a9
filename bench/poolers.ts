/** Starts the two poolers in front of one PostgreSQL, with the same settings. */

import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { projectRoot } from './machine.ts'
import { findFreePort, type Processes, type Service } from './processes.ts'

export interface Pooler extends Service {
  readonly port: number
}

/** What both are told. */
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

const startLimitMs = 10_000

/** Starts PgBouncer. It refuses to run as root: then it becomes `nobody`, as whom it must be able to read `dir`. */
export async function startPgBouncer(
  processes: Processes,
  program: { readonly name: string; readonly command: string },
  dir: string,
  databasePort: number,
): Promise<Pooler> {
  const port = await findFreePort()
  const file = writeConfiguration(dir, port, databasePort)
  return listening(await processes.startService(program.name, program.command, [...becomes(), file]), port)
}

/** Neither runs as root. */
function becomes(): string[] {
  return process.getuid?.() === 0 ? ['-u', 'nobody'] : []
}

export async function startTaxirank(processes: Processes, dir: string, databasePort: number): Promise<Pooler> {
  const port = await findFreePort()
  const file = writeConfiguration(dir, port, databasePort)
  const launcher = join(projectRoot, 'bin/taxirank')
  return listening(await processes.startService('Taxirank', launcher, [...becomes(), file]), port)
}

/** The configuration file's text. */
export function configurationText(port: number, databasePort: number, authFile: string): string {
  const settings = Object.entries({ ...poolerSettings, listen_port: port, auth_file: authFile })
  return [
    '[databases]',
    `postgres = host=127.0.0.1 port=${databasePort} dbname=postgres`,
    '[pgbouncer]',
    ...settings.map(([name, value]) => `${name} = ${value}`),
    '',
  ].join('\n')
}

function writeConfiguration(dir: string, port: number, databasePort: number): string {
  chmodSync(dir, 0o755)
  const file = join(dir, `${port}.ini`)
  const authFile = join(dir, `${port}.users`)
  writeFileSync(authFile, '"postgres" ""\n', { mode: 0o644 })
  writeFileSync(file, configurationText(port, databasePort, authFile), { mode: 0o644 })
  return file
}

/** Resolves when the port accepts connections; rejects when the process ends before, or takes too long. */
async function listening(service: Service, port: number): Promise<Pooler> {
  const deadline = performance.now() + startLimitMs
  while (!(await accepts(port))) {
    service.assertRunning()
    if (performance.now() > deadline) {
      throw new Error(`${service.name} does not accept connections on port ${port} after ${startLimitMs / 1000} s`)
    }
    await sleep(50)
  }
  return { ...service, port }
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
