/** `taxirank start`: a PostgreSQL of its own behind a transaction pooler, for whoever wants to try one. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { startPostgres } from '../embedded/postgres.ts'
import { sampleSql } from '../embedded/sample.ts'
import type { Config } from '../config/config.ts'
import { parseConfig } from '../config/parse-config.ts'
import { Log } from '../log.ts'
import { listen } from '../net/listen.ts'
import { nobody } from '../net/socket.ts'
import type { StartCommand } from './arguments.ts'
import { endOnUncaught } from './failure.ts'
import { checkDescriptors, descriptorLimit, otherDescriptors } from './limits.ts'
import { serveConfig } from './serve-config.ts'
import { stoppedBySignal } from './signals.ts'

const host = '127.0.0.1'
const defaultDataDir = '.taxirank/data'
const poolSize = 20
const mostClients = 1_000
const fewestClients = 50
const recordingEntries = 100_000
/** Ctrl-C reaches us twice when npm stands between: from the terminal and from npm. That is one wish, not two. */
const echoMs = 300
/** What drivers send without being asked, and what a session can do without. */
const ignoredStartupParameters = 'extra_float_digits'

/** Resolves with the exit code when a signal has stopped both. */
export async function runStart(command: StartCommand): Promise<number> {
  const log = new Log((line) => process.stderr.write(line))
  endOnUncaught(log)
  const limit = descriptorLimit(readText)
  const maxClients = Math.min(mostClients, Math.max(limit - poolSize - poolSize - otherDescriptors, fewestClients))
  checkDescriptors({ clients: maxClients, servers: poolSize }, limit)
  // Before a PostgreSQL is made.
  listen({ host, port: command.port }, () => nobody).stop()
  const dataDir = resolve(command.dataDir ?? defaultDataDir)
  const abort = new AbortController()
  const giveUp = (): void => abort.abort(new Error('stopped while starting'))
  process.once('SIGINT', giveUp).once('SIGTERM', giveUp)
  const postgres = await startPostgres({ dataDir, firstSql: sampleSql, log, signal: abort.signal })
  try {
    const pooler = await serveConfig(configOf(command, postgres.port, maxClients), {
      log,
      readFile: readText,
      isOpenToAll: true,
    })
    process.off('SIGINT', giveUp).off('SIGTERM', giveUp)
    const stopped = stoppedBySignal(process, pooler, log, echoMs)
    process.stdout.write(greeting(pooler.port, postgres.version, dataDir, pooler.monitorUrl ?? ''))
    await Promise.race([stopped, pooler.ended])
  } finally {
    await postgres.stop()
  }
  log.info('stopped')
  return 0
}

function readText(path: string): string {
  return readFileSync(path, 'utf8')
}

/** What `taxirank start` does, as a configuration file would say it. */
function configOf(command: StartCommand, postgresPort: number, maxClients: number): Config {
  const lines = [
    '[databases]',
    `* = host=${host} port=${postgresPort}`,
    '[pgbouncer]',
    `listen_addr = ${host}`,
    `listen_port = ${command.port}`,
    'listen_backlog = 512',
    'unix_socket_dir =',
    `http_addr = ${host}`,
    `http_port = ${command.httpPort}`,
    'auth_type = trust',
    'admin_users = postgres',
    'pool_mode = transaction',
    `default_pool_size = ${poolSize}`,
    `max_client_conn = ${maxClients}`,
    `ignore_startup_parameters = ${ignoredStartupParameters}`,
    'server_tls_sslmode = disable',
    'server_login_retry = 1',
    `recording_entries = ${recordingEntries}`,
    'log_connections = 0',
    'log_disconnections = 0',
    'log_stats = 0',
    ...(command.traceFile === undefined ? [] : [`trace_file = ${command.traceFile}`]),
  ]
  return parseConfig('taxirank start', () => lines.join('\n'))
}

function greeting(port: number, version: string, dataDir: string, page: string): string {
  const line = (database: string): string => `  psql "host=${host} port=${port} user=postgres dbname=${database}"\n`
  return (
    `\nTaxirank listens on ${host}:${port}: a transaction pool of ${poolSize} in front of PostgreSQL ${version}.\n` +
    `Data in ${dataDir}.\n\n` +
    `Try it:\n${line('postgres')}\nThe console (SHOW POOLS, SHOW VERSION):\n${line('pgbouncer')}\n` +
    `The page with the pools, and /metrics: ${page}\n` +
    `How many connections are right, once something runs:\n` +
    `  bin/taxirank advise postgres://postgres@${host}:${port}/postgres --pooler ${page.replace(/\/$/, '')}\n` +
    `Ctrl-C drains and stops.\n\n`
  )
}
