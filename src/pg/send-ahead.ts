/**
 * Sends statements of the pool's own in one write with the next query of pg's JavaScript client, ahead of it, and keeps
 * their replies from everybody. It hooks into where the client takes the next query from its queue; the hook is gone when
 * that has happened. What isn't a plain query of pg's (a COPY stream takes over the socket when it is submitted) is sent only
 * when the statements have been answered. Not for a client that pipelines: it keeps no query waiting.
 */

import type { PgClient } from './pg-client.ts'

export interface Ahead {
  readonly text: string
  /** What is sent behind it must not run if it fails; otherwise its failure is nobody's business. */
  readonly isNeeded: boolean
  /** With it PostgreSQL forgets what was prepared. */
  readonly forgetsStatements: boolean
}

/** One of pg's queries, or what is submitted in its place. */
interface Submittable {
  submit(connection: JsConnection): Error | null | undefined | void
  handleError(error: Error, connection: JsConnection): void
}

interface JsConnection {
  query(text: string): void
  /** By name. */
  parsedStatements?: object
  submittedNamedStatements?: object
  readonly stream: JsStream
}

interface JsStream {
  write: (chunk: Uint8Array) => boolean
  destroy(): void
}

/** What is used of pg's JavaScript client. */
interface JsClient {
  readonly connection: JsConnection
  readonly pipeline?: boolean
  readyForQuery: boolean
  _activeQuery: unknown
  _queryQueue: Submittable[]
  _pulseQueryQueue: () => void
}

type QueryClass = abstract new (...args: never[]) => Submittable

/** Whether it is a client of which all this is known. */
export function canSendAhead(client: PgClient): boolean {
  const { connection, pipeline, _queryQueue, _pulseQueryQueue } = client as unknown as Partial<JsClient>
  const isKnown = Array.isArray(_queryQueue) && typeof _pulseQueryQueue === 'function' && '_activeQuery' in client
  return isKnown && pipeline !== true && typeof connection?.query === 'function'
}

export function sendAhead(client: PgClient, statements: readonly Ahead[]): void {
  const js = client as unknown as JsClient
  const pulse = js._pulseQueryQueue
  js._pulseQueryQueue = () => {
    const [query] = js._queryQueue
    if (!query || !js.readyForQuery) return pulse.call(js)
    forgetAhead(client)
    if (statements.some(({ forgetsStatements }) => forgetsStatements)) forgetStatements(client)
    const isTogether = isPlain(query, js)
    const preceded = new Preceded(js, statements, query, isTogether)
    js._queryQueue.splice(0, isTogether ? 1 : 0, preceded)
    inOneWrite(js.connection, () => pulse.call(js))
  }
}

/** False if there was nothing left to be sent. */
export function forgetAhead(client: PgClient): boolean {
  const isLeft = Object.hasOwn(client, '_pulseQueryQueue')
  if (isLeft) delete (client as unknown as Partial<JsClient>)._pulseQueryQueue
  return isLeft
}

/** A query of pg's own: it takes its replies from the client, one after the other. */
function isPlain(query: Submittable, client: JsClient): boolean {
  const { Query } = client.constructor as { Query?: QueryClass }
  return Query !== undefined && query instanceof Query
}

/** Has pg prepare its named statements anew. */
export function forgetStatements(client: PgClient): void {
  const { connection } = client as unknown as Partial<JsClient>
  if (connection?.parsedStatements) Object.assign(connection, { parsedStatements: {}, submittedNamedStatements: {} })
}

/** Corking would do on Node alone: elsewhere a corked stream still writes one thing after the other. */
function inOneWrite({ stream }: JsConnection, act: () => void): void {
  const own = Object.getOwnPropertyDescriptor(stream, 'write')
  const chunks: Uint8Array[] = []
  stream.write = (chunk) => chunks.push(chunk) > 0
  try {
    act()
  } finally {
    if (own) Object.defineProperty(stream, 'write', own)
    else delete (stream as Partial<JsStream>).write
    if (chunks.length > 0) stream.write(Buffer.concat(chunks))
  }
}

/** Statements ahead of a query: in its place until they are answered. Their rows and tags are nobody's. */
class Preceded implements Submittable {
  readonly #client: JsClient
  readonly #statements: readonly Ahead[]
  readonly #query: Submittable
  /** The query was sent with them; otherwise it stands in the queue behind this. */
  readonly #isTogether: boolean
  #answered = 0
  /** The query could not be sent. */
  #unsent: Error | undefined

  constructor(client: JsClient, statements: readonly Ahead[], query: Submittable, isTogether: boolean) {
    this.#client = client
    this.#statements = statements
    this.#query = query
    this.#isTogether = isTogether
  }

  submit(connection: JsConnection): void {
    for (const { text } of this.#statements) connection.query(text)
    if (!this.#isTogether) return
    try {
      this.#unsent = this.#query.submit(connection) ?? undefined
    } catch (error) {
      this.#unsent = error as Error
    }
  }

  /** A statement has failed, or the connection. */
  handleError(error: Error, connection: JsConnection): void {
    const isNeeded = this.#statements[this.#answered]?.isNeeded ?? true
    const isLost = !('severity' in error)
    // What stands in the queue is told by the client itself that the connection is lost.
    if (isLost && !this.#isTogether) return
    if (isNeeded || isLost) this.#fail(error, connection)
    else this.#client._activeQuery = this
  }

  /** Nothing that PostgreSQL still answers on this connection may be taken for the answer to anything. */
  #fail(error: Error, connection: JsConnection): void {
    // The end of the connection is news to nobody then: each hears of one end.
    this.#client._activeQuery = null
    const { _queryQueue } = this.#client
    const at = _queryQueue.indexOf(this.#query)
    if (at >= 0) _queryQueue.splice(at, 1)
    connection.stream.destroy()
    this.#query.handleError(error, connection)
  }

  handleReadyForQuery(): void {
    const client = this.#client
    if (++this.#answered < this.#statements.length) return this.#goOn(this)
    if (this.#unsent) this.#query.handleError(this.#unsent, client.connection)
    else if (this.#isTogether) this.#goOn(this.#query)
  }

  /** The next reply is for this one. */
  #goOn(query: Submittable): void {
    this.#client._activeQuery = query
    this.#client.readyForQuery = false
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(): void {}

  handleCopyInResponse(connection: JsConnection): void {
    this.#fail(new Error('a COPY can not be sent ahead of a query'), connection)
  }
}
