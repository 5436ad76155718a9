/** One connection of a canary client: the socket, what is owed on it, and how it ends. */

import { BreachError, LostError } from './breach.ts'
import { Conversation, type Cancellation, type Refusal } from './conversation.ts'
import { startup, terminate } from './messages.ts'
import { authenticated, ready, type Reply } from './replies.ts'
import { Transcript } from './transcript.ts'

export interface Target {
  readonly host: string
  readonly port: number
}

/** What to send, and the replies that are owed for it. */
export interface Exchange {
  readonly bytes: Buffer
  readonly replies: readonly Reply[]
  readonly cancellation?: Cancellation
  readonly refusal?: Refusal
  /** Everything came; `wasCanceled`: a 57014 instead of the rest. */
  answered?(wasCanceled: boolean): void
}

type Socket = Bun.Socket<Connection>

interface Waiter {
  resolve(wasCanceled: boolean): void
  reject(error: Error): void
}

export class Connection {
  readonly conversation: Conversation
  readonly transcript = new Transcript()
  /** Set when the connection is over. */
  over: LostError | BreachError | undefined
  #socket: Socket | undefined
  #backlog: Buffer[] = []
  #receivedBytes = 0
  readonly #waiters = new Set<Waiter>()
  readonly #watchers: { readonly atBytes: number; wake(): void }[] = []

  constructor(client: number, onError: (text: string) => void) {
    this.conversation = new Conversation(client, onError)
  }

  /** Connects and logs in. Rejects with LostError or BreachError. */
  async open(target: Target, parameters: ReadonlyMap<string, string>): Promise<void> {
    try {
      await Bun.connect<Connection>({ hostname: target.host, port: target.port, data: this, socket: handlers })
    } catch (error) {
      throw new LostError(`connect ${(error as { code?: string }).code ?? String(error)}`)
    }
    await this.ask({ bytes: startup(parameters), replies: [authenticated, ready('I')] })
  }

  /** Sends and waits for everything that is owed. True: a cancel request ended it early. */
  ask(...exchanges: readonly Exchange[]): Promise<boolean> {
    return this.askPart(exchanges, Infinity)
  }

  /** Sends only the first bytes. */
  async askPart(exchanges: readonly Exchange[], mostBytes: number): Promise<boolean> {
    const answers = exchanges.map((exchange) => this.#owe(exchange))
    this.send(Buffer.concat(exchanges.map(({ bytes }) => bytes)).subarray(0, mostBytes))
    const canceled = await Promise.all(answers)
    return canceled.includes(true)
  }

  send(bytes: Buffer): void {
    if (this.over) return
    this.transcript.add('sent', bytes)
    this.#backlog.push(bytes)
    if (this.#backlog.length === 1) this.#flush()
  }

  /** Waits until this many more bytes have come. */
  async receive(bytes: number): Promise<void> {
    if (this.over) return
    const atBytes = this.#receivedBytes + bytes
    await new Promise<void>((resolve) => this.#watchers.push({ atBytes, wake: resolve }))
  }

  pause(): void {
    this.#socket?.pause()
  }

  resume(): void {
    this.#socket?.resume()
  }

  /** Leaves without a word. Requests that are owed a reply are rejected. */
  vanish(how: 'reset' | 'fin'): void {
    this.transcript.add(`vanished by ${how}`)
    this.#end(new LostError('vanished'))
    if (how === 'reset') this.#socket?.terminate()
    else this.#socket?.end()
  }

  /** Leaves politely. */
  close(): void {
    this.send(terminate)
    this.#end(new LostError('closed by the client'))
    this.#socket?.end()
  }

  #owe(exchange: Exchange): Promise<boolean> {
    if (this.over) return Promise.reject(this.over)
    const { replies, cancellation, refusal } = exchange
    const answer = new Promise<boolean>((resolve, reject) => {
      const waiter = { resolve, reject }
      this.#waiters.add(waiter)
      const done = (wasCanceled: boolean): void => {
        this.#waiters.delete(waiter)
        exchange.answered?.(wasCanceled)
        resolve(wasCanceled)
      }
      this.conversation.expect({ replies, cancellation, refusal, done })
    })
    answer.catch(() => undefined)
    return answer
  }

  #flush(): void {
    while (this.#socket && this.#backlog.length > 0) {
      const bytes = this.#backlog[0] as Buffer
      const taken = this.#socket.write(bytes)
      if (taken < 0) return
      if (taken < bytes.length) {
        this.#backlog[0] = bytes.subarray(taken)
        return
      }
      this.#backlog.shift()
    }
  }

  #received(bytes: Buffer): void {
    if (this.over) return
    this.transcript.add('received', bytes)
    this.#receivedBytes += bytes.length
    try {
      this.conversation.feed(bytes)
    } catch (error) {
      if (!(error instanceof BreachError)) throw error
      this.#end(error)
      this.#socket?.terminate()
      return
    }
    if (this.conversation.fatal) this.#announcedEnd(this.conversation.fatal)
    this.#wakeWatchers()
  }

  #announcedEnd({ sqlState, text }: { sqlState: string; text: string }): void {
    this.#end(new LostError(`${sqlState} ${text}`))
    this.#socket?.end()
  }

  #end(error: LostError | BreachError): void {
    if (this.over) return
    this.over = error
    for (const waiter of this.#waiters) waiter.reject(error)
    this.#waiters.clear()
    this.#wakeWatchers()
  }

  #wakeWatchers(): void {
    for (let i = this.#watchers.length - 1; i >= 0; i--) {
      const watcher = this.#watchers[i]
      if (!watcher || (!this.over && this.#receivedBytes < watcher.atBytes)) continue
      this.#watchers.splice(i, 1)
      watcher.wake()
    }
  }

  /** For the socket's callbacks. */
  static readonly events = {
    opened(connection: Connection, socket: Socket): void {
      connection.#socket = socket
      if (connection.over) socket.terminate()
      connection.#flush()
    },
    received: (connection: Connection, bytes: Buffer): void => connection.#received(bytes),
    drained: (connection: Connection): void => connection.#flush(),
    closed(connection: Connection, error: Error | undefined): void {
      connection.transcript.add(error ? `closed: ${error.message}` : 'closed by FIN')
      connection.#end(new LostError(error ? ((error as { code?: string }).code ?? error.message) : 'FIN'))
    },
  }
}

const handlers: Bun.SocketHandler<Connection> = {
  binaryType: 'buffer',
  open: (socket) => Connection.events.opened(socket.data, socket),
  data: (socket, bytes) => Connection.events.received(socket.data, bytes),
  drain: (socket) => Connection.events.drained(socket.data),
  close: (socket, error) => Connection.events.closed(socket.data, error),
  error: (socket, error) => Connection.events.closed(socket.data, error),
}
