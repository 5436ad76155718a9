/**
 * What one connection may say and when: bytes are put together to messages, and each message must be the next reply
 * that is owed. Anything else is a breach, thrown from `feed`. Knows no socket, so that it can be fed in any split.
 */

import { BreachError, foreignTokens } from './breach.ts'
import { readServerMessage, type ServerMessage } from './messages.ts'
import { error, ready, type Reply, type TransactionStatus } from './replies.ts'

/** A cancel request that may hit some of the requests that name it, once it has been sent. */
export interface Cancellation {
  isSent: boolean
  readonly mostHits: number
  readonly hits: ServerMessage[]
}

/** An error that a request may get instead of its answer, and the status behind it. */
export interface Refusal {
  readonly sqlState: string
  readonly status: TransactionStatus
  isRefused: boolean
}

/** Replies that are owed for something sent. */
export interface Owed {
  readonly replies: readonly Reply[]
  readonly cancellation?: Cancellation | undefined
  readonly refusal?: Refusal | undefined
  /** All of it came; `wasCanceled`: the rest after a 57014. */
  done(wasCanceled: boolean): void
}

interface Waiting {
  readonly owed: Owed
  replies: readonly Reply[]
  next: number
  wasCanceled: boolean
}

const mostMessageBytes = 0x3fff_ffff
const byte = (letter: string): number => letter.charCodeAt(0)
const types = {
  parameterStatus: byte('S'),
  notice: byte('N'),
  error: byte('E'),
  keyData: byte('K'),
  notification: byte('A'),
}

export class Conversation {
  readonly client: number
  /** The last ParameterStatus of each name. */
  readonly parameters = new Map<string, string>()
  /** From BackendKeyData: what a CancelRequest must carry. */
  key: Buffer | undefined
  /** A FATAL error: nothing but the end of the connection may follow. */
  fatal: ServerMessage | undefined
  /** Notifications that will come, each once: the channel, a space, the payload. */
  readonly notifications = new Set<string>()
  readonly #waiting: Waiting[] = []
  #chunks: Buffer[] = []
  #chunkBytes = 0
  #neededBytes = 5
  readonly #onError: (text: string) => void

  /** `onError` is told of each error and notice. */
  constructor(client: number, onError: (text: string) => void = () => undefined) {
    this.client = client
    this.#onError = onError
  }

  /** Replies that are not here yet. */
  get owes(): boolean {
    return this.#waiting.length > 0
  }

  expect(owed: Owed): void {
    this.#waiting.push({ owed, replies: owed.replies, next: 0, wasCanceled: false })
  }

  /** Throws BreachError. */
  feed(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#chunkBytes += chunk.length
    if (this.#chunkBytes < this.#neededBytes) return
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#chunkBytes)
    const used = this.#readMessages(bytes)
    this.#chunks = used === bytes.length ? [] : [bytes.subarray(used)]
    this.#chunkBytes = bytes.length - used
  }

  #readMessages(bytes: Buffer): number {
    let at = 0
    this.#neededBytes = 5
    while (bytes.length - at >= 5) {
      const length = bytes.readUInt32BE(at + 1)
      if (length < 4 || length > mostMessageBytes) {
        throw new BreachError('unexpected message', `a message of length ${length}`)
      }
      if (bytes.length - at <= length) {
        this.#neededBytes = length + 1
        break
      }
      this.#message(bytes[at] as number, bytes.subarray(at + 5, at + 1 + length))
      at += 1 + length
    }
    return at
  }

  #message(type: number, body: Buffer): void {
    if (type === types.error || type === types.notice) this.#onError(body.toString('latin1'))
    if (this.fatal) throw new BreachError('unexpected message', `${shown(type, body)} after a FATAL error`)
    if (type === types.parameterStatus) this.#parameterStatus(body)
    else if (type === types.keyData) this.#keyData(body)
    else if (type === types.error && isFatal(body)) this.#fatalError(body)
    else if (type === types.notification) this.#notified(body)
    else if (type === types.notice && (isAboutShutdown(body) || isAboutPin(body))) return
    else this.#reply(type, body)
  }

  #parameterStatus(body: Buffer): void {
    const [name, value] = body.toString().split('\0')
    this.parameters.set(name ?? '', value ?? '')
  }

  #notified(body: Buffer): void {
    const [channel, payload] = body.toString('utf8', 4).split('\0')
    if (this.notifications.delete(`${channel} ${payload}`)) return
    this.#findForeignTokens(body)
    throw new BreachError(
      'unexpected message',
      `${shown(types.notification, body)} that was not to come, or came before`,
    )
  }

  #keyData(body: Buffer): void {
    if (this.key) throw new BreachError('unexpected message', 'a second BackendKeyData')
    this.key = body
  }

  #fatalError(body: Buffer): void {
    this.#findForeignTokens(body)
    this.fatal = readServerMessage(body)
  }

  #reply(type: number, body: Buffer): void {
    const waiting = this.#waiting[0]
    if (!waiting) {
      this.#findForeignTokens(body)
      throw new BreachError('unexpected message', `${shown(type, body)} while no reply is owed`)
    }
    if (type === types.error && (this.#wasCanceled(waiting, body) || this.#wasRefused(waiting, body))) return
    const reply = waiting.replies[waiting.next] as Reply
    const complaint = reply.type === type ? reply.complaint(body) : shown(type, body)
    if (complaint !== undefined) {
      this.#findForeignTokens(body)
      const kind = reply.type === type ? 'wrong content' : 'unexpected message'
      throw new BreachError(kind, `got ${complaint} where ${reply.what} was owed`)
    }
    this.#fulfilled(waiting)
  }

  #fulfilled(waiting: Waiting): void {
    waiting.next++
    if (waiting.next < waiting.replies.length) return
    this.#waiting.shift()
    waiting.owed.done(waiting.wasCanceled)
  }

  /** After a 57014 only the ReadyForQuery of that request is owed. */
  #wasCanceled(waiting: Waiting, body: Buffer): boolean {
    const { cancellation } = waiting.owed
    if (!cancellation?.isSent || cancellation.hits.length >= cancellation.mostHits) return false
    const message = readServerMessage(body)
    if (message.sqlState !== '57014') return false
    cancellation.hits.push(message)
    waiting.wasCanceled = true
    waiting.replies = [error('57014'), ready('I')]
    waiting.next = 0
    this.#fulfilled(waiting)
    return true
  }

  #wasRefused(waiting: Waiting, body: Buffer): boolean {
    const { refusal } = waiting.owed
    if (!refusal || refusal.isRefused || readServerMessage(body).sqlState !== refusal.sqlState) return false
    refusal.isRefused = true
    waiting.replies = [error(refusal.sqlState), ready(refusal.status)]
    waiting.next = 0
    this.#fulfilled(waiting)
    return true
  }

  #findForeignTokens(body: Buffer): void {
    const foreign = foreignTokens(body.toString(), this.client)
    if (foreign.length > 0) throw new BreachError('foreign token', `got ${foreign.slice(0, 5).join(', ')}`)
  }
}

function isFatal(body: Buffer): boolean {
  const { severity } = readServerMessage(body)
  return severity === 'FATAL' || severity === 'PANIC'
}

/** PostgreSQL warns everybody when a backend crashed or the server stops; a FATAL error follows. */
function isAboutShutdown(body: Buffer): boolean {
  const { severity, sqlState } = readServerMessage(body)
  return severity === 'WARNING' && sqlState.startsWith('57P')
}

/** A pooler tells a client once that it keeps its server. */
function isAboutPin(body: Buffer): boolean {
  const { severity, routine, text } = readServerMessage(body)
  return severity === 'NOTICE' && routine === undefined && foreignTokens(text, 0).length === 0
}

function shown(type: number, body: Buffer): string {
  const text = body.toString('latin1', 0, 200).replaceAll(/[^ -~]+/g, ' ')
  return `message '${String.fromCharCode(type)}' of ${body.length} bytes (${text})`
}
