/**
 * What an experiment is given: the database, connections to it by every way, poolers, relays, and what the database's processes
 * use. All that is opened by it is closed when the experiment is over, however it ends: nothing is left to run beside the next.
 */

import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type ClientConfig, type QueryResultRow } from 'pg'
import type { PoolOptions } from '../pg/pool-options.ts'
import type { Pool } from '../pg/public-types.ts'
import { Pool as PoolClass } from '../pg/taxirank.ts'
import { type Relay, startRelay } from '../relay/relay.ts'
import type { OpenAnother } from './lab-database.ts'
import type { Memory, PostgresProcesses } from './postgres-processes.ts'
import type { PooledDatabase, PoolerRequest, RunningPooler, StartPooler } from './pooler-request.ts'
import type { DatabaseFacts, Prediction } from './results.ts'
import type { Target } from './target.ts'
import type { Work } from './work.ts'

/** Where a connection leads. */
export interface Way {
  readonly host: string
  readonly port: number
  readonly database: string
  /** False on a way that begins with our own pooler. */
  readonly isEncrypted: boolean
}

export interface RigPooler {
  readonly pid: number
  /** Of its page; there if it was asked to be monitored. */
  readonly httpUrl: string | undefined
  way(database: string): Way
  /** Rows of a console's command: `SHOW POOLS`. All are asked on one connection. */
  console<Row extends QueryResultRow>(command: string): Promise<readonly Row[]>
  /** Before the experiment ends. Resolves when it is gone. */
  stop(): Promise<void>
}

/** What all experiments share. */
export interface RigParts {
  readonly facts: DatabaseFacts
  /** Whom experiments connect as. */
  readonly target: Target
  /** Who may do more: on the embedded PostgreSQL only. */
  readonly superuser: Target | undefined
  /** What is in the lab's schema, and statements of known length. */
  readonly work: Work
  readonly processes: PostgresProcesses | undefined
  /** The lab's own connection, held from beginning to end: when the server is full, this one is in. */
  readonly control: Client
  readonly startPooler: StartPooler
  readonly isQuick: boolean
  /** The end of PostgreSQL's log; undefined: it is not ours. */
  readonly logTail: (() => string) | undefined
  readonly openAnother: OpenAnother | undefined
}

export interface RigWatch {
  /** Ends the experiment. */
  readonly signal: AbortSignal
  /** 0 to 1, and what is done now. */
  readonly progressed: (share: number, doing: string) => void
}

const connectLimitMs = 10_000
const answerLimitMs = 30_000

export class Rig implements RigParts {
  readonly facts: DatabaseFacts
  readonly target: Target
  readonly superuser: Target | undefined
  readonly work: Work
  readonly processes: PostgresProcesses | undefined
  readonly control: Client
  readonly startPooler: StartPooler
  readonly isQuick: boolean
  readonly logTail: (() => string) | undefined
  readonly openAnother: OpenAnother | undefined
  readonly signal: AbortSignal
  readonly #progressed: RigWatch['progressed']
  #prediction: Prediction | undefined
  readonly #clients = new Set<Client>()
  readonly #pools = new Set<Pool>()
  readonly #relays = new Set<Relay>()
  readonly #poolers = new Set<RunningPooler>()

  constructor(parts: RigParts, { signal, progressed }: RigWatch) {
    this.facts = parts.facts
    this.target = parts.target
    this.superuser = parts.superuser
    this.work = parts.work
    this.processes = parts.processes
    this.control = parts.control
    this.startPooler = parts.startPooler
    this.isQuick = parts.isQuick
    this.logTail = parts.logTail
    this.openAnother = parts.openAnother
    this.signal = signal
    this.#progressed = progressed
    setMaxListeners(0, signal)
    signal.addEventListener('abort', () => this.#cut())
  }

  /** What will be found, before it is measured. */
  predict(text: string, figures: Readonly<Record<string, number>> = {}): void {
    const finite = Object.entries(figures).map(([name, value]) => [name, Number.isFinite(value) ? value : null])
    this.#prediction = { text, figures: Object.fromEntries(finite) as Prediction['figures'] }
  }

  get prediction(): Prediction | undefined {
    return this.#prediction
  }

  progress(share: number, doing: string): void {
    this.signal.throwIfAborted()
    this.#progressed(Math.min(1, Math.max(0, share)), doing)
  }

  /** Moves the bar from one share to another while `work` goes on, which takes about `ms`. */
  async progressWhile<T>(work: Promise<T>, bar: { from: number; to: number; ms: number; doing: string }): Promise<T> {
    const { from, to, ms, doing } = bar
    const startMs = performance.now()
    const timer = setInterval(() => {
      const done = Math.min(1, (performance.now() - startMs) / ms)
      this.#progressed(from + (to - from) * done, doing)
    }, 100)
    try {
      return await work
    } finally {
      clearInterval(timer)
    }
  }

  /** One of two, by how much time there is. */
  pace<T>({ quick, usual }: { readonly quick: T; readonly usual: T }): T {
    return this.isQuick ? quick : usual
  }

  async sleep(ms: number): Promise<void> {
    await sleep(Math.max(0, ms), undefined, { signal: this.signal })
  }

  /** How many connections experiments may have beside the lab's own one, if nobody else has any. */
  get freeConnections(): number {
    return this.facts.maxConnections - this.facts.reservedConnections - 1
  }

  // Ways to the database.

  /** Straight to it. */
  get direct(): Way {
    const { host, port, database, ssl } = this.target
    return { host, port, database, isEncrypted: ssl !== false }
  }

  /** Over a way that takes so long there and back. TCP's own handshake is answered by the relay, and takes no time. */
  relay(roundTripMs: number): Way & { readonly relay: Relay } {
    const there = Math.floor(roundTripMs / 2)
    const plan = () => ({ fromClient: { latencyMs: there }, fromTarget: { latencyMs: roundTripMs - there } })
    const { host, port } = this.target
    const relay = startRelay({ target: { host, port }, plan, seed: 1 })
    this.#relays.add(relay)
    return { ...this.direct, host: '127.0.0.1', port: relay.port, relay }
  }

  /** `over`: the way of its servers to the database. Straight, unless given. */
  async pooler(
    databases: readonly PooledDatabase[],
    options: Partial<Pick<PoolerRequest, 'maxClients' | 'queryWaitTimeoutMs' | 'isMonitored'>> & {
      readonly over?: Pick<Way, 'host' | 'port'>
    } = {},
  ): Promise<RigPooler> {
    const { maxClients = 2_000, queryWaitTimeoutMs = answerLimitMs, isMonitored = false } = options
    const { host, port } = options.over ?? this.target
    const target = { ...this.target, host, port }
    const running = await this.startPooler({ target, databases, maxClients, queryWaitTimeoutMs, isMonitored })
    this.#poolers.add(running)
    this.signal.throwIfAborted()
    const way = (database: string): Way => {
      return { host: '127.0.0.1', port: running.port, database, isEncrypted: false }
    }
    let console: Promise<Client> | undefined
    return {
      pid: running.pid,
      httpUrl: running.httpPort === undefined ? undefined : `http://127.0.0.1:${running.httpPort}`,
      way,
      console: async <Row extends QueryResultRow>(command: string) => {
        console ??= this.connect(way('pgbouncer'))
        return (await (await console).query<Row>(command)).rows
      },
      stop: async () => {
        this.#poolers.delete(running)
        await running.stop()
      },
    }
  }

  /** For the driver. A password is sent to the database only. */
  #options(way: Way, { user, password, ssl }: Target = this.target): ClientConfig {
    const { host, port, database, isEncrypted } = way
    return {
      host,
      port,
      database,
      user,
      // The driver would look for one in the environment, and in .pgpass.
      password: password ?? '',
      ssl: isEncrypted ? ssl : false,
      application_name: 'taxirank lab',
      connectionTimeoutMillis: connectLimitMs,
      query_timeout: answerLimitMs,
    }
  }

  /** Logged in, with settings as in `-c log_connections=all`. Rejects as the driver does. To be ended by `end`, or with the experiment. */
  async connect(way: Way = this.direct, as: Target = this.target, settings?: string): Promise<Client> {
    this.signal.throwIfAborted()
    const client = new Client({ ...this.#options(way, as), ...(settings !== undefined && { options: settings }) })
    this.#clients.add(client)
    client.on('error', () => undefined)
    try {
      await client.connect()
      return client
    } catch (error) {
      this.#clients.delete(client)
      destroy(client)
      this.signal.throwIfAborted()
      throw error
    }
  }

  /** Resolves when the connection is closed. */
  async end(client: Client): Promise<void> {
    this.#clients.delete(client)
    await client.end()
  }

  /** Our own, as applications have it. Ended with the experiment, or by `endPool`. */
  pool(options: Omit<PoolOptions, keyof ClientConfig>, way: Way = this.direct): Pool {
    const pool = new PoolClass({ ...this.#options(way), idleTimeoutMillis: 0, ...options })
    pool.on('error', () => undefined)
    pool.on('connect', (client) => {
      const one = client as unknown as Client
      this.#clients.add(one)
      one.once('end', () => this.#clients.delete(one))
    })
    this.#pools.add(pool)
    return pool
  }

  /** With all its connections open. Rejects as the first that is refused does, and leaves nothing. */
  async fullPool(
    options: Omit<PoolOptions, keyof ClientConfig> & { max: number },
    way: Way = this.direct,
  ): Promise<Pool> {
    const pool = this.pool(options, way)
    const leases = await Promise.allSettled(Array.from({ length: options.max }, () => pool.connect()))
    for (const lease of leases) if (lease.status === 'fulfilled') lease.value.release()
    const refused = leases.find((lease) => lease.status === 'rejected')
    if (refused === undefined) return pool
    await this.endPool(pool)
    throw refused.reason
  }

  async endPool(pool: Pool): Promise<void> {
    this.#pools.delete(pool)
    await pool.end()
  }

  // The database itself.

  /** On the lab's own connection, which no experiment fills. */
  async ask<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    this.signal.throwIfAborted()
    return (await this.control.query<Row>(text, [...values])).rows
  }

  /** Process ids of the backends of experiments; also of those that a pooler of ours has. */
  async backends(): Promise<readonly number[]> {
    const rows = await this.ask<{ pid: number }>(
      `select pid from pg_stat_activity where usename = $1 and backend_type = 'client backend' and pid <> pg_backend_pid()`,
      [this.target.user],
    )
    return rows.map(({ pid }) => pid)
  }

  /** Of the backends of experiments together; undefined: it can't be seen from here. */
  async memory(): Promise<Memory | undefined> {
    return this.processes?.memory(await this.backends())
  }

  /** Resolves when no backend of an experiment is left: what ends by itself is waited for, so that nothing is left to the next. */
  async untilFree(): Promise<void> {
    const deadline = performance.now() + connectLimitMs
    while ((await this.backends()).length > 0 && performance.now() < deadline) await this.sleep(10)
  }

  /** Does something on another embedded PostgreSQL, with these settings, which is gone when it is done. */
  async onAnother<T>(
    open: OpenAnother,
    settings: Readonly<Record<string, string>>,
    work: (rig: Rig) => Promise<T>,
  ): Promise<T> {
    const { startPooler, isQuick, signal } = this
    const database = await open(settings)
    const rig = new Rig({ ...database, startPooler, isQuick }, { signal, progressed: this.#progressed })
    try {
      return await work(rig)
    } finally {
      await rig.clear()
      await database.close()
    }
  }

  // The end.

  /** Resolves when all is closed. */
  async clear(): Promise<void> {
    const pools = [...this.#pools].map((pool) => pool.end())
    const clients = [...this.#clients].map((client) => this.end(client))
    const closed = Promise.allSettled([...clients, ...pools])
    await Promise.race([closed, sleep(2_000)])
    this.#cut()
    await Promise.allSettled([...this.#poolers].map((pooler) => pooler.stop()))
    this.#poolers.clear()
  }

  /** What is open is cut: whatever waits for an answer is refused. */
  #cut(): void {
    for (const client of this.#clients) destroy(client)
    for (const relay of this.#relays) relay.stop()
    this.#clients.clear()
    this.#relays.clear()
    for (const pool of this.#pools) pool.end().catch(() => undefined)
    this.#pools.clear()
  }
}

function destroy(client: Client): void {
  const { stream } = client.connection as unknown as { stream: { destroy(): void } }
  stream.destroy()
}
