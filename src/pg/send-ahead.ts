/**
 * Sends statements of the pool's own in one write with the next query of pg's JavaScript client, ahead of it, and keeps
 * their replies from everybody. It hooks into where the client takes the next query from its queue; the hook is gone when
 * that has happened.
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
  handleReadyForQuery?(connection: JsConnection): void
}

interface JsConnection {
  query(text: string): void
  /** By name. */
  parsedStatements?: object
  submittedNamedStatements?: object
  readonly stream: JsStream
}

interface JsStream {
  write(chunk: Uint8Array): boolean
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

/** Whether it is a client of which all this is known. */
export function canSendAhead(client: PgClient): boolean {
  const { connection, _queryQueue, _pulseQueryQueue } = client as unknown as Partial<JsClient>
  const isKnown = Array.isArray(_queryQueue) && typeof _pulseQueryQueue === 'function' && '_activeQuery' in client
  return isKnown && typeof connection?.query === 'function'
}

export function sendAhead(client: PgClient, statements: readonly Ahead[]): void {
  const js = client as unknown as JsClient
  const pulse = js._pulseQueryQueue
  js._pulseQueryQueue = () => {
    if (js._queryQueue.length === 0 || !js.readyForQuery) return pulse.call(js)
    forgetAhead(client)
    if (statements.some(({ forgetsStatements }) => forgetsStatements)) forgetStatements(js.connection)
    if (js.pipeline) putFirst(js, statements)
    else js._queryQueue[0] = new Preceded(js, statements, js._queryQueue[0] as Submittable)
    inOneWrite(js.connection, () => pulse.call(js))
  }
}

/** False if there was nothing left to be sent. */
export function forgetAhead(client: PgClient): boolean {
  const isLeft = Object.hasOwn(client, '_pulseQueryQueue')
  if (isLeft) delete (client as unknown as Partial<JsClient>)._pulseQueryQueue
  return isLeft
}

function forgetStatements(connection: JsConnection): void {
  connection.parsedStatements = {}
  connection.submittedNamedStatements = {}
}

/** Corking would do on Node alone: elsewhere a corked stream still writes one thing after the other. */
function inOneWrite({ stream }: JsConnection, act: () => void): void {
  const chunks: Uint8Array[] = []
  stream.write = (chunk) => chunks.push(chunk) > 0
  try {
    act()
  } finally {
    delete (stream as Partial<JsStream>).write
    if (chunks.length > 0) stream.write(Buffer.concat(chunks))
  }
}

/** A pipelining client keeps track of any number of queries by itself. */
function putFirst(client: JsClient, statements: readonly Ahead[]): void {
  client._queryQueue.unshift(...statements.map(({ text }) => new Silent(text)))
}

/** A query whose answer nobody wants. */
class Silent implements Submittable {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  submit(connection: JsConnection): void {
    connection.query(this.text)
  }

  handleError(): void {
    // What must not run without it fails with the connection.
  }

  handleReadyForQuery(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}
}

/** Statements, and then a query: in the place of that query until the statements are answered. */
class Preceded extends Silent {
  readonly #client: JsClient
  readonly #statements: readonly Ahead[]
  readonly #query: Submittable
  #answered = 0
  /** The query could not be sent. */
  #unsent: Error | undefined

  constructor(client: JsClient, statements: readonly Ahead[], query: Submittable) {
    super('')
    this.#client = client
    this.#statements = statements
    this.#query = query
  }

  override submit(connection: JsConnection): void {
    for (const { text } of this.#statements) connection.query(text)
    try {
      this.#unsent = this.#query.submit(connection) ?? undefined
    } catch (error) {
      this.#unsent = error as Error
    }
  }

  /** The statement has failed: PostgreSQL closes the connection if it was needed, and answers on if it wasn't. */
  override handleError(...[error, connection]: Parameters<Submittable['handleError']> | []): void {
    if (error === undefined || connection === undefined) return
    const isNeeded = this.#statements[this.#answered]?.isNeeded ?? true
    const isLost = !('severity' in error)
    if (isNeeded || isLost) this.#query.handleError(error, connection)
    else this.#client._activeQuery = this
  }

  override handleReadyForQuery(): void {
    const client = this.#client
    const isLast = ++this.#answered === this.#statements.length
    if (isLast && this.#unsent) return this.#query.handleError(this.#unsent, client.connection)
    client._activeQuery = isLast ? this.#query : this
    client.readyForQuery = false
  }
}
