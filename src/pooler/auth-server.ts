/** A connection to PostgreSQL that runs `auth_query`, one lookup at a time, and nothing else ever. */

import type { Slot } from '../engine/slot.ts'
import { TaxirankError } from '../errors.ts'
import { cancelBackend } from '../server/cancel.ts'
import { Server, type ServerHandler } from '../server/server.ts'
import type { ServerTarget } from '../server/target.ts'
import * as build from '../wire/build.ts'
import { Framer } from '../wire/framer.ts'
import { authQueryRules, Backend } from '../wire/messages.ts'
import { readDataRow, readErrorFields } from '../wire/read.ts'
import type { AuthQueryOptions } from './auth-query.ts'
import { noTrace } from './trace.ts'

/** `found` without a secret: the user is there, and no password is right. */
export type AuthAnswer =
  | { readonly name: 'found'; readonly secret: string }
  | { readonly name: 'unknown' }
  | { readonly name: 'failed'; readonly error: TaxirankError }

export interface AuthServerOwner {
  serverReady(server: AuthServer): void
  serverFailed(server: AuthServer, error: TaxirankError, isFinal: boolean): void
  serverClosed(server: AuthServer): void
  /** It must not be asked again. */
  serverSpoilt(server: AuthServer, reason: string): void
}

interface Question {
  readonly user: string
  readonly done: (answer: AuthAnswer) => void
  readonly rows: (readonly (string | null)[])[]
  error: string | undefined
}

/** More rows than the one that may come: enough to say that there are several. */
const mostRows = 2

export class AuthServer implements ServerHandler {
  readonly slot: Slot<AuthServer>
  readonly #owner: AuthServerOwner
  readonly #server: Server
  readonly #options: AuthQueryOptions
  readonly #target: ServerTarget
  #key: Buffer = Buffer.alloc(0)
  readonly #framer = new Framer(authQueryRules)
  #question: Question | undefined

  constructor(slot: Slot<AuthServer>, options: AuthQueryOptions, owner: AuthServerOwner) {
    this.slot = slot
    this.#owner = owner
    this.#options = options
    const { connectTimeoutMs, deadlines, derivations, now } = options
    const target = options.target()
    this.#target = target
    const traffic = noTrace.serverTraffic(0)
    this.#server = new Server({ target, connectTimeoutMs, deadlines, derivations, now, traffic }, this)
  }

  /** `user` is a byte string. `done` is called once. */
  ask(user: string, done: (answer: AuthAnswer) => void): void {
    this.#question = { user, done, rows: [], error: undefined }
    const group = [build.parse(this.#options.query), build.bind([user]), build.execute, build.sync]
    this.#server.write(Buffer.concat(group), 0)
  }

  /** What runs is cancelled first: PostgreSQL would not notice that nobody waits for it any more. */
  close(): void {
    if (this.#question === undefined) return this.#server.close(true)
    const { deadlines, now, timeoutMs } = this.#options
    cancelBackend({ target: this.#target, key: this.#key, timeoutMs, deadlines, now }, () => this.#server.close(false))
  }

  ready(_parameters: ReadonlyMap<string, string>, key: Buffer, rest: Buffer): void {
    this.#key = key
    if (rest.length > 0) this.received(rest)
    this.#owner.serverReady(this)
  }

  loginFailed(error: TaxirankError, isFinal: boolean): void {
    this.#owner.serverFailed(this, error, isFinal)
  }

  received(bytes: Buffer): void {
    try {
      this.#framer.push(bytes)
      while (this.#framer.next()) this.#read(this.#framer)
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      this.#owner.serverSpoilt(this, `its connection broke the protocol: ${error.message}`)
    }
  }

  #read(framer: Framer): void {
    const question = this.#question
    switch (framer.type) {
      case Backend.errorResponse:
        return this.#gotError(readErrorFields(framer))
      case Backend.dataRow:
        if (question && question.rows.length < mostRows) question.rows.push(readDataRow(framer))
        return
      case Backend.readyForQuery:
        if (!question) throw new TaxirankError('protocol_violation', 'a ReadyForQuery that nobody asked for')
        this.#question = undefined
        return question.done(answerTo(question))
      default:
    }
  }

  #gotError(fields: ReadonlyMap<string, string>): void {
    const text = `${fields.get('C') ?? 'an error'}: ${fields.get('M') ?? 'no message'}`
    if (this.#question) this.#question.error = text
    else this.#owner.serverSpoilt(this, text)
  }

  blocked(): void {}

  drained(): void {}

  closed(cause: Error | undefined): void {
    const question = this.#question
    this.#question = undefined
    this.#owner.serverClosed(this)
    const how = question?.error ?? cause?.message ?? 'PostgreSQL closed it'
    question?.done(failed(`the connection of auth_query was lost: ${how}`))
  }

  crashed(): void {}
}

function answerTo({ user, rows, error }: Question): AuthAnswer {
  if (error !== undefined) return failed(`auth_query failed: ${error}`)
  const [row] = rows
  if (row === undefined) return { name: 'unknown' }
  if (rows.length > 1) return failed('auth_query gave more than one row')
  if (row.length !== 2) return failed(`auth_query gave ${row.length} columns, and must give 2: name and secret`)
  const [name, secret] = row
  // What a function that looks for one user gives when it finds none.
  if (name === null) return { name: 'unknown' }
  // The secret of somebody else would let them in as this one.
  if (name !== user) return failed('auth_query gave the row of another user than it was asked for')
  return { name: 'found', secret: secret ?? '' }
}

function failed(text: string): AuthAnswer {
  return { name: 'failed', error: new TaxirankError('server_connect_failed', text) }
}
