/**
 * One connection, opened step by step with a clock beside it: TCP, TLS, authentication, start-up, a first query, the end. The
 * driver does the same, but doesn't say how long each step took.
 */

import { pbkdf2Sync } from 'node:crypto'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type SecureVersion } from 'node:tls'
import { parseSecret } from '../auth/secret.ts'
import { ServerExchange, type ServerStep } from '../auth/server-exchange.ts'
import { TaxirankError } from '../errors.ts'
import { query, sslRequest, startupMessage, terminate } from '../wire/build.ts'
import { Framer } from '../wire/framer.ts'
import { Backend, backendLoginRules, backendRules } from '../wire/messages.ts'
import { readErrorFields } from '../wire/read.ts'
import { applicationName } from './target.ts'

/** In the order in which they come. */
export const phases = ['TCP', 'TLS', 'authentication', 'start-up', 'query', 'teardown'] as const
export type Phase = (typeof phases)[number]

/**
 * How long each took, in milliseconds. `authentication` is from the start-up packet to our last answer to it, 0 where nothing is
 * asked; `start-up` from there to ReadyForQuery, since PostgreSQL sends its consent together with that. The fork of the backend
 * is in whichever comes first. `query` is `SELECT 1`, `teardown` from Terminate to the server's end of the connection.
 */
export type PhaseTimes = Readonly<Record<Phase, number>>

export interface LoginOptions {
  readonly host: string
  readonly port: number
  /** What TLS asks for by name: `host`, unless a relay stands before it. */
  readonly serverName: string
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  /** The only version that is spoken; undefined: no TLS. Certificates aren't checked: what is sent is a `SELECT 1`. */
  readonly tls: SecureVersion | undefined
  readonly signal: AbortSignal
}

const derivedBytes = 32

/** Rejects with `server_connect_failed`, for TLS that isn't offered, too; and with the signal's reason. */
export async function timeLogin(options: LoginOptions): Promise<PhaseTimes> {
  options.signal.throwIfAborted()
  const clock = new Clock()
  const connection = await RawConnection.open(options)
  try {
    clock.ends('TCP')
    if (options.tls !== undefined) await connection.encrypt(options, options.tls)
    clock.ends('TLS')
    connection.write(startupMessage([...startupParameters(options)], 0))
    await logIn(connection, options, () => clock.ends('authentication'))
    clock.ends('start-up')
    connection.loggedIn()
    connection.write(query('SELECT 1'))
    await connection.until(Backend.readyForQuery)
    clock.ends('query')
    connection.write(terminate)
    await connection.closed
    clock.ends('teardown')
    return clock.times()
  } catch (error) {
    options.signal.throwIfAborted()
    throw error
  } finally {
    connection.destroy()
  }
}

function startupParameters({ user, database }: LoginOptions): Map<string, string> {
  return new Map([
    ['user', user],
    ['database', database],
    ['application_name', applicationName],
  ])
}

/** Each call ends a phase; one that isn't called has taken no time. */
class Clock {
  readonly #times: Record<Phase, number> = { TCP: 0, TLS: 0, authentication: 0, 'start-up': 0, query: 0, teardown: 0 }
  #sinceMs = performance.now()

  ends(phase: Phase): void {
    const nowMs = performance.now()
    this.#times[phase] += nowMs - this.#sinceMs
    this.#sinceMs = nowMs
  }

  times(): PhaseTimes {
    return this.#times
  }
}

/** `answered`: our last answer has been sent. Without a question it isn't called. */
async function logIn(connection: RawConnection, options: LoginOptions, answered: () => void): Promise<void> {
  const { user, password = '' } = options
  const secret = parseSecret(Buffer.from(password))
  if (secret.kind === 'scram') throw failed('a SCRAM secret is no password')
  const exchange = new ServerExchange(user, secret)
  for (;;) {
    const message = await connection.message()
    if (message.type === Backend.readyForQuery) return
    if (message.type !== Backend.authentication) continue
    let step: ServerStep = exchange.received(message)
    if (step.name === 'derive') {
      const { password: prepared, salt, iterations } = step.derivation
      step = exchange.derived(pbkdf2Sync(prepared, salt, iterations, derivedBytes, 'sha256'))
    }
    if (step.name === 'failed') throw step.error
    if (step.name !== 'send') continue
    connection.write(step.bytes)
    answered()
  }
}

interface RawMessage {
  readonly type: number
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
}

const answerToTls = { yes: 'S'.charCodeAt(0), no: 'N'.charCodeAt(0) }

class RawConnection {
  /** Resolves when the server has ended it. */
  readonly closed: Promise<void>
  #framer = new Framer(backendLoginRules)
  readonly #messages: RawMessage[] = []
  readonly #signal: AbortSignal
  readonly #abort = (): void => this.destroy()
  #socket: Socket
  #wake: (() => void) | undefined
  #problem: Error | undefined
  #close: () => void = () => undefined

  static async open({ host, port, signal }: LoginOptions): Promise<RawConnection> {
    const socket = connect({ host, port })
    socket.setNoDelay(true)
    const connection = new RawConnection(socket, signal)
    await connection.#happens(socket, 'connect')
    return connection
  }

  private constructor(socket: Socket, signal: AbortSignal) {
    this.closed = new Promise((resolve) => (this.#close = resolve))
    this.#socket = socket
    this.#watch(socket)
    this.#signal = signal
    signal.addEventListener('abort', this.#abort)
  }

  #watch(socket: Socket): void {
    socket.on('error', (error) => this.#fails(error))
    socket.on('close', () => this.#fails(failed('the server has closed the connection')))
    socket.on('end', () => this.#close())
  }

  #fails(error: Error): void {
    this.#problem ??= error
    this.#close()
    this.#wake?.()
  }

  async #happens(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      socket.once(event, resolve)
    })
    this.#check()
    socket.on('data', (bytes: Buffer) => this.#received(bytes))
  }

  #check(): void {
    if (this.#problem) throw failed(this.#problem.message, this.#problem)
  }

  /** Asks for TLS first, as clients do unless they are told that the server expects it. */
  async encrypt({ serverName }: LoginOptions, version: SecureVersion): Promise<void> {
    const plain = this.#socket
    plain.removeAllListeners('data')
    const answer = new Promise<Buffer>((resolve) => plain.once('data', resolve))
    this.write(sslRequest)
    const [said] = await Promise.race([answer, this.closed.then(() => Buffer.alloc(1))])
    this.#check()
    if (said === answerToTls.no) throw failed('the server offers no TLS')
    if (said !== answerToTls.yes) throw failed('the server answered neither yes nor no to TLS')
    const secure = connectTls({
      socket: plain,
      minVersion: version,
      maxVersion: version,
      rejectUnauthorized: false,
      ...(isIP(serverName) === 0 && { servername: serverName }),
    })
    this.#socket = secure
    this.#watch(secure)
    await this.#happens(secure, 'secureConnect')
    if (secure.getProtocol() !== version)
      throw failed(`TLS came to be ${secure.getProtocol() ?? 'nothing'}, not ${version}`)
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  destroy(): void {
    this.#signal.removeEventListener('abort', this.#abort)
    this.#socket.destroy()
  }

  /** Rejects with what an ErrorResponse says. */
  async message(): Promise<RawMessage> {
    for (;;) {
      const message = this.#messages.shift()
      if (message?.type === Backend.errorResponse) throw refused(readErrorFields(message))
      if (message) return message
      this.#check()
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  async until(type: number): Promise<void> {
    while ((await this.message()).type !== type);
  }

  /** From now on the server may send what answers queries. */
  loggedIn(): void {
    const rest = this.#framer.takeRest()
    this.#framer = new Framer(backendRules)
    this.#received(rest)
  }

  #received(bytes: Buffer): void {
    try {
      this.#framer.push(bytes)
      while (this.#framer.next()) {
        const { bytes: held, type, start, end, isHead } = this.#framer
        // Of a long message only the beginning, which says enough.
        if (isHead)
          this.#messages.push({ type, bytes: Buffer.from(held.subarray(start, end)), start: 0, end: end - start })
      }
    } catch (error) {
      this.#fails(error as Error)
    }
    this.#wake?.()
  }
}

function refused(fields: ReadonlyMap<string, string>): TaxirankError {
  return failed(fields.get('M') ?? 'the login was refused')
}

function failed(message: string, cause?: unknown): TaxirankError {
  return new TaxirankError('server_connect_failed', message, { cause })
}
