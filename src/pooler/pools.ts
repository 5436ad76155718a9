/**
 * The databases, users and pools that there are: made when somebody asks for one, or when the options say so, kept through
 * every reload, and forgotten when nobody has needed them for long enough.
 */

import { Limits } from '../engine/limits.ts'
import { TaxirankError } from '../errors.ts'
import { type LimitedUser, LiveDatabase, LiveUser } from './live.ts'
import { poolKey, textOf } from './names.ts'
import type { Database, PoolerOptions } from './options.ts'
import { type PoolSurroundings, ServerPool } from './server-pool.ts'

const sweepEveryMs = 200

export class Pools {
  readonly #around: PoolSurroundings
  /** Of all limits that pools share: any two pools may have one in common, by way of others. */
  readonly #group = new Limits()
  readonly #databases = new Map<string, LiveDatabase>()
  readonly #users = new Map<string, LiveUser>()
  readonly #pools = new Map<string, ServerPool>()
  /** Of databases that were removed, or that have another mode now: they end when their last transaction, or client, has. */
  readonly #ending = new Set<ServerPool>()
  #options: PoolerOptions
  #isPaused = false
  #lastPoolId = 0
  #sweepAtMs = 0

  constructor(options: PoolerOptions, around: PoolSurroundings) {
    this.#options = options
    this.#around = around
    this.#makeConfigured()
  }

  get databases(): Iterable<LiveDatabase> {
    return this.#databases.values()
  }

  get users(): Iterable<LiveUser> {
    return this.#users.values()
  }

  /** Those of removed databases, too. */
  get all(): ServerPool[] {
    return [...this.#pools.values(), ...this.#ending]
  }

  /** One for a database and user: where who comes now is served. */
  get current(): ServerPool[] {
    return [...this.#pools.values()]
  }

  of(database: LiveDatabase): ServerPool[] {
    return this.all.filter((pool) => pool.database === database)
  }

  /** A client logs in with `user`, or has. */
  user(name: string): LiveUser {
    const known = this.#users.get(name)
    if (known) return known
    const made = new LiveUser(name, this.#userOptions(name), this.#group)
    this.#users.set(name, made)
    return made
  }

  /** Undefined: there is none of that name, and it isn't made. */
  database(name: string): LiveDatabase | undefined {
    const known = this.#databases.get(name)
    if (known) return known
    const options = this.#databaseOptions(name)
    return options && this.#makeDatabase(name, options)
  }

  /** What is said of a database; undefined: there is none of that name. */
  optionsOf(name: string): Database | undefined {
    return this.#databaseOptions(name)
  }

  /** The pool in which a client that logs in as `user` is served; `key` must be the same for the same two. */
  pool(database: LiveDatabase, user: string, key: string): ServerPool {
    const known = this.#pools.get(key)
    if (known) return known
    const parts = { id: ++this.#lastPoolId, database, user: this.user(user) }
    const pool = new ServerPool(parts, this.#options, this.#around)
    if (this.#isPaused || database.isPaused) pool.pause()
    this.#pools.set(key, pool)
    return pool
  }

  // Pausing.

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Of all databases, or of one: each is paused while either is. */
  setPaused(isPaused: boolean, database?: LiveDatabase): void {
    if (database) database.isPaused = isPaused
    else this.#isPaused = isPaused
    for (const pool of this.all) {
      if (pool.dismissal || (database !== undefined && pool.database !== database)) continue
      if (isPaused) pool.pause()
      else if (!this.#isPaused && !pool.database.isPaused) pool.resume()
    }
  }

  // Reload.

  /** Options that have been checked take effect. */
  reconfigure(options: PoolerOptions): void {
    const isOtherwiseEncrypted = options.serverEncryptionId !== this.#options.serverEncryptionId
    this.#options = options
    const now = this.#around.now()
    for (const user of this.#users.values()) user.reconfigure(this.#userOptions(user.name), now)
    const others = new Set<LiveDatabase>()
    for (const database of this.#databases.values()) {
      const said = this.#databaseOptions(database.name)
      if (!said) this.#remove(database)
      else if (said.user !== database.options.user) this.#replaceUser(database, said, now)
      else if (database.reconfigure(said, !options.databases.has(database.name), now)) others.add(database)
    }
    const outlived = [...this.#ending].filter((pool) => !pool.dismissal)
    for (const [key, pool] of this.#pools) {
      if (pool.modeUnder(options) !== pool.mode) this.#replace(key, pool)
      else pool.reconfigure(options, isOtherwiseEncrypted || others.has(pool.database))
    }
    for (const pool of outlived) pool.reconfigure(options, isOtherwiseEncrypted || others.has(pool.database))
    this.#makeConfigured()
  }

  #databaseOptions(name: string): Database | undefined {
    return this.#options.databases.get(name) ?? this.#options.databaseTemplate
  }

  #userOptions(name: string): LimitedUser {
    const { maxUserServers, maxUserClients, userOptions } = this.#options
    return { maxServers: maxUserServers, maxClients: maxUserClients, ...userOptions.get(name) }
  }

  #makeDatabase(name: string, options: Database): LiveDatabase {
    const database = new LiveDatabase(name, options, !this.#options.databases.has(name), this.#group)
    this.#databases.set(name, database)
    return database
  }

  /** Every database that is named, and the pools of those that force a user and keep a minimum. */
  #makeConfigured(): void {
    for (const [name, options] of this.#options.databases) {
      const database = this.#databases.get(name) ?? this.#makeDatabase(name, options)
      const { user, minPoolSize } = options
      if (user !== undefined && minPoolSize > 0) this.pool(database, user, poolKey(name, user))
    }
    for (const name of this.#known) this.user(name)
  }

  /** The users of whom something is stored or said. */
  get #known(): string[] {
    const { userOptions, authentication } = this.#options
    return [...userOptions.keys(), ...(authentication.secrets?.keys() ?? [])]
  }

  #isKnown(user: string): boolean {
    const { userOptions, authentication } = this.#options
    return userOptions.has(user) || authentication.secrets?.has(user) === true
  }

  /** Its clients were somebody else in PostgreSQL than they are to be now. */
  #replaceUser(database: LiveDatabase, said: Database, now: number): void {
    this.#dismiss(database, `the user of database "${textOf(database.name)}" was changed`)
    database.reconfigure(said, !this.#options.databases.has(database.name), now)
  }

  /** Its clients are told to go, those with a server when their transaction is over. */
  #remove(database: LiveDatabase): void {
    this.#databases.delete(database.name)
    this.#dismiss(database, `database "${textOf(database.name)}" was removed`)
  }

  #dismiss(database: LiveDatabase, reason: string): void {
    const error = new TaxirankError('admin_shutdown', reason)
    for (const [key, pool] of this.#pools) {
      if (pool.database !== database) continue
      this.#pools.delete(key)
      this.#ending.add(pool)
    }
    for (const pool of this.#ending) {
      if (pool.database !== database || pool.dismissal) continue
      pool.resume()
      pool.end(error)
    }
  }

  /** Its mode is another now, and clients have begun under the old one: those stay, and who comes gets a new pool. */
  #replace(key: string, pool: ServerPool): void {
    this.#pools.delete(key)
    this.#ending.add(pool)
    pool.outlive()
  }

  // Time.

  /** Forgets what has not been needed for long enough. */
  advance(now: number): void {
    if (now < this.#sweepAtMs) return
    this.#sweepAtMs = now + sweepEveryMs
    for (const pool of this.#ending) {
      if (pool.clients > 0) continue
      pool.end(new TaxirankError('admin_shutdown', 'the pool was replaced'))
      if (pool.isEmpty) this.#ending.delete(pool)
    }
    const inUse = new Set<LiveDatabase | LiveUser>()
    for (const [key, pool] of this.#pools) {
      if (this.#isForgettable(pool, now)) this.#forget(key, pool)
      else inUse.add(pool.database).add(pool.user)
    }
    for (const database of this.#databases.values()) {
      const isKept = !database.isAuto || database.isPaused || database.isDisabled || database.clients > 0
      if (!isKept && !inUse.has(database)) this.#databases.delete(database.name)
    }
    for (const user of this.#users.values()) {
      const isKept = this.#isKnown(user.name) || user.clients > 0
      if (!isKept && !inUse.has(user)) this.#users.delete(user.name)
    }
  }

  /** Ended, it leaves the limits that it shares. */
  #forget(key: string, pool: ServerPool): void {
    this.#pools.delete(key)
    pool.end(new TaxirankError('admin_shutdown', 'the pool was not used for long'))
  }

  /** One that never had a server holds nothing but the pause after its failures. */
  #isForgettable(pool: ServerPool, now: number): boolean {
    if (!pool.isUnused) {
      pool.unusedSinceMs = undefined
      return false
    }
    pool.unusedSinceMs ??= now
    const { autodbIdleTimeoutMs, poolIdleTimeoutMs, serverLoginRetryMs } = this.#options
    const unusedMs = now - pool.unusedSinceMs
    if (!pool.parameters) return unusedMs >= serverLoginRetryMs
    const isPoolOver = poolIdleTimeoutMs > 0 && unusedMs >= poolIdleTimeoutMs
    const isDatabaseOver = pool.database.isAuto && autodbIdleTimeoutMs > 0 && unusedMs >= autodbIdleTimeoutMs
    return isPoolOver || isDatabaseOver
  }
}
