/** The lab's own processes, from its side: a pooler for an experiment, and the janitor. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from '../embedded/free-port.ts'
import { TaxirankError } from '../errors.ts'
import type { Janitor } from '../lab/lab-database.ts'
import { type PoolerRequest, poolerUser, type RunningPooler } from '../lab/pooler-request.ts'
import { urlOf } from '../lab/target.ts'
import { type LabAnswer, type LabOrder, labUsersName } from './lab-child.ts'
import { labChildName } from './lab-command.ts'
import { ownProgram } from './own-program.ts'

const host = '127.0.0.1'
const diedStarting = {
  name: 'failed',
  code: 'bad_configuration',
  message: 'the pooler of the lab ended while it started',
} as const satisfies LabAnswer
const recordingEntries = 1_000_000

/** It lives as long as the channel to it. A session of its own: the terminal's Ctrl-C is for us alone. */
function startChild(): ChildProcess {
  const { command, args } = ownProgram([labChildName])
  return spawn(command, args, { detached: true, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
}

function order(child: ChildProcess, message: LabOrder): void {
  if (child.connected) child.send(message)
}

export async function startLabPooler(request: PoolerRequest): Promise<RunningPooler> {
  const port = await freePort()
  const httpPort = request.isMonitored ? await freePort() : undefined
  const child = startChild()
  const ended = once(child, 'exit')
  order(child, { name: 'serve', config: configurationOf(request, port, httpPort), users: usersOf(request) })
  const answered = once(child, 'message').then(([message]) => message as LabAnswer)
  const answer = await Promise.race([answered, ended.then(() => diedStarting)])
  if (answer.name === 'failed') {
    if (child.connected) child.disconnect()
    throw new TaxirankError(answer.code, answer.message)
  }
  const stop = async (): Promise<void> => {
    if (child.connected) child.disconnect()
    await ended
  }
  return { port: answer.port, httpPort, pid: child.pid ?? 0, stop }
}

/** What the lab asks for, as a configuration file would say it. */
export function configurationOf(request: PoolerRequest, port: number, httpPort: number | undefined): string {
  const { target, databases, maxClients, queryWaitTimeoutMs } = request
  const place = [
    `host=${quoted(target.host)} port=${target.port} dbname=${quoted(target.database)} user=${quoted(target.user)}`,
    ...(target.password === undefined ? [] : [`password=${quoted(target.password)}`]),
  ].join(' ')
  return [
    '[databases]',
    ...databases.map(({ name, mode, size }) => `${name} = ${place} pool_mode=${mode} pool_size=${size}`),
    '[pgbouncer]',
    `listen_addr = ${host}`,
    `listen_port = ${port}`,
    'listen_backlog = 4096',
    'unix_socket_dir =',
    ...(httpPort === undefined ? [] : [`http_addr = ${host}`, `http_port = ${httpPort}`]),
    ...(request.password === undefined ? ['auth_type = any'] : ['auth_type = plain', `auth_file = ${labUsersName}`]),
    `admin_users = ${poolerUser}`,
    `max_client_conn = ${maxClients}`,
    `query_wait_timeout = ${Math.ceil(queryWaitTimeoutMs / 1_000)}`,
    'ignore_startup_parameters = extra_float_digits',
    `server_tls_sslmode = ${target.sslMode}`,
    ...(target.sslRootFile === undefined ? [] : [`server_tls_ca_file = ${target.sslRootFile}`]),
    'server_login_retry = 1',
    `recording_entries = ${request.isMonitored ? recordingEntries : 0}`,
    'log_connections = 0',
    'log_disconnections = 0',
    'log_stats = 0',
    '',
  ].join('\n')
}

/** As auth_file has it. */
export function usersOf({ password }: PoolerRequest): string {
  return password === undefined ? '' : `"${poolerUser}" "${password}"\n`
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

/** Who cleans up when we no longer can. */
export interface LabJanitor extends Janitor {
  /** We are done. `isClean`: there is nothing left to do for it; otherwise it looks. */
  dismiss(isClean: boolean): void
}

export function startJanitor(): LabJanitor {
  const child = startChild()
  return {
    keepFolder: (folder) => order(child, { name: 'keep folder', folder }),
    keepSchema: (target) => order(child, { name: 'keep schema', url: urlOf(target) }),
    dismiss: (isClean) => {
      if (isClean) order(child, { name: 'forget' })
      if (child.connected) child.disconnect()
    },
  }
}
