/** PostgreSQL, pools of either kind, and ways between them; all that a test leaves is cleared away, hanging or not. */

import { Client } from 'pg'
import type { Pool } from '../../../src/pg/taxirank.ts'
import type { Faults } from '../../../src/relay/faults.ts'
import type { Random } from '../../../src/random.ts'
import { type Relay, startRelay } from '../../../src/relay/relay.ts'
import { Way } from '../../support/way.ts'
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts'
import { Cord } from './cord.ts'
import { FakeServer, type FakeServerOptions } from './fake-server.ts'
import { type AnyPool, type PoolClass, Taxirank } from './library.ts'
import { listenAtOnce } from './listen-at-once.ts'

export class Stage {
  readonly postgres: TestPostgres
  #control: Client
  readonly #pools: AnyPool[] = []
  readonly #toStop: { stop(): void }[] = []

  private constructor(postgres: TestPostgres, control: Client) {
    this.postgres = postgres
    this.#control = control
  }

  static async start(
    settings: Readonly<Record<string, string>> = {},
    files: Readonly<Record<string, string>> = {},
  ): Promise<Stage> {
    const postgres = await startTestPostgres(settings, files)
    return new Stage(postgres, await connectTo(postgres.port))
  }

  get port(): number {
    return this.postgres.port
  }

  /** To PostgreSQL, unless the options name another port. An error of an idle client does not end the tests. */
  pool(Pool: PoolClass, options: object = {}): AnyPool {
    const pool = new Pool({ ...this.address, ...options })
    pool.on('error', () => undefined)
    this.#pools.push(pool)
    return pool
  }

  /** Taxirank's, with what only it has. */
  taxirank(options: object = {}): Pool {
    return this.pool(Taxirank, options) as unknown as Pool
  }

  get address(): { host: string; port: number; user: string; database: string } {
    return { host: '127.0.0.1', port: this.port, user: 'postgres', database: 'postgres' }
  }

  /** Runs a statement beside the pool: the first row's values. */
  async ask(text: string, ...values: unknown[]): Promise<unknown[]> {
    const { rows } = await this.#control.query<unknown[]>({ text, values, rowMode: 'array' })
    return rows[0] ?? []
  }

  async backendsOf(application: string): Promise<number> {
    const [count] = await this.ask(
      'select count(*)::int from pg_stat_activity where application_name = $1',
      application,
    )
    return count as number
  }

  /** Ends the backend of a client, as an administrator would. */
  async terminate(client: object): Promise<void> {
    const { processID } = client as { processID: number }
    await this.ask('select pg_terminate_backend($1, 5000)', processID)
  }

  /** To PostgreSQL, and it can be hurt. */
  way(): Way {
    const way = listenAtOnce(() => new Way(this.port))
    this.#toStop.push(way)
    return way
  }

  /** To PostgreSQL, with faults that are drawn for each connection. */
  relay(plan: (random: Random) => Faults, seed: number): Relay {
    const target = { host: '127.0.0.1', port: this.port }
    const relay = listenAtOnce(() => startRelay({ target, plan: (_number, random) => plan(random), seed }))
    this.#toStop.push(relay)
    return relay
  }

  /** To PostgreSQL, and it can be cut. */
  async cord(): Promise<Cord> {
    const cord = await new Cord(this.port).listen()
    this.#toStop.push(cord)
    return cord
  }

  async fakeServer(options?: FakeServerOptions): Promise<FakeServer> {
    const server = await new FakeServer(options).listen()
    this.#toStop.push(server)
    return server
  }

  async restart(how: 'fast' | 'immediate'): Promise<void> {
    this.#control.on('error', () => undefined)
    await this.postgres.postgres.restart(how)
    this.#control = await connectTo(this.port)
  }

  /** After each test. */
  clear(): void {
    for (const pool of this.#pools.splice(0)) abandon(pool)
    for (const one of this.#toStop.splice(0)) one.stop()
  }

  async remove(): Promise<void> {
    this.clear()
    await this.#control.end()
    await this.postgres.remove()
  }
}

async function connectTo(port: number): Promise<Client> {
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
  await client.connect()
  return client
}

/** Without waiting for anybody: pg's own pool might wait for ever. */
function abandon(pool: AnyPool): void {
  for (const client of pool._clients) client.on('error', () => undefined)
  if (!pool.ending) pool.end(() => undefined)
  for (const client of pool._clients) {
    const { connection } = client as unknown as { connection?: { stream: { destroy(): void } } }
    connection?.stream.destroy()
  }
}
