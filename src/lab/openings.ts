/**
 * What an experiment opens: connections by every way, pools, poolers, relays. All of it is closed when the experiment is over,
 * however it ends: nothing is left to run beside the next.
 */

import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { isIP } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type ClientConfig, type QueryResultRow } from 'pg'
import type { PoolOptions } from '../pg/pool-options.ts'
import type { Pool } from '../pg/public-types.ts'
import { Pool as PoolClass } from '../pg/taxirank.ts'
import { type Relay, startRelay } from '../relay/relay.ts'
import {
  type PooledDatabase,
  type PoolerRequest,
  poolerUser,
  type RunningPooler,
  type StartPooler,
} from './pooler-request.ts'
import { applicationName, type Target } from './target.ts'

/** Where a connection leads. */
export interface Way {
  readonly host: string
  readonly port: number
  readonly database: string
  /** False on a way that begins with our own pooler. */
  readonly isEncrypted: boolean
  /** Who logs in, unless another is named. */
  readonly user: string
  readonly password: string | undefined
}

export interface OpenPooler {
  readonly pid: number
  /** Of its page; there if it was asked to be monitored. */
  readonly httpUrl: string | undefined
  way(database: string): Way
  /** Rows of a console's command: `SHOW POOLS`. All are asked on one connection. */
  console<Row extends QueryResultRow>(command: string): Promise<readonly Row[]>
  /** Before the experiment ends. Resolves when it is gone. */
  stop(): Promise<void>
}

export const connectLimitMs = 10_000
const answerLimitMs = 30_000
const closeLimitMs = 2_000

export class Openings {
  readonly target: Target
  readonly startPooler: StartPooler
  /** Ends the experiment. */
  readonly signal: AbortSignal
  readonly #clients = new Set<Client>()
  readonly #pools = new Set<Pool>()
  readonly #relays = new Set<Relay>()
  readonly #poolers = new Set<RunningPooler>()

  constructor(target: Target, startPooler: StartPooler, signal: AbortSignal) {
    this.target = target
    this.startPooler = startPooler
    this.signal = signal
    setMaxListeners(0, signal)
    signal.addEventListener('abort', () => this.#cut())
  }

  /** Straight to it. */
  get direct(): Way {
    const { host, port, database, user, password, ssl } = this.target
    return { host, port, database, user, password, isEncrypted: ssl !== false }
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
  ): Promise<OpenPooler> {
    const { maxClients = 2_000, queryWaitTimeoutMs = answerLimitMs, isMonitored = false } = options
    const target = options.over ? reachedOver(this.target, options.over) : this.target
    const password = target.password === undefined ? undefined : randomUUID()
    const running = await this.startPooler({ target, password, databases, maxClients, queryWaitTimeoutMs, isMonitored })
    this.#poolers.add(running)
    this.signal.throwIfAborted()
    const way = (database: string): Way => {
      return { host: '127.0.0.1', port: running.port, database, user: poolerUser, password, isEncrypted: false }
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

  /** For the driver. */
  #options(way: Way, { user, password }: Pick<Way, 'user' | 'password'> = way): ClientConfig {
    const { host, port, database, isEncrypted } = way
    return {
      host,
      port,
      database,
      user,
      // The driver would look for one in the environment, and in .pgpass.
      password: password ?? '',
      ssl: isEncrypted ? this.#encryption(this.target) : false,
      application_name: applicationName,
      connectionTimeoutMillis: connectLimitMs,
      query_timeout: answerLimitMs,
    }
  }

  /** Certificates are for the host of the target, also where a relay stands before it. */
  #encryption({ ssl, host }: Target): ClientConfig['ssl'] {
    return typeof ssl === 'object' && isIP(host) === 0 ? { ...ssl, servername: host } : ssl
  }

  /** Logged in, with settings as in `-c log_connections=all`. Rejects as the driver does. To be ended by `end`, or with the experiment. */
  async connect(way: Way = this.direct, as: Pick<Way, 'user' | 'password'> = way, settings?: string): Promise<Client> {
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

  // The end.

  /** Resolves when all is closed. */
  async clear(): Promise<void> {
    const pools = [...this.#pools].map((pool) => pool.end())
    // They stay in the set, so that those who don't close are cut.
    const clients = [...this.#clients].map((client) => client.end())
    await Promise.race([Promise.allSettled([...clients, ...pools]), sleep(closeLimitMs)])
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

/** A pooler's servers look for the name that they connect to in the certificate, and a relay has another one: then they don't. */
function reachedOver(target: Target, { host, port }: Pick<Way, 'host' | 'port'>): Target {
  const sslMode = target.sslMode === 'verify-full' ? 'verify-ca' : target.sslMode
  return { ...target, host, port, sslMode }
}

function destroy(client: Client): void {
  const { stream } = client.connection as unknown as { stream: { destroy(): void } }
  stream.destroy()
}
