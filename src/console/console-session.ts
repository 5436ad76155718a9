/**
 * One client of the console: reads messages of both protocols, runs one command after the other and writes what it
 * answers.
 *
 * `#pump` goes on for as long as it may: not while a command waits (PAUSE), not while the client doesn't read, and not for more
 * than a burst at a time, since only between two callbacks shows whether it reads. So however long an answer is and however many
 * commands are asked ahead, what is kept is one command's rows, a burst of bytes, and the bytes not read yet, which are
 * bounded by not reading on.
 */

import type { CancelPacket, Client, Startup } from '../client/client.ts'
import { TaxirankError } from '../errors.ts'
import type { ConsoleVisitor } from '../pooler/pooler.ts'
import type { Traffic } from '../pooler/trace.ts'
import * as build from '../wire/build.ts'
import * as result from '../wire/build-result.ts'
import { Framer } from '../wire/framer.ts'
import { consoleRules, Frontend, TransactionStatus } from '../wire/messages.ts'
import { readQuery } from '../wire/read.ts'
import { readBind, readExecute, readParse, readTarget, type Target } from '../wire/read-extended.ts'
import type { Answer, Outcome, Wait } from './command.ts'
import { type Plan, planOf } from './commands.ts'
import { encodeRow } from './encode.ts'
import { type Portal, PreparedNames, refused, resultFormats } from './prepared.ts'
import type { Row } from './result.ts'
import type { Role } from './role.ts'

/** What a session needs of a client: a `Client`, or a test's. */
export type SessionClient = Pick<
  Client,
  'id' | 'isOpen' | 'isBlocked' | 'write' | 'welcome' | 'fail' | 'end' | 'close' | 'reset' | 'pause' | 'resume'
>

/** What happens in a session that others must know of. */
export interface SessionOwner {
  run(session: ConsoleSession, plan: Plan): Outcome
  /** What a client is told of the server at login: ParameterStatus messages. */
  readonly report: Buffer
  counted(what: 'clientParses' | 'binds' | 'receivedBytes' | 'sentBytes', count: number): void
  closed(session: ConsoleSession, isReset: boolean): void
  crashed(session: ConsoleSession, error: unknown): void
  /** Calls back when what has been written was given to the kernel. */
  soon(callback: () => void): void
}

/** Rows on their way. */
interface Sending {
  readonly name: 'sending'
  readonly plan: Plan
  readonly formats: readonly result.Format[]
  readonly rows: readonly Row[]
  at: number
  readonly end: number
  readonly sent: () => void
}

interface Waiting {
  readonly name: 'waiting'
  readonly wait: Wait
  readonly isExtended: boolean
}

type Activity = { readonly name: 'reading' } | Sending | Waiting

const usedUpByTerminate = 2
const usedUpByConsole = 5
/** Rows are gathered to writes of about this size. */
const pieceBytes = 16_384
/** 2 or 3 ms of encoding, for which everybody else's queries wait. */
const burstBytes = 65_536
/** How much is read ahead of a command that waits or a client that doesn't read. */
const mostHeldBytes = 65_536
const reading = { name: 'reading' } as const

export class ConsoleSession implements ConsoleVisitor {
  readonly role: Role
  readonly #client: SessionClient
  readonly #traffic: Traffic
  readonly #owner: SessionOwner
  readonly #framer = new Framer(consoleRules)
  readonly #names = new PreparedNames()
  /** Chunks that the framer hasn't had. */
  #held: Buffer[] = []
  #heldBytes = 0
  #activity: Activity = reading
  #status: number = TransactionStatus.idle
  /** After an error of the extended protocol: everything up to the next Sync. */
  #isSkipping = false
  #burst = 0
  #isSoonCalled = false

  constructor(client: SessionClient, role: Role, traffic: Traffic, owner: SessionOwner) {
    this.#client = client
    this.role = role
    this.#traffic = traffic
    this.#owner = owner
  }

  get id(): number {
    return this.#client.id
  }

  get isWaiting(): boolean {
    return this.#activity.name === 'waiting'
  }

  get preparedStatements(): number {
    return this.#names.statements
  }

  welcome(key: { readonly processId: number; readonly secret: Buffer }): void {
    this.#client.welcome(build.loginEnd(this.#owner.report), key)
  }

  end(error: TaxirankError): void {
    this.#client.fail(error)
  }

  /** RESUME for whoever waits. `done` when that is decided: at once. */
  cancel(done: () => void): void {
    const activity = this.#activity
    if (activity.name === 'waiting' && activity.wait.giveUp) {
      this.#giveUp(activity.wait.giveUp)
      this.#refuse(activity, new TaxirankError('query_canceled', 'canceled: what it had stopped goes on'))
    }
    done()
  }

  #giveUp(giveUp: () => void): void {
    try {
      giveUp()
    } catch (error) {
      // Somebody else has resumed already.
      if (!(error instanceof TaxirankError)) throw error
    }
  }

  // What the client does.

  received(bytes: Buffer): void {
    this.#owner.counted('receivedBytes', bytes.length)
    this.#held.push(bytes)
    this.#heldBytes += bytes.length
    this.#pump()
  }

  blocked(): void {}

  drained(): void {
    this.#pump()
  }

  closed(cause: Error | undefined): void {
    if (this.#activity.name === 'waiting') this.#activity.wait.left?.()
    this.#activity = reading
    this.#held = []
    this.#owner.closed(this, cause !== undefined)
  }

  crashed(error: unknown): void {
    this.#owner.crashed(this, error)
  }

  loginRequested(_startup: Startup): void {
    throw new Error('taxirank bug: a client logs in once')
  }

  cancelRequested(_packet: CancelPacket): void {
    throw new Error('taxirank bug: a cancel connection does not log in')
  }

  // One thing after the other.

  #pump(): void {
    try {
      while (this.#client.isOpen && this.#step());
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      this.#client.fail(error)
    }
    if (!this.#client.isOpen) return
    if (this.#heldBytes + this.#framer.unreadBytes > mostHeldBytes) this.#client.pause()
    else this.#client.resume()
  }

  /** False: there is nothing to do, or nothing may be done now. */
  #step(): boolean {
    const activity = this.#activity
    if (activity.name === 'waiting' || this.#client.isBlocked) return false
    if (this.#burst >= burstBytes) return this.#goOnSoon()
    if (activity.name === 'sending') this.#sendSome(activity)
    else if (this.#nextMessage()) this.#take()
    else return false
    return true
  }

  #goOnSoon(): false {
    if (!this.#isSoonCalled) {
      this.#isSoonCalled = true
      this.#owner.soon(() => this.#outside(() => this.#goOn()))
    }
    return false
  }

  #goOn(): void {
    this.#isSoonCalled = false
    this.#burst = 0
    this.#pump()
  }

  /** Where no callback of the socket is around us to catch what is our own bug. */
  #outside(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#owner.crashed(this, error)
      this.#client.reset()
    }
  }

  #nextMessage(): boolean {
    while (!this.#framer.next()) {
      const chunk = this.#held.shift()
      if (!chunk) return false
      this.#heldBytes -= chunk.length
      this.#framer.push(chunk)
    }
    return true
  }

  #take(): void {
    const { type, start, end } = this.#framer
    this.#traffic.usedUp(end - start, type === Frontend.terminate ? usedUpByTerminate : usedUpByConsole)
    if (type === Frontend.terminate) return this.#client.end()
    if (type === Frontend.sync) return this.#sync()
    if (this.#isSkipping) return
    const isExtended = type !== Frontend.query
    try {
      if (isExtended) this.#extended(type)
      else this.#query(readQuery(this.#framer))
    } catch (error) {
      this.#isSkipping = isExtended
      this.#failed(error)
    }
  }

  // The simple protocol.

  #query(text: string): void {
    const plan = planOf(text, this.role)
    if (!plan) return this.#write(result.emptyQueryResponse, this.#ready())
    this.#outcome(this.#owner.run(this, plan), (answer) => {
      if (plan.columns) this.#write(result.rowDescription(plan.columns))
      const rows = answer.rows ?? []
      const sent = (): void => this.#complete(answer, () => this.#ready())
      this.#activity = { name: 'sending', plan, formats: [], rows, at: 0, end: rows.length, sent }
    })
  }

  // The extended protocol.

  #extended(type: number): void {
    switch (type) {
      case Frontend.parse:
        return this.#parse()
      case Frontend.bind:
        return this.#bind()
      case Frontend.describe:
        return this.#describe(readTarget(this.#framer))
      case Frontend.execute:
        return this.#execute()
      case Frontend.close:
        return this.#close(readTarget(this.#framer))
      default:
        // Flush: nothing is ever held back.
        return undefined
    }
  }

  #parse(): void {
    const { statement, text, parameterTypes } = readParse(this.#framer)
    this.#owner.counted('clientParses', 1)
    if (parameterTypes > 0) throw noParameters()
    // An unnamed one is gone even if its successor is refused.
    if (statement === '') this.#names.close('statement', '')
    this.#names.prepare(statement, { plan: planOf(text, this.role) })
    this.#write(result.parseComplete)
  }

  #bind(): void {
    const { portal, statement, values, resultFormats: asked } = readBind(this.#framer)
    this.#owner.counted('binds', 1)
    const { plan } = this.#names.statement(statement)
    if (values > 0) throw noParameters()
    const formats = resultFormats(asked, plan?.columns?.length ?? 0)
    this.#names.open(portal, { plan, formats, progress: { name: 'new' } })
    this.#write(result.bindComplete)
  }

  #describe({ kind, name }: Target): void {
    if (kind === 'statement') {
      const columns = this.#names.statement(name).plan?.columns
      return this.#write(result.noParameters, columns ? result.rowDescription(columns) : result.noData)
    }
    const { plan, formats } = this.#names.portal(name)
    this.#write(plan?.columns ? result.rowDescription(plan.columns, formats) : result.noData)
  }

  #close({ kind, name }: Target): void {
    this.#names.close(kind, name)
    this.#write(result.closeComplete)
  }

  #execute(): void {
    const { portal: name, maxRows } = readExecute(this.#framer)
    const portal = this.#names.portal(name)
    const { plan, progress } = portal
    if (!plan) return this.#write(result.emptyQueryResponse)
    if (progress.name === 'begun') return this.#executeOn(portal, plan, progress, maxRows)
    this.#outcome(this.#owner.run(this, plan), (answer) => {
      this.#sendRows(portal, plan, { name: 'begun', answer, at: 0 }, maxRows)
    })
  }

  /** A portal that has been run: its remaining rows. What has no rows isn't done twice. */
  #executeOn(portal: Portal, plan: Plan, progress: Begun, maxRows: number): void {
    if (!plan.columns) throw refused('this portal has been run: bind the statement again', '55000')
    this.#sendRows(portal, plan, progress, maxRows)
  }

  /** As PostgreSQL, which doesn't look ahead: after exactly as many rows as were asked for there may be more. */
  #sendRows(portal: Portal, plan: Plan, { answer, at }: Begun, maxRows: number): void {
    const rows = answer.rows ?? []
    const end = maxRows === 0 ? rows.length : Math.min(rows.length, at + maxRows)
    const isLast = maxRows === 0 || end < at + maxRows
    portal.progress = { name: 'begun', answer, at: end }
    const sent = (): void => (isLast ? this.#complete(answer) : this.#write(result.portalSuspended))
    this.#activity = { name: 'sending', plan, formats: portal.formats, rows, at, end, sent }
  }

  #sync(): void {
    this.#isSkipping = false
    if (this.#status === TransactionStatus.idle) this.#names.closePortals()
    this.#write(this.#ready())
  }

  // Answers.

  /** `deliver` writes the answer, now or when it is there. */
  #outcome(outcome: Outcome, deliver: (answer: Answer) => void): void {
    if (outcome === 'hang-up') return this.#client.close()
    if (!('until' in outcome)) return deliver(outcome)
    const waiting = { name: 'waiting', wait: outcome, isExtended: this.#framer.type !== Frontend.query } as const
    this.#activity = waiting
    outcome.until.then(
      (answer) => this.#settle(waiting, () => deliver(answer)),
      (error: unknown) => this.#refuse(waiting, error),
    )
  }

  #refuse(waiting: Waiting, error: unknown): void {
    this.#settle(waiting, () => {
      this.#isSkipping = waiting.isExtended
      this.#failed(error)
    })
  }

  /** The wait is over, if it isn't already, and what was read meanwhile is gone on with. */
  #settle(waiting: Waiting, act: () => void): void {
    if (this.#activity !== waiting) return
    this.#outside(() => {
      this.#activity = reading
      act()
      this.#pump()
    })
  }

  /** What ends no connection by itself. Anything but a TaxirankError is our own bug, and thrown on. */
  #failed(error: unknown): void {
    if (!(error instanceof TaxirankError)) throw error
    if (error.severity === 'FATAL') return this.#client.fail(error)
    this.#write(build.errorResponse(error))
    if (!this.#isSkipping) this.#write(this.#ready())
  }

  #sendSome(sending: Sending): void {
    const columns = sending.plan.columns ?? []
    const pieces: Buffer[] = []
    for (let bytes = 0; sending.at < sending.end && bytes < pieceBytes; sending.at++) {
      const piece = encodeRow(columns, sending.rows[sending.at] as Row, sending.formats)
      pieces.push(piece)
      bytes += piece.length
    }
    if (pieces.length > 0) this.#write(...pieces)
    if (sending.at < sending.end) return
    this.#activity = reading
    sending.sent()
  }

  /** `ready`: what follows in the simple protocol. */
  #complete(answer: Answer, ready?: () => Buffer): void {
    const { tag, notice, transaction, forgetsStatements } = answer
    if (transaction) this.#status = transaction === 'begun' ? TransactionStatus.inBlock : TransactionStatus.idle
    if (forgetsStatements) this.#names.closeStatements()
    const noticed = notice ? [result.notice(notice.text, notice.detail)] : []
    this.#write(...noticed, result.commandComplete(tag), ...(ready ? [ready()] : []))
    answer.afterwards?.()
  }

  #ready(): Buffer {
    return build.readyForQuery(this.#status)
  }

  #write(...messages: readonly Buffer[]): void {
    const bytes = Buffer.concat(messages)
    this.#burst += bytes.length
    this.#owner.counted('sentBytes', bytes.length)
    this.#client.write(bytes, 0)
  }
}

type Begun = Extract<Portal['progress'], { readonly name: 'begun' }>

function noParameters(): TaxirankError {
  return refused('the console takes no parameters: write the value into the command', '0A000')
}
