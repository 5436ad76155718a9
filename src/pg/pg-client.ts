/**
 * What the pool needs of a client: pg's JavaScript and native ones, and whatever else speaks like them. All but `connect`,
 * `end`, `query` and `on` may be missing; what begins with an underscore is pg's own, and no promise of pg's.
 */

export type QueryCallback = (error: Error | null | undefined, result?: unknown) => void

export interface PgClient {
  connect(callback: (error?: Error | null) => void): unknown
  end(callback?: () => void): unknown
  query(text: unknown, values?: unknown, callback?: QueryCallback): unknown
  on(event: string, listener: (...args: never[]) => void): unknown
  release?: (error?: Error | boolean) => void
  ref?: () => void
  unref?: () => void
  isConnected?: () => boolean
  getTransactionStatus?: () => string | null | undefined
  readonly connection?: PgConnection
  readonly processID?: number | null
  readonly secretKey?: number | null
  readonly host?: string
  readonly port?: number
  readonly readyForQuery?: boolean
  readonly _queryable?: boolean
  readonly _ending?: boolean
  readonly _queryQueue?: readonly unknown[]
  /** Of a client that pipelines. */
  readonly _sentQueryQueue?: readonly unknown[]
  readonly _activeQuery?: unknown
  _poolUseCount?: number
}

/** pg's own connection, below its JavaScript client. */
export interface PgConnection {
  readonly stream?: { destroy?: (error?: Error) => void }
  readonly ssl?: unknown
  on?: (event: string, listener: (...args: never[]) => void) => unknown
}

export type PgClientClass = new (options: object) => PgClient

/** A query runs, or waits behind one, or has failed and PostgreSQL is not ready for another yet. */
export function isBusy(client: PgClient): boolean {
  return client.readyForQuery === false || isRunning(client)
}

/** A query runs, or waits behind one: there is something to cancel. */
export function isRunning({ _activeQuery, _queryQueue, _sentQueryQueue }: PgClient): boolean {
  return Boolean(_activeQuery) || (_queryQueue?.length ?? 0) > 0 || (_sentQueryQueue?.length ?? 0) > 0
}

/** A transaction block is open, or has failed. Of a client that doesn't say: false. */
export function isInTransaction(client: PgClient): boolean {
  const status = client.getTransactionStatus?.()
  return status === 'T' || status === 'E'
}

/** Closes the socket without a word: what is written to it is lost. */
export function destroySocket(client: PgClient): void {
  client.connection?.stream?.destroy?.()
}

/** Runs a statement of the pool's own. */
export function runStatement(client: PgClient, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(text, undefined, (error) => (error ? reject(error) : resolve()))
  })
}
