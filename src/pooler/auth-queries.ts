import type { Derivations } from '../auth/derivations.ts'
import { TaxirankError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Network } from '../server/network.ts'
import { ProtocolVersion } from '../server/target.ts'
import type { Deadlines } from '../time.ts'
import { AuthQuery } from './auth-query.ts'
import { textOf } from './names.ts'
import type { Database, PoolerOptions } from './options.ts'

export interface AuthQuerySurroundings {
  readonly log: Log
  readonly deadlines: Deadlines
  readonly derivations: Derivations
  readonly network: Network
  readonly now: () => number
}

/** Clients who name databases that don't exist make no more than so many. */
const mostDatabases = 1_000
const idleTimeoutMs = 60_000
/** Whatever the connection's own time is: it is a part of the lookup's. */
const longestPauseMs = 1_000

/** The connections of auth_query, one set for each database in which it runs. */
export class AuthQueries {
  readonly #around: AuthQuerySurroundings
  readonly #all = new Map<string, AuthQuery>()
  #options: PoolerOptions

  constructor(options: PoolerOptions, around: AuthQuerySurroundings) {
    this.#options = options
    this.#around = around
  }

  /**
   * Where users of this database are looked up; undefined: nowhere. Throws `overloaded` if there are too many databases
   * to look up in.
   */
  of(name: string, database: Database | undefined): AuthQuery | undefined {
    const source = database?.authQuery
    if (!database || !source) return undefined
    const inDatabase = source.database ?? database.name ?? name
    const key = JSON.stringify([inDatabase, source.user, source.addresses, source.query])
    const known = this.#all.get(key)
    if (known) return known
    if (this.#all.size >= mostDatabases) {
      throw new TaxirankError('overloaded', 'users of too many databases are being looked up')
    }
    const made = this.#make(textOf(name), inDatabase, source)
    this.#all.set(key, made)
    return made
  }

  #make(name: string, database: string, source: NonNullable<Database['authQuery']>): AuthQuery {
    const { serverEncryption, serverConnectTimeoutMs, authQueryTimeoutMs } = this.#options
    const protocol = new ProtocolVersion()
    const { network } = this.#around
    let next = 0
    return new AuthQuery({
      ...this.#around,
      name,
      target: () => ({
        network,
        address: source.addresses[next++ % source.addresses.length] as (typeof source.addresses)[number],
        encryption: serverEncryption,
        startup: new Map([
          ['user', source.user],
          ['database', database],
        ]),
        credentials: () => source.credentials,
        protocol,
      }),
      query: source.query,
      connectTimeoutMs: Math.min(serverConnectTimeoutMs || authQueryTimeoutMs, authQueryTimeoutMs),
      retryMaxMs: longestPauseMs,
      idleTimeoutMs,
      timeoutMs: authQueryTimeoutMs,
    })
  }

  /** Lookups that begin from now on are made as these options say. */
  reconfigure(options: PoolerOptions): void {
    this.#options = options
    this.end(new TaxirankError('server_connect_failed', 'the settings of auth_query were changed'))
  }

  /** Forgets those that nobody has needed for a while. */
  advance(): void {
    for (const [key, query] of this.#all) if (query.isUnused) this.#all.delete(key)
  }

  end(error: TaxirankError): void {
    for (const query of this.#all.values()) query.end(error)
    this.#all.clear()
  }
}
