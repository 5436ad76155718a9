/** What one run of a row needs, put away when it ends: PostgreSQL, a relay before it, the pooler, canary clients. */

import { rmSync } from 'node:fs'
import type { Processes } from '../../bench/processes.ts'
import type { Random } from '../../src/random.ts'
import { Random as SeededRandom } from '../../src/random.ts'
import { startRelay, type Relay, type RelayOptions } from '../../src/relay/relay.ts'
import { Canary } from '../canary/canary.ts'
import type { Identity } from '../canary/client.ts'
import type { Target } from '../canary/connection.ts'
import { canaryIdentities, createCanaryDatabases, readFunctions, readLedger, withAdmin } from '../canary/database.ts'
import { startTestPostgres, temporaryFolder, type TestPostgres } from '../support/postgres.ts'
import { RawClient } from '../support/raw-client.ts'
import { SecretSearch } from '../support/secret-search.ts'
import { PoolerUnderTest, type PoolerSettings } from './pooler.ts'
import type { Finding, Side } from './row.ts'

export const identity = canaryIdentities[0] as Identity

export class Stage {
  readonly side: Side
  readonly seed: number
  readonly random: Random
  readonly folder = temporaryFolder()
  /** Hears only Taxirank. */
  readonly secrets: SecretSearch
  readonly #processes: Processes
  readonly #finding: Finding
  readonly #endings: (() => unknown)[] = []

  constructor(side: Side, processes: Processes, finding: Finding, seed: number, secrets: SecretSearch) {
    this.side = side
    this.seed = seed
    this.random = new SeededRandom(seed)
    this.#processes = processes
    this.#finding = finding
    this.secrets = side === 'taxirank' ? secrets : new SecretSearch()
    RawClient.told = this.secrets.error
    this.atEnd(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  /** With the canary's users, databases and tables. */
  async postgres(settings: Readonly<Record<string, string>> = {}): Promise<TestPostgres> {
    const postgres = await startTestPostgres({ max_connections: '120', ...settings })
    this.atEnd(() => postgres.remove())
    await createCanaryDatabases(local(postgres.port))
    return postgres
  }

  relay(port: number, plan: RelayOptions['plan'] = () => ({})): Relay {
    const relay = startRelay({ target: local(port), plan, seed: this.seed })
    this.atEnd(() => relay.stop())
    return relay
  }

  async pooler(serverPort: number, options: PoolerSettings = {}): Promise<PoolerUnderTest> {
    const place = { folder: this.folder, serverPort, secrets: this.secrets }
    const pooler = await PoolerUnderTest.start(this.side, this.#processes, place, options)
    this.atEnd(() => this.#end(pooler))
    return pooler
  }

  async #end(pooler: PoolerUnderTest): Promise<void> {
    if (pooler.isRunning) {
      // Where it does not answer any more, the log and the errors are left.
      if (this.side === 'taxirank') await this.secrets.askMetrics(pooler.httpPort).catch(() => undefined)
      pooler.signal('SIGKILL')
    }
    await pooler.ended
    this.secrets.log(pooler.log)
  }

  /** Without clients of its own. Losing a connection is no breach: the row counts that. */
  async canary(postgres: TestPostgres, through: Target): Promise<Canary> {
    return new Canary({
      clients: 0,
      statements: 0,
      seed: this.seed,
      identities: canaryIdentities,
      target: () => through,
      cancelTarget: through,
      mostCancelHits: 1,
      functions: await readFunctions(local(postgres.port)),
      weather: { calmSinceMs: undefined, mayVanish: false },
      onError: this.secrets.error,
      onBreach: (breach) => this.#finding.breach(breach),
    })
  }

  /** Compares what clients know to be written with what is. */
  compareLedger(canary: Canary, postgres: TestPostgres): Promise<void> {
    return canary.compareLedger((database) => readLedger(local(postgres.port), database))
  }

  /** A superuser's statement, straight to PostgreSQL. */
  async sql(postgres: TestPostgres, text: string, database = 'postgres'): Promise<Record<string, unknown>[]> {
    return withAdmin(
      local(postgres.port),
      database,
      async (admin) => (await admin.query<Record<string, unknown>>(text)).rows,
    )
  }

  atEnd(ending: () => unknown): void {
    this.#endings.push(ending)
  }

  async close(): Promise<void> {
    for (const ending of this.#endings.reverse()) {
      try {
        await ending()
      } catch {
        // What could not be put away was gone.
      }
    }
  }
}

export const local = (port: number): Target => ({ host: '127.0.0.1', port })
