/** What administrators do to a running pooler. What takes time is looked at whenever the pooler's time advances. */

import { TaxirankError } from '../errors.ts'
import type { AuthQueries } from './auth-queries.ts'
import type { PoolerVerbs } from './figures.ts'
import type { LiveDatabase } from './live.ts'
import { bytesOf } from './names.ts'
import type { PooledClient } from './pooled-client.ts'
import type { Pools } from './pools.ts'
import type { ServerPool } from './server-pool.ts'

/** What the verbs need of the pooler. */
export interface VerbsDesk {
  readonly pools: Pools
  readonly authQueries: AuthQueries
  readonly now: () => number
  suspendTimeoutMs(): number
  /** Those that are logged in, in a list of its own. */
  clients(): PooledClient[]
  /** Also one whose login has not been decided; the console's own are not among them. False: there is none. */
  killClient(id: number, error: TaxirankError): boolean
}

interface Wait {
  /** Given up when this is resumed; undefined: nothing of the kind. `all`: everything. */
  readonly of: LiveDatabase | 'all' | undefined
  readonly isOver: (now: number) => boolean
  readonly resolve: () => void
  readonly reject: (error: TaxirankError) => void
}

export class Verbs implements PoolerVerbs {
  readonly #desk: VerbsDesk
  readonly #waits = new Set<Wait>()
  #isSuspended = false

  constructor(desk: VerbsDesk) {
    this.#desk = desk
  }

  get isSuspended(): boolean {
    return this.#isSuspended
  }

  pause(name?: string, abandoned?: AbortSignal): Promise<void> {
    const { authQueries } = this.#desk
    this.#refuseIfHalted()
    const database = this.#find(name)
    this.#setPaused(true, database)
    const isOver = (): boolean => this.#poolsOf(database).every((pool) => pool.isEmpty) && authQueries.isEmpty(database)
    return this.#wait(database ?? 'all', isOver, abandoned)
  }

  resume(name?: string): void {
    const { pools } = this.#desk
    const database = this.#find(name)
    if (database ? !database.isPaused : !pools.isPaused && !this.#isSuspended) {
      throw refusal(database ? `database ${name} is not paused` : 'pooler is not paused/suspended')
    }
    if (!database) this.#unsuspend()
    if (database?.isPaused || pools.isPaused) this.#setPaused(false, database)
    this.#giveUp(({ of }) => of === (database ?? 'all'), 'RESUME has ended what this waits for')
  }

  disable(name: string): void {
    this.#named(name).isDisabled = true
  }

  enable(name: string): void {
    this.#named(name).isDisabled = false
  }

  reconnect(name?: string): void {
    const database = this.#find(name)
    for (const pool of this.#poolsOf(database)) pool.retireAll()
    this.#desk.authQueries.retireAll(database)
  }

  kill(name?: string): void {
    this.#refuseIfHalted()
    const database = this.#find(name)
    this.#setPaused(true, database)
    const error = new TaxirankError('admin_shutdown', 'the connection was closed by an administrator: KILL')
    for (const client of this.#desk.clients()) {
      if (database === undefined || client.pool.database === database) client.kill(error)
    }
    const reason = 'an administrator has closed it: KILL'
    for (const pool of this.#poolsOf(database)) pool.destroyAll(reason)
    this.#desk.authQueries.destroyAll(reason, database)
  }

  killClient(id: number): boolean {
    const error = new TaxirankError('admin_shutdown', 'the connection was closed by an administrator: KILL_CLIENT')
    return this.#desk.killClient(id, error)
  }

  waitClose(name?: string, abandoned?: AbortSignal): Promise<void> {
    const database = this.#find(name)
    const pools = this.#poolsOf(database)
    const areLookupsOver = this.#desk.authQueries.watchMarked(database)
    const marked = pools.map((pool) => ({ pool, servers: pool.servers.filter((server) => server.isMarked) }))
    const isOver = (): boolean =>
      areLookupsOver() && marked.every(({ pool, servers }) => !servers.some((server) => pool.has(server)))
    return this.#wait(undefined, isOver, abandoned)
  }

  suspend(abandoned?: AbortSignal): Promise<void> {
    const { pools, now } = this.#desk
    const suspendTimeoutMs = this.#desk.suspendTimeoutMs()
    this.#refuseIfHalted()
    for (const { isPaused } of pools.databases) if (isPaused) throw refusal('cannot suspend with paused databases')
    this.#isSuspended = true
    for (const client of this.#desk.clients()) client.suspend()
    const endsAtMs = suspendTimeoutMs === 0 ? Infinity : now() + suspendTimeoutMs
    const isOver = (at: number): boolean => {
      const busy = this.#desk.clients().filter((client) => !client.isAnswered)
      if (busy.length > 0 && at >= endsAtMs) for (const client of busy) client.kill(suspendTimeout)
      return busy.length === 0 || at >= endsAtMs
    }
    return this.#wait('all', isOver, abandoned)
  }

  /** Settles what has come to its end. */
  advance(now: number): void {
    for (const wait of this.#waits) {
      if (!wait.isOver(now)) continue
      this.#waits.delete(wait)
      wait.resolve()
    }
  }

  /** The pooler stops: nobody waits for anything but that. */
  end(error: TaxirankError): void {
    this.#unsuspend()
    this.#giveUp(() => true, error.message)
  }

  #setPaused(isPaused: boolean, database: LiveDatabase | undefined): void {
    this.#desk.pools.setPaused(isPaused, database)
    this.#desk.authQueries.pausesChanged()
  }

  #unsuspend(): void {
    if (!this.#isSuspended) return
    this.#isSuspended = false
    for (const client of this.#desk.clients()) client.unsuspend()
  }

  #wait(of: Wait['of'], isOver: Wait['isOver'], abandoned: AbortSignal | undefined): Promise<void> {
    if (isOver(this.#desk.now())) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const wait = { of, isOver, resolve, reject }
      this.#waits.add(wait)
      const giveUp = (): void => this.#giveUp((one) => one === wait, 'nobody waits for it any more')
      if (abandoned?.aborted) giveUp()
      else abandoned?.addEventListener('abort', giveUp, { once: true })
    })
  }

  #giveUp(which: (wait: Wait) => boolean, text: string): void {
    for (const wait of this.#waits) {
      if (!which(wait)) continue
      this.#waits.delete(wait)
      wait.reject(refusal(text))
    }
  }

  #refuseIfHalted(): void {
    if (this.#desk.pools.isPaused || this.#isSuspended) throw refusal('already suspended/paused')
  }

  /** Undefined for all. Also one that only `*` knows. */
  #find(name: string | undefined): LiveDatabase | undefined {
    return name === undefined ? undefined : this.#named(name)
  }

  #named(name: string): LiveDatabase {
    const database = this.#desk.pools.database(bytesOf(name))
    if (!database) throw refusal(`no such database: ${name}`)
    return database
  }

  #poolsOf(database: LiveDatabase | undefined): ServerPool[] {
    const { pools } = this.#desk
    return database ? pools.of(database) : pools.all
  }
}

const suspendTimeout = new TaxirankError(
  'admin_shutdown',
  'suspend_timeout: what it had asked was not answered in time',
)

function refusal(text: string): TaxirankError {
  return new TaxirankError('console_refused', text)
}
