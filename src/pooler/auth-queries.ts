import type { Derivations } from '../auth/derivations.ts'
import { areSameCredentials } from '../auth/secret.ts'
import { Limit } from '../engine/limit.ts'
import { Limits } from '../engine/limits.ts'
import { TaxirankError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Network } from '../server/network.ts'
import { ProtocolVersion } from '../server/target.ts'
import type { Deadlines } from '../time.ts'
import { AuthQuery } from './auth-query.ts'
import type { LiveDatabase } from './live.ts'
import { textOf } from './names.ts'
import type { AuthQuerySource, Database, PoolerOptions } from './options.ts'
import type { Pools } from './pools.ts'

export interface AuthQuerySurroundings {
  readonly log: Log
  readonly deadlines: Deadlines
  readonly derivations: Derivations
  readonly network: Network
  readonly pools: Pools
  readonly now: () => number
}

/** Clients who name databases that don't exist make no more than so many. */
const mostDatabases = 1_000
/** Connections in all, whatever is asked for: who has not logged in yet decides how many databases there are. */
const mostConnections = 16
const idleTimeoutMs = 60_000
/** Whatever the connection's own time is: it is a part of the lookup's. */
const longestPauseMs = 1_000

interface Where {
  /** PostgreSQL's name of the database that its connections are in. */
  readonly place: string
  readonly source: AuthQuerySource
}

interface Entry extends Where {
  readonly query: AuthQuery
  /** The client's name of the database for which it was made. */
  readonly name: string
}

/** The connections of auth_query, one set for each database in which it runs. */
export class AuthQueries {
  readonly #around: AuthQuerySurroundings
  readonly #all = new Map<string, Entry>()
  readonly #limit = new Limit('the connections of auth_query', mostConnections, new Limits())
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
    const place = inDatabase(name, database, source)
    const key = keyOf(place, source)
    const known = this.#all.get(key)
    if (known) return known.query
    if (this.#all.size >= mostDatabases) {
      throw new TaxirankError('overloaded', 'users of too many databases are being looked up')
    }
    const query = this.#make(textOf(name), place, source)
    const entry = { query, name, place, source }
    query.isPaused = this.#isPaused(entry)
    this.#all.set(key, entry)
    return query
  }

  #make(name: string, database: string, source: AuthQuerySource): AuthQuery {
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
      protocol,
      query: source.query,
      connectTimeoutMs: Math.min(serverConnectTimeoutMs || authQueryTimeoutMs, authQueryTimeoutMs),
      retryMaxMs: longestPauseMs,
      idleTimeoutMs,
      timeoutMs: authQueryTimeoutMs,
      limit: this.#limit,
    })
  }

  /** Those that would be made otherwise now are ended: whoever waits for one is refused. */
  reconfigure(options: PoolerOptions): void {
    const isOtherwiseEncrypted = options.serverEncryptionId !== this.#options.serverEncryptionId
    this.#options = options
    const error = new TaxirankError('server_connect_failed', 'the settings of auth_query were changed')
    for (const [key, { query, name, place, source }] of this.#all) {
      const database = options.databases.get(name) ?? options.databaseTemplate
      if (isLookedUp(name, database, { place, source }) && !isOtherwiseEncrypted) continue
      query.end(error)
      this.#all.delete(key)
    }
    this.pausesChanged()
  }

  // What administrators do to the database that connections are in: who wants it for themselves must get it.

  /** Something was paused or resumed. */
  pausesChanged(): void {
    for (const entry of this.#all.values()) entry.query.isPaused = this.#isPaused(entry)
  }

  /** While a database of the place goes on, its users must be found. */
  #isPaused(entry: Entry): boolean {
    const { pools } = this.#around
    const there = [...pools.databases].filter((database) => isIn(entry, database))
    return pools.isPaused || (there.length > 0 && there.every((database) => database.isPaused))
  }

  /** Those that are paused. Without a database: of all, also below. */
  isEmpty(database: LiveDatabase | undefined): boolean {
    return this.#of(database).every(({ query }) => query.isEmpty || !query.isPaused)
  }

  retireAll(database: LiveDatabase | undefined): void {
    for (const { query } of this.#of(database)) query.retire()
  }

  /** Those that are paused. */
  destroyAll(reason: string, database: LiveDatabase | undefined): void {
    for (const { query } of this.#of(database)) if (query.isPaused) query.destroyAll(reason)
  }

  /** Gives a function that says whether those that are to be closed now are gone. */
  watchMarked(database: LiveDatabase | undefined): () => boolean {
    const watches = this.#of(database).map(({ query }) => query.watchMarked())
    return () => watches.every((isOver) => isOver())
  }

  #of(database: LiveDatabase | undefined): Entry[] {
    return [...this.#all.values()].filter((entry) => database === undefined || isIn(entry, database))
  }

  /** Its connections are opened anew, elsewhere. */
  hostMoved(host: string): void {
    for (const { query, source } of this.#all.values()) {
      if (source.addresses.some((address) => 'host' in address && address.host === host)) query.retire()
    }
  }

  /** Forgets those that nobody has needed for a while. */
  advance(): void {
    for (const [key, { query }] of this.#all) if (query.isUnused) this.#all.delete(key)
  }

  end(error: TaxirankError): void {
    for (const { query } of this.#all.values()) query.end(error)
    this.#all.clear()
  }
}

function inDatabase(name: string, database: Database, source: AuthQuerySource): string {
  return source.database ?? database.name ?? name
}

/** Users of a client's database are looked up alike, before a reload and behind it. */
export function areLookedUpAlike(name: string, one: Database | undefined, other: Database | undefined): boolean {
  if (!one?.authQuery) return !other?.authQuery
  return isLookedUp(name, other, { place: inDatabase(name, one, one.authQuery), source: one.authQuery })
}

function isLookedUp(name: string, database: Database | undefined, { place, source }: Where): boolean {
  const next = database?.authQuery
  if (!database || !next || inDatabase(name, database, next) !== place) return false
  return keyOf(place, next) === keyOf(place, source) && areSameCredentials(next.credentials, source.credentials)
}

function isIn({ place, source }: Entry, { name, options }: LiveDatabase): boolean {
  const addresses = new Set(options.addresses.map((address) => JSON.stringify(address)))
  return place === (options.name ?? name) && source.addresses.some((address) => addresses.has(JSON.stringify(address)))
}

function keyOf(place: string, source: AuthQuerySource): string {
  return JSON.stringify([place, source.user, source.addresses, source.query])
}
