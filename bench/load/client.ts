/** One client of a load generator: plain TCP, user and database `postgres`, no password, whatever parameters. */

import { errorText, Messages, query, startup } from './messages.ts'

export interface Answer {
  /** Of the ErrorResponse, if there was one. */
  readonly error: string | undefined
}

export class LoadClient {
  /** The body of its BackendKeyData. */
  key: Buffer = Buffer.alloc(0)
  receivedBytes = 0
  /** Resolves when the connection is over, however it ends. */
  readonly over: Promise<void>
  readonly #ended: () => void
  readonly #messages = new Messages('EK', (type, body) => this.#message(type, body))
  #socket: Bun.Socket<LoadClient> | undefined
  #error: string | undefined
  #onNotice: () => void = () => undefined
  #waiter: { resolve(answer: Answer): void; reject(error: Error): void } | undefined

  private constructor() {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.over = promise
    this.#ended = resolve
  }

  /** Connects and logs in. Rejects with the reason when it is refused. */
  static async login(port: number, parameters: Readonly<Record<string, string>> = {}): Promise<LoadClient> {
    const client = new LoadClient()
    client.#socket = await Bun.connect<LoadClient>({ hostname: '127.0.0.1', port, data: client, socket: handlers })
    const { error } = await client.#send(startup(parameters))
    if (error !== undefined) throw new Error(error)
    return client
  }

  query(sql: string): Promise<Answer> {
    return this.#send(query(sql))
  }

  /** Resolves at the next notice. */
  noticed(): Promise<void> {
    return new Promise((resolve) => (this.#onNotice = resolve))
  }

  pause(): void {
    this.#socket?.pause()
  }

  destroy(): void {
    this.#socket?.terminate()
  }

  received(bytes: Buffer): void {
    this.receivedBytes += bytes.length
    this.#messages.push(bytes)
  }

  ended(): void {
    this.#waiter?.reject(new Error(this.#error ?? 'the connection ended'))
    this.#waiter = undefined
    this.#ended()
  }

  /** Resolves at ReadyForQuery. */
  #send(bytes: Buffer): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    this.#waiter = { resolve, reject }
    this.#error = undefined
    if (this.#socket?.write(bytes) !== bytes.length) this.ended()
    return promise
  }

  #message(type: string, body: Buffer): void {
    if (type === 'K') this.key = body
    if (type === 'E') this.#error = errorText(body)
    if (type === 'N') this.#onNotice()
    if (type !== 'Z') return
    this.#waiter?.resolve({ error: this.#error })
    this.#waiter = undefined
  }
}

const handlers: Bun.SocketHandler<LoadClient> = {
  binaryType: 'buffer',
  data: (socket, bytes) => socket.data.received(bytes),
  close: (socket) => socket.data.ended(),
  error: (socket) => socket.data.ended(),
}

/** Logs in one after the other, `atOnce` of them at a time. */
export async function loginMany(port: number, count: number, atOnce: number): Promise<LoadClient[]> {
  const clients: LoadClient[] = []
  let begun = 0
  const lane = async (): Promise<void> => {
    while (begun++ < count) clients.push(await LoadClient.login(port))
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return clients
}
