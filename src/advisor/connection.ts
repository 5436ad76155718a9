/**
 * The advisor's one connection, to PostgreSQL, to a pooler in front of it, or to a pooler's console.
 *
 * A `Client` of pg's and not our own Pool: there is one connection, it is never lent and never replaced unseen, and what its
 * login says (process id, reported parameters) tells whether a pooler is there. Nothing is sent at the login that a pooler
 * would refuse; statements are sent as simple queries, which everything understands.
 *
 * Connecting and each statement are bounded, by our own clock, too, for a network that is gone. The end always comes: when the
 * signal aborts, the socket is closed whatever runs.
 */

import type { Socket } from 'node:net'
import { Client, type QueryResult } from 'pg'
import { TaxirankError } from '../errors.ts'

/** What pg_stat_activity and SHOW CLIENTS call us. */
const applicationName = 'taxirank advise'

const connectLimitMs = 10_000
/** A statement may wait in a pooler's queue first. */
const answerLimitMs = 15_000
const endLimitMs = 1_000

/** Those of the address that would change how we behave, for pg takes them over what it is told otherwise. */
const ownParameters = [
  'application_name',
  'fallback_application_name',
  'connectionTimeoutMillis',
  'keepAlive',
  'statement_timeout',
  'lock_timeout',
  'query_timeout',
  'idle_in_transaction_session_timeout',
  'pipeline',
  'binary',
]

export class Connection {
  /** Without the password. */
  readonly address: string
  /** ParameterStatus, as it came last. */
  readonly reported: ReadonlyMap<string, string>
  readonly #client: Client
  readonly #signal: AbortSignal | undefined
  readonly #abort = (): void => {
    this.#socket.destroy()
  }
  #isLost = false
  #asked = 0
  #answersMs = 0

  /**
   * `url`: `postgres://user:password@host:port/database`. Rejects with `bad_configuration` if it can't be read, with
   * `server_connect_failed` if there is no way in, and with the signal's reason. The caller ends it.
   */
  static async open(url: string, signal?: AbortSignal): Promise<Connection> {
    signal?.throwIfAborted()
    const connection = new Connection(clientFor(url), signal)
    await connection.#login()
    return connection
  }

  private constructor(client: Client, signal: AbortSignal | undefined) {
    const reported = new Map<string, string>()
    this.#client = client
    this.#signal = signal
    this.address = addressOf(client)
    this.reported = reported
    client.on('error', () => (this.#isLost = true))
    client.on('end', () => (this.#isLost = true))
    client.connection.on('parameterStatus', (message: { parameterName: string; parameterValue: string }) =>
      reported.set(message.parameterName, message.parameterValue),
    )
    signal?.addEventListener('abort', this.#abort)
  }

  async #login(): Promise<void> {
    try {
      await this.#client.connect()
    } catch (cause) {
      await this.end()
      this.#signal?.throwIfAborted()
      throw new TaxirankError('server_connect_failed', `cannot connect to ${this.address}: ${reasonOf(cause)}`, {
        cause,
      })
    }
  }

  /** That was connected to; a pooler may call it otherwise than PostgreSQL does. */
  get database(): string {
    return this.#client.database ?? ''
  }

  get user(): string {
    return this.#client.user ?? ''
  }

  /** That the login has told, for a cancel: a pooler tells another one than the backend has. */
  get loginPid(): number | undefined {
    return (this.#client as unknown as { readonly processID: number | null }).processID ?? undefined
  }

  /** Of the other end; absent on a unix socket. */
  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress
  }

  /** Nothing more can be asked. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** How many times anything was asked. */
  get asked(): number {
    return this.#asked
  }

  /** From each question to its answer, added up: no pooler has lent a server for longer. */
  get answersMs(): number {
    return this.#answersMs
  }

  get #socket(): Socket {
    return this.#client.connection.stream as Socket
  }

  /**
   * Sends one simple Query, of one statement or several, and gives the rows of the last. Rejects with PostgreSQL's error, which
   * leaves the connection as it is; with `server_lost` when there was no answer; with the signal's reason.
   */
  async query<Row extends object>(text: string): Promise<readonly Row[]> {
    this.#signal?.throwIfAborted()
    this.#asked++
    const askedAtMs = performance.now()
    const late = setTimeout(
      () => this.#socket.destroy(new Error(`no answer within ${answerLimitMs} ms`)),
      answerLimitMs,
    )
    try {
      const results = (await this.#client.query<Row>(text)) as QueryResult<Row> | QueryResult<Row>[]
      return (Array.isArray(results) ? results.at(-1) : results)?.rows ?? []
    } catch (cause) {
      this.#signal?.throwIfAborted()
      if (isFromPostgres(cause)) throw cause
      this.#isLost = true
      throw new TaxirankError('server_lost', `${this.address} was lost: ${reasonOf(cause)}`, { cause })
    } finally {
      clearTimeout(late)
      this.#answersMs += performance.now() - askedAtMs
    }
  }

  /** Resolves within a second, when the connection is closed. Never rejects. */
  async end(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#abort)
    const late = setTimeout(() => this.#socket.destroy(), endLimitMs)
    if (this.#isLost) this.#socket.destroy()
    else await this.#client.end().catch(() => undefined)
    clearTimeout(late)
  }
}

/** With a code of five characters, an SQLSTATE. */
export function isFromPostgres(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'severity' in error && /^[0-9A-Z]{5}$/.test(String(Reflect.get(error, 'code')))
}

/** What went wrong, in the words of whoever noticed. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  return error.message || String(Reflect.get(error, 'code') ?? error.name)
}

function clientFor(url: string): Client {
  if (!/^postgres(ql)?:\/\//.test(url)) throw unreadable('it does not begin with postgres://')
  try {
    return new Client({
      connectionString: withOwnParameters(url),
      connectionTimeoutMillis: connectLimitMs,
      keepAlive: true,
    })
  } catch (error) {
    // The message of a parser may repeat the address, with its password; that of a missing file names the file.
    throw unreadable(error instanceof Error && 'syscall' in error ? error.message : 'something in it is malformed')
  }
}

function unreadable(why: string): TaxirankError {
  return new TaxirankError(
    'bad_configuration',
    `the address cannot be read: ${why}. It looks like postgres://user:password@host:5432/database, with %40 for an @ in the password`,
  )
}

/** `sslmode` means what it means to psql; pg would check certificates with `require`. */
function withOwnParameters(url: string): string {
  const [address = '', query = ''] = url.split(/\?(.*)/s, 2)
  const parameters = new URLSearchParams(query)
  for (const name of ownParameters) parameters.delete(name)
  parameters.set('application_name', applicationName)
  if (parameters.has('sslmode')) parameters.set('uselibpqcompat', 'true')
  return `${address}?${parameters.toString()}`
}

function addressOf({ user = '', host, port, database = '' }: Client): string {
  if (host.startsWith('/')) return `postgres://${user}@/${database}?host=${host}&port=${port}`
  return `postgres://${user}@${host.includes(':') ? `[${host}]` : host}:${port}/${database}`
}
