/**
 * Opens, checks, cleans and closes the clients of a pool. It is the owner of the engine's resources: a client counts from
 * the moment it is made until its connection is closed for certain, or its time for that is over.
 */

import type { ResourceOwner } from '../engine/options.ts'
import type { Slot } from '../engine/slot.ts'
import { now } from '../in-process/clock.ts'
import { emitSafely, type Emitter } from '../in-process/emit-safely.ts'
import type { Lending } from '../in-process/lending.ts'
import { asError } from '../in-process/any-error.ts'
import { deadlines } from '../in-process/timed-deadlines.ts'
import type { Deadline } from '../time.ts'
import type { ClientAcquire } from './client-acquire.ts'
import { ClientCleaner, type CleanerDesk } from './client-cleaner.ts'
import { LendableClient } from './lendable-client.ts'
import { destroySocket, isRunning, type PgClient, type PgClientClass, runStatement } from './pg-client.ts'
import { forgetAhead } from './send-ahead.ts'
import { dialTimeoutText } from './wording.ts'

type ClientSlot = Slot<LendableClient>

/** What the keeper needs of its pool. */
export interface KeeperDesk extends Emitter {
  readonly options: CleanerDesk['options'] & {
    readonly onConnect?: ((client: never) => unknown) | undefined
    readonly verify?: ((client: never, callback: (error?: Error) => void) => void) | undefined
    readonly allowExitOnIdle?: boolean | undefined
  }
  readonly Client: PgClientClass
  readonly log: (...args: unknown[]) => void
  /** Those that aren't being closed. */
  _clients: PgClient[]
}

export interface KeeperTimes {
  readonly openTimeoutMillis: number
  readonly closeTimeoutMillis: number
}

export class ClientKeeper implements ResourceOwner<LendableClient> {
  readonly cleaner: ClientCleaner
  readonly #desk: KeeperDesk
  readonly #times: KeeperTimes
  readonly #lending: () => Lending<LendableClient, ClientAcquire>
  readonly #limits = new Map<ClientSlot, Deadline>()
  /** Those that are being opened; the rest is in its slot. */
  readonly #opening = new Map<ClientSlot, LendableClient>()

  constructor(desk: KeeperDesk, times: KeeperTimes, lending: () => Lending<LendableClient, ClientAcquire>) {
    this.#desk = desk
    this.#times = times
    this.#lending = lending
    this.cleaner = new ClientCleaner(desk)
  }

  // Opening.

  open(slot: ClientSlot): void {
    let client: PgClient
    try {
      client = new this.#desk.Client(this.#desk.options)
    } catch (error) {
      return this.#lending().openFailed(slot, asError(error), false)
    }
    const pooled = new LendableClient(client, slot)
    this.#opening.set(slot, pooled)
    this.#desk._clients.push(client)
    this.#listen(pooled)
    const limit = deadlines.limit(this.#times.openTimeoutMillis, () => this.#tookTooLong(slot))
    this.#limits.set(slot, limit)
    this.#desk.log('connecting new client')
    try {
      client.connect((error) => this.#connected(pooled, error ?? undefined))
    } catch (error) {
      this.#failedToOpen(pooled, asError(error))
    }
  }

  /** For as long as the client lives: an error without a listener would end the process. */
  #listen(pooled: LendableClient): void {
    const { client } = pooled
    client.on('error', (error: Error) => this.#failed(pooled, error))
    client.on('end', () => this.#ended(pooled))
    client.connection?.on?.('parameterStatus', ({ parameterName }: { parameterName: string }) => {
      if (parameterName === 'taxirank.pooler') pooled.isBehindPooler = true
    })
  }

  #tookTooLong(slot: ClientSlot): void {
    const pooled = this.#stopOpening(slot)
    if (!pooled) return
    const { client } = pooled
    this.#desk.log('ending client due to timeout')
    if (client.connection) destroySocket(client)
    else if (client.isConnected?.() === false) client.end()
    this.#forget(pooled)
    this.#openFailed(slot, dialTimeout(new Error('timeout expired')))
  }

  /** Undefined if it isn't being opened any more. */
  #stopOpening(slot: ClientSlot): LendableClient | undefined {
    const pooled = this.#opening.get(slot)
    if (!pooled) return undefined
    this.#opening.delete(slot)
    this.#stopLimit(slot)
    return pooled
  }

  #stopLimit(slot: ClientSlot): void {
    const limit = this.#limits.get(slot)
    if (limit) deadlines.stop(limit)
    this.#limits.delete(slot)
  }

  #connected(pooled: LendableClient, error: Error | undefined): void {
    if (!this.#opening.has(pooled.slot)) return this.#endLate(pooled, error)
    if (error) return this.#failedToOpen(pooled, error.message === 'timeout expired' ? dialTimeout(error) : error)
    this.#desk.log('new client connected')
    // What the application's own hooks take is their business.
    this.#stopLimit(pooled.slot)
    const { onConnect } = this.#desk.options
    if (!onConnect) return this.#verify(pooled)
    const ran = new Promise((resolve) => resolve(onConnect(pooled.client as never)))
    ran.then(
      () => this.#verify(pooled),
      (reason: unknown) => this.#refused(pooled, reason),
    )
  }

  /** It came after its attempt was given up. */
  #endLate({ client }: LendableClient, error: Error | undefined): void {
    if (!error) client.end(() => undefined)
  }

  #failedToOpen(pooled: LendableClient, error: Error): void {
    if (!this.#stopOpening(pooled.slot)) return
    this.#desk.log('client failed to connect', error)
    destroySocket(pooled.client)
    this.#forget(pooled)
    this.#openFailed(pooled.slot, error)
  }

  #openFailed(slot: ClientSlot, error: Error): void {
    this.#lending().openFailed(slot, error, isPassing(error))
  }

  /** The application's own hook does not want it. */
  #refused(pooled: LendableClient, reason: unknown): void {
    if (!this.#stopOpening(pooled.slot)) return
    this.#forget(pooled)
    const error = asError(reason)
    this.#end(pooled, undefined, () => this.#lending().openFailed(pooled.slot, error, false))
  }

  #verify(pooled: LendableClient): void {
    if (!this.#opening.has(pooled.slot)) return
    emitSafely(this.#desk, 'connect', pooled.client)
    const { verify } = this.#desk.options
    if (!verify) return this.#opened(pooled)
    try {
      verify(pooled.client as never, (error) => (error ? this.#refused(pooled, error) : this.#opened(pooled)))
    } catch (error) {
      this.#refused(pooled, error)
    }
  }

  #opened(pooled: LendableClient): void {
    if (!this.#stopOpening(pooled.slot)) return
    if (pooled.client._ending) pooled.failure ??= new Error('Connection terminated')
    if (pooled.failure) return this.#lostWhileOpening(pooled, pooled.failure)
    this.#lending().opened(pooled.slot, pooled)
    if (this.#isIdle(pooled)) this.rest(pooled)
  }

  #lostWhileOpening(pooled: LendableClient, failure: Error): void {
    this.#forget(pooled)
    this.#openFailed(pooled.slot, failure)
  }

  // Closing.

  close(slot: ClientSlot): void {
    const opening = this.#stopOpening(slot)
    if (opening) {
      destroySocket(opening.client)
      this.#forget(opening)
      return this.#lending().pool.closed(slot, now())
    }
    const pooled = slot.resource
    this.#forget(pooled)
    pooled.stopListening?.()
    forgetAhead(pooled.client)
    // The backend goes on with what runs, and counts at PostgreSQL, until it is told.
    const cancelled = isRunning(pooled.client) ? this.cleaner.cancel(pooled) : undefined
    this.#end(pooled, cancelled, () => {
      emitSafely(this.#desk, 'remove', pooled.client)
      this.#lending().pool.closed(slot, now())
    })
  }

  #forget({ client }: LendableClient): void {
    this.#desk._clients = this.#desk._clients.filter((one) => one !== client)
  }

  /** Calls `done` when the client has ended, once `before` is over, or has had its time. */
  #end(pooled: LendableClient, before: Promise<void> | undefined, done: () => void): void {
    const { client } = pooled
    let isDone = false
    const finish = (): void => {
      if (isDone) return
      isDone = true
      deadlines.stop(limit)
      done()
    }
    const limit = deadlines.limit(this.#times.closeTimeoutMillis, () => {
      destroySocket(client)
      finish()
    })
    const end = (): void => {
      try {
        endClient(pooled, finish)
      } catch (error) {
        this.#desk.log('client failed to end', error)
        destroySocket(client)
        finish()
      }
    }
    if (before) void before.then(end)
    else end()
  }

  // Checking, and cleaning up after a holder.

  check(slot: ClientSlot): void {
    const { client } = slot.resource
    const { pool } = this.#lending()
    // An empty query costs PostgreSQL nothing; libpq's own client can't tell it from no query.
    runStatement(client, client.connection ? '' : 'SELECT 1').then(
      () => pool.checked(slot, now()),
      (error: unknown) => pool.checkFailed(slot, asError(error).message, now()),
    )
  }

  reset(slot: ClientSlot): void {
    const { pool } = this.#lending()
    this.cleaner.clean(slot.resource).then(
      () => {
        pool.resetDone(slot, now())
        if (this.#isIdle(slot.resource)) this.rest(slot.resource)
      },
      (error: unknown) => pool.resetFailed(slot, asError(error).message, now()),
    )
  }

  /** Nobody has it: it alone need not keep the process alive. */
  rest({ client }: LendableClient): void {
    if (this.#desk.options.allowExitOnIdle) client.unref?.()
  }

  // What clients say.

  #isIdle({ slot }: LendableClient): boolean {
    return this.#lending().pool.stateOf(slot) === 'idle'
  }

  #failed(pooled: LendableClient, error: Error): void {
    const { slot, client } = pooled
    if (this.#opening.has(slot)) {
      // The callback of its connect says so, unless it has connected already.
      pooled.failure = error
      return
    }
    const state = this.#lending().pool.stateOf(slot)
    if (state === 'leased') return this.#failedWhileLeased(pooled, error)
    if (state === undefined || state === 'closing') {
      return this.#desk.log('additional client error after disconnection due to error', error)
    }
    pooled.failure = error
    this.#lending().destroy(slot, error.message)
    // Without a listener the runtime would end the process: a database that restarts is no reason for that.
    if (this.#desk.listenerCount('error') === 0) return this.#desk.log('idle client error', error)
    ;(error as Error & { client?: PgClient }).client = client
    emitSafely(this.#desk, 'error', error, client)
  }

  /** Its holder finds out at the next query, and has it closed by giving it back. */
  #failedWhileLeased(pooled: LendableClient, error: Error): void {
    this.#desk.log('client error while it is in use', error)
    // PostgreSQL's reason comes first, and then the end of the socket.
    if (pooled.failure) return
    pooled.failure = error
    pooled.onFailure?.(error)
    emitSafely(this.#desk, 'clientError', error, pooled.client)
  }

  /** Somebody else has ended it, without an error. */
  #ended(pooled: LendableClient): void {
    const { slot } = pooled
    if (this.#opening.has(slot)) return
    const { pool } = this.#lending()
    const state = pool.stateOf(slot)
    if (state === 'leased') pooled.failure ??= new Error('Connection terminated')
    else if (state !== undefined && state !== 'closing') this.#lending().destroy(slot, 'its connection has ended')
  }
}

/** Libraries replace `end` of a client while it is lent, so that its holder can't end it; the pool may. */
function endClient({ client, isTaken }: LendableClient, done: () => void): void {
  const prototype = Object.getPrototypeOf(client) as Partial<PgClient> | null
  if (isTaken && prototype?.end) prototype.end.call(client, done)
  else client.end(done)
}

function dialTimeout(cause: Error): Error {
  return new Error(dialTimeoutText, { cause })
}

/** SQLSTATEs of a database that isn't there yet, or not any more: it may be at the next attempt. */
const passingStates = new Set(['57P01', '57P02', '57P03', '53300', '08000', '08001', '08003', '08004', '08006'])
const passingTexts = /^(Connection terminated|timeout expired)/

/** Not an answer that would be the same at the next attempt: a wrong password, a database that doesn't exist. */
function isPassing(error: Error): boolean {
  const { code, message } = error as Error & { code?: unknown }
  if (typeof code !== 'string') return passingTexts.test(message)
  return /^E[A-Z]/.test(code) || passingStates.has(code)
}
