/** Asks PostgreSQL to end what a client's backend is doing: by a connection of its own, encrypted if the client's is. */

import type { PgClient } from './pg-client.ts'

/** What pg's own connection can do when it is used for a cancel. */
interface CancellingConnection {
  readonly ssl?: unknown
  connect(port: number | string, host?: string): void
  requestSsl(): void
  cancel(processID: number, secretKey: number): void
  on(event: string, listener: (error?: Error) => void): unknown
  readonly stream: { destroy(): void; end(): void }
  readonly sslNegotiation?: string
}

type ConnectionClass = new (options: object) => CancellingConnection

const longestMs = 5_000

/** Whether `client` is one whose queries can be cancelled: pg's native one is not. */
export function canCancel(client: PgClient): boolean {
  const { connection, processID, secretKey } = client
  return connection !== undefined && typeof processID === 'number' && secretKey !== null && secretKey !== undefined
}

/**
 * Resolves when PostgreSQL has taken the request, or it was never sent: true. False if nobody knows, after 5 s or because
 * the connection was lost: it may still come, and end whatever the backend does then. Never rejects.
 */
export function sendCancel(client: PgClient): Promise<boolean> {
  const { connection, processID, secretKey, host = 'localhost', port = 5432 } = client
  if (!canCancel(client)) return Promise.resolve(true)
  return new Promise((resolve) => {
    const { ssl, sslNegotiation } = connection as unknown as CancellingConnection
    const Connection = (connection as object).constructor as ConnectionClass
    const cancelling = new Connection({ ssl, sslNegotiation })
    let isSent = false
    const done = (isTaken: boolean): void => {
      clearTimeout(limit)
      cancelling.stream.destroy()
      resolve(isTaken || !isSent)
    }
    const limit = setTimeout(() => done(false), longestMs)
    const send = (): void => {
      isSent = true
      cancelling.cancel(processID as number, secretKey as number)
    }
    cancelling.on('connect', () => {
      if (!ssl) send()
      else if (sslNegotiation !== 'direct') cancelling.requestSsl()
    })
    cancelling.on('sslconnect', send)
    cancelling.on('error', () => done(false))
    // PostgreSQL says nothing: it closes the connection when it has done what was asked.
    cancelling.on('end', () => done(true))
    if (host.startsWith('/')) cancelling.connect(`${host}/.s.PGSQL.${port}`)
    else cancelling.connect(port, host)
  })
}
