/**
 * The embedded PostgreSQL: a real one from npm, for `start`, the lab, tests and benchmarks. It listens on 127.0.0.1 only, trusts
 * everybody there, and its superuser is `postgres`. Whoever starts it stops it; it never outlives its starter.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from '../assert.ts'
import { TaxirankError } from '../errors.ts'
import { silentLog, type Log } from '../log.ts'
import { dataDirectoryInUse, locateDataDirectory, prepareDataDirectory } from './data-directory.ts'
import { freePort, whyNotFree } from './free-port.ts'
import { readLogTail, spawnGuarded, type GuardedProcess } from './guarded-process.ts'
import { findOsUser, type OsUser } from './os-user.ts'
import { findPostmaster, isReady } from './postmaster-file.ts'
import { childrenOf, killIfThere } from './processes.ts'
import { findPrograms, type Programs } from './programs.ts'

export interface PostgresOptions {
  /** Made on first use. As root in a place that PostgreSQL's OS user can't enter, it becomes a symlink: see `outside`. */
  readonly dataDir: string
  /** 0 or absent: a free port, chosen anew by every `startPostgres` and kept by `restart`. */
  readonly port?: number
  /** Values as in postgresql.conf, `{ fsync: 'off' }`. `listen_addresses` and `port` aren't theirs to change. */
  readonly settings?: Readonly<Record<string, string>>
  /** SQL run in the database `postgres` when the data directory is made. A command ends at a semicolon and an empty line. */
  readonly firstSql?: string
  readonly log?: Log
  /** Gives up starting: what runs is stopped, and the call rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Includes recovery after a crash. 60 s. */
  readonly startTimeoutMs?: number
  /** How long a `smart` and a `fast` stop may take each, before the next harder one. 20 s. */
  readonly stopTimeoutMs?: number
  /** Folders of root's for what must lie where PostgreSQL's OS user can go, when the clone isn't such a place. */
  readonly outside?: { readonly programs: string; readonly data: string }
}

/** `smart` waits for every session to end, `fast` ends them, `immediate` stops without writing: the next start recovers. */
export type StopMode = 'smart' | 'fast' | 'immediate'

const stopSignals = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const
const harder = { smart: 'fast', fast: 'immediate', immediate: undefined } as const
const outsideOfClones = { programs: '/var/cache/taxirank', data: '/var/lib/taxirank' }
const immediateStopMs = 5000
const pollMs = 10

/**
 * Starts PostgreSQL and resolves when it accepts connections. Rejects with `bad_configuration` (data directory, programs, OS
 * user), `listen_failed` (the port is taken) or `server_connect_failed` (it ended or wasn't ready in time; the end of its log is in
 * the message). Nothing runs any more when it has rejected. The caller owns what it resolves to, and stops it.
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const log = options.log ?? silentLog
  const outside = options.outside ?? outsideOfClones
  const user = await findOsUser(log)
  const programs = await findPrograms(user, outside.programs, log)
  const dataDir = await locateDataDirectory(options.dataDir, user, outside.data, log)
  const noSync = options.settings?.['fsync'] === 'off'
  const made = await prepareDataDirectory(dataDir, user, programs, { ...options, noSync })
  if (made) log.info(`made a new data directory for PostgreSQL ${programs.version}: ${dataDir}`)
  const postgres = new Postgres(dataDir, user, programs, { ...options, log })
  await postgres.start()
  return postgres
}

export class Postgres {
  readonly host = '127.0.0.1'
  /** Where the data really are, links followed. */
  readonly dataDir: string
  readonly #user: OsUser
  readonly #programs: Programs
  readonly #options: PostgresOptions & { readonly log: Log }
  #port: number
  #process: GuardedProcess | undefined
  #state: 'stopped' | 'starting' | 'ready' | 'stopping' = 'stopped'

  /** For `startPostgres`. */
  constructor(dataDir: string, user: OsUser, programs: Programs, options: PostgresOptions & { readonly log: Log }) {
    this.dataDir = dataDir
    this.#user = user
    this.#programs = programs
    this.#options = options
    this.#port = options.port ?? 0
  }

  get port(): number {
    return this.#port
  }

  /** Of the postmaster; another one after `restart`. 0 before the first start. */
  get pid(): number {
    return this.#process?.pid ?? 0
  }

  get isRunning(): boolean {
    return this.#process?.isRunning ?? false
  }

  /** `18.4`. */
  get version(): string {
    return this.#programs.version
  }

  /** The folder with postgres, initdb and pg_ctl; there are no client programs. */
  get binDir(): string {
    return this.#programs.binDir
  }

  get #logFile(): string {
    return `${this.dataDir}/postgres.log`
  }

  /** Starts it again after a stop or a crash, on the same port; nothing happens while it runs. Rejects as `startPostgres` does. */
  async start(): Promise<void> {
    if (this.#state === 'ready') return
    assert(this.#state !== 'starting', 'PostgreSQL is started while it starts')
    await this.#process?.ended
    if (this.#port !== 0) return this.#startOn(this.#port)
    for (let tries = 1; ; tries++) {
      const port = await freePort()
      try {
        return await this.#startOn(port)
      } catch (error) {
        // Somebody took the free port between our look and PostgreSQL's.
        if (tries === 5 || !(error instanceof TaxirankError) || error.code !== 'listen_failed') throw error
      }
    }
  }

  /** Resolves when it is gone. Asks harder when its time is up; a second call with a harder mode takes effect at once. */
  async stop(mode: StopMode = 'fast'): Promise<void> {
    const running = this.#process
    if (!running?.isRunning) return
    this.#state = 'stopping'
    for (let next: StopMode | undefined = mode; next; next = harder[next]) {
      running.send(stopSignals[next])
      const limitMs = next === 'immediate' ? immediateStopMs : (this.#options.stopTimeoutMs ?? 20_000)
      if (await endsWithin(running, limitMs)) return
      this.#options.log.warning(`PostgreSQL (pid ${running.pid}) didn't stop within ${limitMs} ms (${next})`)
    }
    this.kill()
    await running.ended
  }

  /** Stops and starts it on the same port. */
  async restart(mode: StopMode = 'fast'): Promise<void> {
    await this.stop(mode)
    await this.start()
  }

  /** Ends it and every process of its at once, as if the machine had lost power. `start` recovers. */
  kill(): void {
    if (!this.#process?.isRunning) return
    this.#state = 'stopping'
    const backends = childrenOf(this.#process.pid)
    this.#process.send('SIGKILL')
    for (const pid of backends) killIfThere(pid)
  }

  /** The end of the log of the current or last run, at most 4,000 bytes. The whole is in `postgres.log` in `dataDir`. */
  logTail(): string {
    return readLogTail(this.#logFile, 4000)
  }

  async #startOn(port: number): Promise<void> {
    const reason = await whyNotFree(port)
    if (reason !== undefined) throw cannotListen(port, reason)
    const limitMs = this.#options.startTimeoutMs ?? 60_000
    const deadline = performance.now() + limitMs
    while (!(await this.#runUntilReady(port, deadline, limitMs))) await sleep(200)
  }

  /** False when backends of a postmaster that crashed are still going: worth another try. */
  async #runUntilReady(port: number, deadline: number, limitMs: number): Promise<boolean> {
    const running = await this.#spawn(port)
    while (running.isRunning && performance.now() < deadline && this.#options.signal?.aborted !== true) {
      if (isReady(this.dataDir, running.pid)) return this.#becomeReady(port)
      await Promise.race([sleep(pollMs), running.ended])
    }
    if (!running.isRunning) {
      if (this.#crashLingers() && performance.now() < deadline) return false
      throw this.#explainEnd(port, await running.ended)
    }
    await this.stop('immediate')
    this.#options.signal?.throwIfAborted()
    throw this.#failed(`PostgreSQL wasn't ready within ${limitMs} ms`)
  }

  #becomeReady(port: number): true {
    this.#state = 'ready'
    this.#port = port
    this.#options.log.info(
      `PostgreSQL ${this.version} is ready on 127.0.0.1:${port} (pid ${this.pid}, ${this.dataDir})`,
    )
    return true
  }

  async #spawn(port: number): Promise<GuardedProcess> {
    const stale = findPostmaster(this.dataDir)
    // The way in which pg_ctl tells PostgreSQL that the pid in postmaster.pid is a coincidence.
    const environment = stale.name === 'stale' ? { PG_GRANDPARENT_PID: String(stale.pid) } : {}
    const command = [`${this.binDir}/postgres`, '-D', this.dataDir, ...this.#settings(port)]
    this.#state = 'starting'
    const running = await spawnGuarded(this.#user, this.#logFile, command, environment)
    this.#process = running
    void running.ended.then((how) => this.#ended(running, how))
    return running
  }

  #settings(port: number): string[] {
    const settings = {
      unix_socket_directories: '',
      ...this.#options.settings,
      listen_addresses: '127.0.0.1',
      port: String(port),
    }
    return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  }

  #ended(ended: GuardedProcess, how: string): void {
    if (ended !== this.#process) return
    const was = this.#state
    this.#state = 'stopped'
    if (was !== 'ready') return
    const lastLine = this.logTail().split('\n').at(-1) ?? ''
    this.#options.log.error(`PostgreSQL (pid ${ended.pid}) ended: ${how}. Its last words: ${lastLine}`)
  }

  #crashLingers(): boolean {
    return this.logTail().includes('pre-existing shared memory block')
  }

  #explainEnd(port: number, how: string): TaxirankError {
    const reason = /could not bind .*: (.*)/.exec(this.logTail())?.[1]
    if (reason !== undefined) return cannotListen(port, reason)
    const postmaster = findPostmaster(this.dataDir)
    if (postmaster.name !== 'running') return this.#failed(`PostgreSQL ended while starting (${how})`)
    return dataDirectoryInUse(this.dataDir, postmaster.pid)
  }

  #failed(what: string): TaxirankError {
    return new TaxirankError('server_connect_failed', `${what}. The end of ${this.#logFile}:\n${this.logTail()}`)
  }
}

function cannotListen(port: number, reason: string): TaxirankError {
  return new TaxirankError(
    'listen_failed',
    `PostgreSQL can't listen on 127.0.0.1:${port} (${reason}): free that port, or choose another`,
  )
}

async function endsWithin(running: GuardedProcess, limitMs: number): Promise<boolean> {
  const timer = new AbortController()
  const late = sleep(limitMs, undefined, { signal: timer.signal }).catch(() => undefined)
  await Promise.race([running.ended, late])
  timer.abort()
  return !running.isRunning
}
