/**
 * A PostgreSQL as far as connections matter: it takes so many and refuses the next, opening takes time and work, what runs
 * shares the processors, and it may be gone for a while, with everything that was connected.
 */

import { TaxirankError } from '../errors.ts'
import type { Connection, ConnectionUser, Target } from './connection.ts'
import type { Durations } from './durations.ts'
import type { TimedEvent } from './event-queue.ts'
import { Processors } from './processors.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface DatabaseOptions {
  /** How many may be connected: `max_connections` less what is reserved. */
  readonly mostConnections: number
  /** How many statements' worth of work is done at a time while `running` run. */
  readonly capacity: (running: number) => number
  /** How long opening takes beside its work: round trips, the start of a process. */
  readonly connect: Durations
  /** The processor time that opening takes, in milliseconds. */
  readonly connectWorkMs: number
}

/** So many are computed beforehand. */
const mostRunning = 10_000

export class Database implements Target {
  readonly processors: Processors
  readonly #time: VirtualTime
  readonly #options: DatabaseOptions
  readonly #connections = new Set<DatabaseConnection>()
  /** How many outages are not over: they may overlap. */
  #outages = 0
  #peak = 0
  #refused = 0
  #opened = 0

  constructor(options: DatabaseOptions, time: VirtualTime) {
    this.#options = options
    this.#time = time
    this.processors = new Processors(options.capacity, mostRunning)
    time.process = this.processors
  }

  /** Those being opened included: each has a process already. */
  get connections(): number {
    return this.#connections.size
  }

  get mostConnections(): number {
    return this.#options.mostConnections
  }

  get peakConnections(): number {
    return this.#peak
  }

  /** How many were turned away because there were too many. */
  get refused(): number {
    return this.#refused
  }

  /** How many have been opened. */
  get opened(): number {
    return this.#opened
  }

  get #isDown(): boolean {
    return this.#outages > 0
  }

  connect(user: ConnectionUser, now: number): Connection {
    const isFull = this.#connections.size >= this.#options.mostConnections
    const isRefused = this.#isDown || isFull
    if (isFull && !this.#isDown) this.#refused++
    const connection = new DatabaseConnection(this, user, isRefused ? this.#refusal() : undefined)
    if (!isRefused) {
      this.#connections.add(connection)
      this.#peak = Math.max(this.#peak, this.#connections.size)
    }
    this.#time.at(now + this.#options.connect.next(), connection)
    return connection
  }

  #refusal(): TaxirankError {
    if (this.#isDown) return new TaxirankError('server_connect_failed', 'the database is down')
    const most = this.#options.mostConnections
    return new TaxirankError('too_many_clients', `too many clients already: ${most} are connected`)
  }

  /** For a connection whose round trips are over. */
  authenticate(connection: DatabaseConnection, now: number): void {
    const { connectWorkMs } = this.#options
    if (connectWorkMs > 0) this.processors.begin(connectWorkMs, connection, now)
    else connection.happen(now)
  }

  accepted(): void {
    this.#opened++
  }

  gone(connection: DatabaseConnection): void {
    this.#connections.delete(connection)
  }

  /** Everything that is connected is lost, and nothing can be opened until `comeBack`. */
  goDown(now: number): void {
    this.#outages++
    this.processors.stop(now)
    const all = [...this.#connections]
    this.#connections.clear()
    for (const connection of all) connection.lost(now)
  }

  comeBack(): void {
    this.#outages--
  }
}

type State = 'dialling' | 'authenticating' | 'open' | 'closed'

class DatabaseConnection implements Connection, TimedEvent {
  readonly #database: Database
  readonly #user: ConnectionUser
  readonly #refusal: TaxirankError | undefined
  #state: State = 'dialling'

  constructor(database: Database, user: ConnectionUser, refusal: TaxirankError | undefined) {
    this.#database = database
    this.#user = user
    this.#refusal = refusal
  }

  /** The round trips are over, or the work is. */
  happen(now: number): void {
    if (this.#state === 'closed') return
    if (this.#refusal) return this.#fail(this.#refusal, now)
    if (this.#state === 'dialling') {
      this.#state = 'authenticating'
      return this.#database.authenticate(this, now)
    }
    this.#state = 'open'
    this.#database.accepted()
    this.#user.opened(this, now)
  }

  #fail(error: TaxirankError, now: number): void {
    this.#state = 'closed'
    this.#user.failed(this, error, now)
  }

  lost(now: number): void {
    const wasOpen = this.#state === 'open'
    if (wasOpen) this.#state = 'closed'
    if (wasOpen) this.#user.lost(this, now)
    else this.#fail(new TaxirankError('server_connect_failed', 'the database is down'), now)
  }

  close(): void {
    this.#state = 'closed'
    this.#database.gone(this)
  }
}
