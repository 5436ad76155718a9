/** The composition root of the pooler: the one place where configuration becomes the options of its parts. */

import { Client } from '../client/client.ts'
import { databaseEntries, databaseFrom as namedDatabase, template } from '../config/config.ts'
import type { Config, DatabaseConfig } from '../config/config.ts'
import { poolSettings } from '../config/precedence.ts'
import { Console } from '../console/console.ts'
import { TaxirankError } from '../errors.ts'
import type { Log } from '../log.ts'
import { listen, type Listener } from '../net/listen.ts'
import { now } from '../net/turn.ts'
import { type Database, type DrainMode, Pooler, type PoolerOptions } from '../pooler/pooler.ts'
import { noTrace } from '../pooler/trace.ts'
import { type JumpCause, RunningClock } from '../time.ts'
import { TraceFile } from '../trace/trace-file.ts'
import type { Stoppable, StopMode } from './signals.ts'
import { versionLine } from './version.ts'

/** Everything a pooler is made of, from whichever command. */
export interface PoolerSetup {
  readonly pooler: PoolerOptions
  readonly listenAddresses: readonly string[]
  /** 0: a free one. */
  readonly port: number
  /** How many connections the kernel queues before they are accepted. */
  readonly backlog: number
  readonly consoleUsers: ReadonlySet<string>
  readonly traceFile: string | undefined
}

export interface ServedPooler extends Stoppable {
  /** The port it listens on. */
  readonly port: number
}

const tickMs = 20
const jumpTexts: Readonly<Record<JumpCause, string>> = {
  stopped: 'the process did not run for a while',
  suspended: 'the wall clock has moved on alone, so the machine was suspended or its clock set',
}

/** A gap of more than this between two ticks is time in which the process did not run. */
const jumpMs = 5_000

/** Starts a pooler as the configuration says. Resolves when it listens. */
export async function servePooler(config: Config, log: Log): Promise<ServedPooler> {
  const { global } = config
  refuseUnwired(config)
  return startPooler(
    {
      pooler: poolerOptions(config),
      listenAddresses: [...new Set(global.listenAddr.map((address) => (address === '*' ? '::' : address)))],
      port: global.listenPort,
      backlog: global.listenBacklog,
      consoleUsers: byteStrings([...global.adminUsers, ...global.statsUsers]),
      traceFile: global.traceFile,
    },
    log,
  )
}

/**
 * Whatever the file may say already and the pooler doesn't do yet, and which would be dangerous to believe in. Throws
 * `bad_configuration`.
 */
function refuseUnwired(config: Config): void {
  const { authType, listenAddr } = config.global
  const refuse = (subject: string, problem: string): never => {
    throw new TaxirankError('bad_configuration', `${config.file}: ${subject}: ${problem} in this version`)
  }
  if (authType !== 'trust' && authType !== 'any') refuse('auth_type', `${authType} is not carried out`)
  if (listenAddr.length === 0) refuse('listen_addr', 'not set, and unix sockets are not carried out')
  for (const [name, database] of databaseEntries(config)) {
    const { mode } = poolSettings(config, database, database.user ?? '')
    if (mode !== 'transaction') refuse(`[databases] ${name}`, `pool_mode ${mode} is not carried out`)
  }
}

/** Limits that have no setting. */
export const fixedLimits = { settleTimeoutMs: 5_000, halfMessageTimeoutMs: 60_000 } as const

function poolerOptions(config: Config): PoolerOptions {
  const { global, databaseTemplate } = config
  const databases = [...config.databases].map(
    ([name, database]) => [bytes(name), databaseFrom(config, database, database.dbname)] as const,
  )
  return {
    databases: new Map(databases),
    ...(databaseTemplate && {
      databaseTemplate: databaseFrom(config, namedDatabase(databaseTemplate, template), databaseTemplate.dbname),
    }),
    ...(config.userlist && global.authType !== 'any' && { users: byteStrings([...config.userlist.keys()]) }),
    maxClients: global.maxClientConn,
    ignoredStartupParameters: new Set(global.ignoreStartupParameters.map((name) => name.toLowerCase())),
    logs: {
      connections: global.logConnections,
      disconnections: global.logDisconnections,
      errors: global.logPoolerErrors,
    },
    clientLoginTimeoutMs: global.clientLoginTimeoutMs,
    queryWaitTimeoutMs: global.queryWaitTimeoutMs,
    serverConnectTimeoutMs: global.serverConnectTimeoutMs,
    serverLoginRetryMs: global.serverLoginRetryMs,
    cancelWaitTimeoutMs: global.cancelWaitTimeoutMs,
    ...fixedLimits,
  }
}

function databaseFrom(config: Config, database: DatabaseConfig, dbname: string | undefined): Database {
  const { applicationName, clientEncoding, datestyle, timezone } = database
  const named = { application_name: applicationName, client_encoding: clientEncoding, DateStyle: datestyle, timezone }
  const parameters = Object.entries(named).flatMap(([name, value]) => (value ? [[name, bytes(value)] as const] : []))
  const { size } = poolSettings(config, database, database.user ?? '')
  return {
    address: { host: database.host[0] ?? config.global.unixSocketDir ?? '', port: database.port },
    ...(dbname !== undefined && { name: bytes(dbname) }),
    ...(database.user !== undefined && { user: bytes(database.user) }),
    parameters: new Map(parameters),
    // No pool needs more servers than there may be clients.
    poolSize: size === 0 ? config.global.maxClientConn : size,
  }
}

/** Names on the wire are byte strings, names in files are UTF-8. */
function bytes(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1')
}

function byteStrings(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map(bytes))
}

/** Starts a pooler. Resolves when it listens; throws `listen_failed`, or `bad_configuration` for its trace file. */
export async function startPooler(setup: PoolerSetup, log: Log): Promise<ServedPooler> {
  const traceFile = setup.traceFile === undefined ? undefined : openTrace(setup.traceFile)
  const trace = traceFile ?? noTrace
  const jumped = (ms: number, cause: JumpCause): void => {
    log.warning(`${jumpTexts[cause]}: ${(ms / 1_000).toFixed(1)} s, which count against no deadline`)
    pooler.suspectIdle()
  }
  const clock = new RunningClock({ monotonic: now, wall: Date.now, jumpMs, jumped })
  const door = new Console({ users: setup.consoleUsers, version: versionLine, trace, pooler: () => pooler })
  const pooler: Pooler = new Pooler(setup.pooler, { log, trace, now: () => clock.now(), console: door })
  const listeners = listenOnAll(setup, pooler, trace)
  const ticker = setInterval(() => {
    clock.tick()
    pooler.advance()
    traceFile?.flush()
  }, tickMs)

  const finish = async (mode: DrainMode): Promise<void> => {
    for (const listener of listeners) listener.stop()
    await pooler.drain(mode)
    clearInterval(ticker)
    trace.ended()
    traceFile?.close()
  }
  let finished: Promise<void> | undefined

  return {
    port: listeners[0]?.port ?? setup.port,
    stop(mode: StopMode) {
      finished ??= finish(mode === 'wait_for_clients' ? 'clients' : 'servers')
      if (mode === 'immediate') pooler.stop()
      return finished
    },
  }
}

function openTrace(path: string): TraceFile {
  try {
    return new TraceFile(path, () => performance.now())
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new TaxirankError('bad_configuration', `the trace cannot be written to ${path}: ${reason}`, { cause })
  }
}

function listenOnAll(setup: PoolerSetup, pooler: Pooler, trace: typeof noTrace): Listener[] {
  let lastClientId = 0
  const listeners: Listener[] = []
  try {
    for (const host of setup.listenAddresses) {
      const { port, backlog } = setup
      const listener = listen({ host, port, backlog, deferAccept: true }, (socket) => {
        const id = ++lastClientId
        const client = new Client(id, socket, trace.clientTraffic(id))
        client.handler = pooler.clientArrived(client)
        return client
      })
      listeners.push(listener)
    }
  } catch (error) {
    for (const listener of listeners) listener.stop()
    throw error
  }
  return listeners
}
