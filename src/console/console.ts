/**
 * The `pgbouncer` database: who may come in, who is in, and what commands look at. Commands stand in files of their own,
 * listed in `commands.ts`; what a client says and hears is in `console-session.ts`.
 */

import type { Client } from '../client/client.ts'
import { TaxirankError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { ClientFigures, DatabaseCounters, PoolerFigures, PoolerVerbs } from '../pooler/figures.ts'
import type { ConsoleDoor, ConsoleVisitor } from '../pooler/pooler.ts'
import type { Trace } from '../pooler/trace.ts'
import * as build from '../wire/build.ts'
import { type ConsoleFigures, consoleDatabase, type Outcome, type Surroundings } from './command.ts'
import type { Plan } from './commands.ts'
import { ConsoleSession, type SessionClient, type SessionOwner } from './console-session.ts'
import type { ProcessControl } from './process-control.ts'
import { consoleRole, type ConsoleUsers } from './role.ts'
import { noCounters } from './show-stats.ts'

export interface ConsoleOptions {
  /** Byte strings, as names on the wire. */
  /** As they are configured now. */
  readonly users: () => ConsoleUsers
  readonly process: ProcessControl
  /** The pooler is made with its console: asked for when a command needs it. */
  readonly pooler: () => { readonly figures: PoolerFigures; readonly verbs: PoolerVerbs }
  readonly trace: Trace
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly wallClock?: () => number
  /** Calls back when what has been written so far was given to the kernel. */
  readonly soon?: (callback: () => void) => void
}

/** What a client of the console is, beside its session. */
interface Visit {
  readonly client: ConsoleClient
  readonly user: string
  readonly cameAtMs: number
  requestedAtMs: number
  readonly left: () => void
}

/** A `Client`, or a test's. */
export type ConsoleClient = SessionClient & Pick<Client, 'way'>

/** What drivers want to know of any server; server_version comes before it. */
const reported = [
  ['client_encoding', 'UTF8'],
  ['server_encoding', 'UTF8'],
  ['DateStyle', 'ISO'],
  ['TimeZone', 'GMT'],
  ['standard_conforming_strings', 'on'],
  ['is_superuser', 'on'],
] as const

export class Console implements ConsoleDoor, ConsoleFigures, SessionOwner {
  readonly database = consoleDatabase
  readonly report: Buffer
  readonly #options: ConsoleOptions
  readonly #wallClock: () => number
  readonly #visits = new Map<ConsoleSession, Visit>()
  readonly #counters = { ...noCounters }

  constructor(options: ConsoleOptions) {
    this.#options = options
    this.#wallClock = options.wallClock ?? Date.now
    const version = `${options.process.version.replace(/^PgBouncer (\S+).*/, '$1')}/bouncer`
    const parameters = [['server_version', version] as const, ...reported]
    this.report = Buffer.concat(parameters.map(([name, value]) => build.parameterStatus(name, value)))
  }

  get size(): number {
    return this.#visits.size
  }

  /** `user` is a byte string. `left` is called when the client is gone. Throws if it may not come in. */
  open(client: ConsoleClient, user: string, isOwner: boolean, left: () => void): ConsoleVisitor {
    const role = consoleRole(user, isOwner, this.#options.users())
    if (!role) throw new TaxirankError('authentication_failed', 'not allowed: console access')
    const session = new ConsoleSession(client, role, this.#options.trace.clientTraffic(client.id), this)
    const cameAtMs = this.#wallClock()
    const name = Buffer.from(user, 'latin1').toString('utf8')
    this.#visits.set(session, { client, user: name, cameAtMs, requestedAtMs: cameAtMs, left })
    this.#counters.logins++
    return session
  }

  end(error: TaxirankError): void {
    for (const session of this.#visits.keys()) session.end(error)
  }

  // For sessions.

  run(session: ConsoleSession, plan: Plan): Outcome {
    const visit = this.#visits.get(session)
    if (visit) visit.requestedAtMs = this.#wallClock()
    this.#counters.queries++
    this.#counters.transactions++
    return plan.logged === undefined ? plan.run(this.#surroundings) : this.#runLogged(plan, plan.logged, visit?.user)
  }

  #runLogged(plan: Plan, what: string, user = ''): Outcome {
    const { log } = this.#options
    log.info(`${what}: asked for on the console by ${user}`)
    const failed = (error: unknown): void => {
      if (error instanceof TaxirankError) log.warning(error.message)
    }
    try {
      const outcome = plan.run(this.#surroundings)
      if (typeof outcome === 'object' && 'until' in outcome) outcome.until.catch(failed)
      return outcome
    } catch (error) {
      failed(error)
      throw error
    }
  }

  get #surroundings(): Surroundings {
    return { ...this.#options.pooler(), process: this.#options.process, console: this }
  }

  counted(what: 'clientParses' | 'binds' | 'receivedBytes' | 'sentBytes', count: number): void {
    this.#counters[what] += count
  }

  closed(session: ConsoleSession, isReset: boolean): void {
    const visit = this.#visits.get(session)
    if (!visit) return
    this.#visits.delete(session)
    visit.left()
    this.#options.trace.clientClosed(session.id, isReset)
    this.#resumeForNobody()
  }

  /** With the last admin gone nobody could say RESUME: a suspended pooler would hang for ever. */
  #resumeForNobody(): void {
    if ([...this.#visits.keys()].some(({ role }) => role === 'admin')) return
    const { figures, verbs } = this.#options.pooler()
    if (!figures.state().isSuspended) return
    this.#options.log.warning('the last admin left the console while everything was suspended: resumed')
    verbs.resume()
  }

  crashed(session: ConsoleSession, error: unknown): void {
    const trail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#options.log.error(`a bug of the console closed client ${session.id}: ${trail}`)
  }

  soon(callback: () => void): void {
    const soon = this.#options.soon ?? setImmediate
    soon(callback)
  }

  // For commands.

  clients(): ClientFigures[] {
    return [...this.#visits].map(([session, visit]) => this.#figures(session, visit))
  }

  counters(): DatabaseCounters {
    return { ...this.#counters }
  }

  killClient(id: number): boolean {
    const session = [...this.#visits.keys()].find((each) => each.id === id)
    session?.end(new TaxirankError('admin_shutdown', 'admin forced disconnect'))
    return session !== undefined
  }

  #figures(session: ConsoleSession, { client, user, cameAtMs, requestedAtMs }: Visit): ClientFigures {
    const { address, port, localAddress, localPort, tls, peerPid } = client.way
    return {
      id: session.id,
      user,
      database: consoleDatabase,
      state: 'idle',
      address,
      port,
      localAddress,
      localPort,
      connectedAtMs: cameAtMs,
      requestedAtMs,
      waitMs: 0,
      isMarked: false,
      linkedTo: undefined,
      remotePid: peerPid,
      tls,
      applicationName: '',
      preparedStatements: session.preparedStatements,
      heldBytes: 0,
      unsentBytes: 0,
    }
  }
}
