/**
 * A client for tests that want to choose every byte: it sends what it is given, well-formed or not, and cuts what comes
 * back into messages only when it is asked for them. Every wait has a limit and says what it had got until then.
 */

import assert from 'node:assert/strict'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import * as raw from './raw-messages.ts'
import { type Message, say } from './raw-messages.ts'

const limitMs = 8_000
const defaults = { user: 'postgres', database: 'postgres' }

export class RawClient {
  /** Told of each error and notice that any of them gets, every field of it. */
  static told: (text: string) => void = () => undefined
  /** The body of its BackendKeyData. */
  key: Buffer = Buffer.alloc(0)
  /** Parameters as reported last. */
  readonly parameters = new Map<string, string>()
  /** How the other side ended it; undefined while it lasts. */
  over: 'fin' | 'reset' | undefined
  #socket: Bun.Socket<RawClient> | undefined
  #outgoing: Buffer[] = []
  #incoming: Buffer[] = []
  #incomingBytes = 0
  /** Every byte that ever came. */
  receivedBytes = 0
  readonly #wakers: (() => void)[] = []

  static async connect(port: number): Promise<RawClient> {
    const client = new RawClient()
    client.#socket = await Bun.connect<RawClient>({
      hostname: '127.0.0.1',
      port,
      data: client,
      socket: {
        binaryType: 'buffer',
        data: (_socket, bytes) => client.#received(bytes),
        drain: () => client.#write(),
        close: (_socket, error) => client.#ended(error ? 'reset' : 'fin'),
        error: () => client.#ended('reset'),
      },
    })
    return client
  }

  /** Logged in, ready for a query. Throws the text of an ErrorResponse. */
  static async login(port: number, parameters: Readonly<Record<string, string>> = {}): Promise<RawClient> {
    const client = await RawClient.connect(port)
    client.send(raw.startup({ ...defaults, ...parameters }))
    const refusal = (await client.until('Z', 'E')).find(({ type }) => type === 'E')
    if (refusal) throw new Error(say(refusal))
    return client
  }

  // Sending.

  send(...messages: readonly Buffer[]): void {
    this.#outgoing.push(...messages)
    if (this.#outgoing.length === messages.length) this.#write()
  }

  /** One byte a write, each in a loop turn of its own. */
  async sendBytewise(bytes: Buffer): Promise<void> {
    for (const byte of bytes) {
      this.send(Buffer.from([byte]))
      await turn()
    }
  }

  /** Sends, and collects everything up to the next ReadyForQuery, one line a message. */
  async ask(...messages: readonly Buffer[]): Promise<string[]> {
    this.send(...messages)
    return this.answer()
  }

  query(sql: string): Promise<string[]> {
    return this.ask(raw.query(sql))
  }

  /** The first result: its rows by column name. */
  async rows(sql: string): Promise<Record<string, string | null>[]> {
    this.send(raw.query(sql))
    const got = await this.until('Z')
    const names = got.filter(({ type }) => type === 'T').flatMap(({ body }) => raw.columns(body))
    const rows = got.filter(({ type }) => type === 'D').map(({ body }) => raw.values(body))
    return rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index] ?? null])))
  }

  /** The first column of the first row. Throws what the server refused. */
  async value(sql: string): Promise<string | null> {
    this.send(raw.query(sql))
    const got = await this.until('Z')
    const refusal = got.find(({ type }) => type === 'E')
    if (refusal) throw new Error(`${sql}: ${say(refusal)}`)
    const row = got.find(({ type }) => type === 'D')
    return row ? (raw.values(row.body)[0] ?? null) : null
  }

  // Receiving.

  /** Everything up to the next ReadyForQuery, one line a message. */
  async answer(): Promise<string[]> {
    return (await this.until('Z')).map(say)
  }

  /** The next message; nothing at the end of the connection. */
  message(): Promise<Message | undefined> {
    return this.#next([])
  }

  /** Everything up to the first message of one of these types. */
  async until(...types: readonly string[]): Promise<Message[]> {
    const got: Message[] = []
    for (;;) {
      const next = await this.#next(got)
      if (!next) throw new Error(`closed (${this.over}) before ${types.join(' or ')} came; got ${show(got)}`)
      got.push(next)
      if (types.includes(next.type)) return got
    }
  }

  /** Everything up to the end of the connection, one line a message. Part of a message is a line of its own. */
  async rest(): Promise<string[]> {
    const got: Message[] = []
    for (let next = await this.#next(got); next; next = await this.#next(got)) got.push(next)
    const part = this.#incomingBytes > 0 ? [`${this.#incomingBytes} bytes of a message`] : []
    return [...got.map(say), ...part]
  }

  /** The next byte, for answers that are no messages. */
  async byte(): Promise<string> {
    await this.#enough(1)
    return this.#take(1).toString('latin1')
  }

  /** Waits until this many bytes have come in all, or the connection is over. */
  async received(bytes: number): Promise<void> {
    while (this.receivedBytes < bytes && !this.over) await this.#news(`${this.receivedBytes} of ${bytes} bytes`)
  }

  /** Asserts that nothing comes for a while. */
  async staysSilent(ms = 60): Promise<void> {
    await sleep(ms)
    if (this.#incomingBytes === 0) return assert.equal(this.over, undefined)
    const next = await this.#next([])
    assert.fail(`it should be silent, and got ${next ? say(next) : 'part of a message'}`)
  }

  async closed(): Promise<'fin' | 'reset'> {
    while (!this.over) await this.#news('the end of the connection')
    return this.over
  }

  pause(): void {
    this.#socket?.pause()
  }

  resume(): void {
    this.#socket?.resume()
  }

  // Leaving.

  /** Terminate and FIN. */
  leave(): void {
    this.send(raw.terminate)
    this.#socket?.end()
  }

  /** FIN without a word. */
  vanish(): void {
    this.#socket?.end()
  }

  /** RST. */
  reset(): void {
    this.#socket?.terminate()
  }

  #write(): void {
    while (this.#socket && this.#outgoing.length > 0) {
      const bytes = this.#outgoing[0] as Buffer
      const taken = this.#socket.write(bytes)
      if (taken < 0) return
      if (taken < bytes.length) {
        this.#outgoing[0] = bytes.subarray(taken)
        return
      }
      this.#outgoing.shift()
    }
  }

  #received(bytes: Buffer): void {
    this.#incoming.push(bytes)
    this.#incomingBytes += bytes.length
    this.receivedBytes += bytes.length
    this.#wake()
  }

  #ended(how: 'fin' | 'reset'): void {
    this.over ??= how
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#wakers.splice(0)) wake()
  }

  async #news(waitingFor: string): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`waited ${limitMs} ms for ${waitingFor}`)), limitMs)
    })
    const news = new Promise<void>((resolve) => this.#wakers.push(resolve))
    try {
      await Promise.race([news, late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** False if the connection ended before that many bytes had come. */
  async #enough(bytes: number, got: readonly Message[] = []): Promise<boolean> {
    while (this.#incomingBytes < bytes) {
      if (this.over) return false
      await this.#news(`${bytes} bytes of a message behind ${show(got)}`)
    }
    return true
  }

  async #next(got: readonly Message[]): Promise<Message | undefined> {
    if (!(await this.#enough(5, got))) return undefined
    const length = this.#peek(5).readUInt32BE(1)
    if (!(await this.#enough(1 + length, got))) return undefined
    const bytes = this.#take(1 + length)
    const next = { type: bytes.toString('latin1', 0, 1), body: bytes.subarray(5) }
    this.#note(next)
    return next
  }

  #note({ type, body }: Message): void {
    if (type === 'K') this.key = body
    if (type === 'E' || type === 'N') RawClient.told(body.toString('latin1'))
    if (type !== 'S') return
    const [name = '', value = ''] = body.toString('utf8').split('\0')
    this.parameters.set(name, value)
  }

  #peek(bytes: number): Buffer {
    if ((this.#incoming[0]?.length ?? 0) < bytes) this.#incoming = [Buffer.concat(this.#incoming)]
    return (this.#incoming[0] as Buffer).subarray(0, bytes)
  }

  #take(bytes: number): Buffer {
    const taken = this.#peek(bytes)
    this.#incoming[0] = (this.#incoming[0] as Buffer).subarray(bytes)
    this.#incomingBytes -= bytes
    return taken
  }
}

function show(got: readonly Message[]): string {
  const last = got.slice(-5).map((message) => say(message).slice(0, 200))
  return got.length === 0 ? 'nothing' : `${got.length} messages, the last: ${last.join(', ')}`
}
