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

/** Resolves when PostgreSQL has taken the request, or can't be reached; after 5 s at the latest. Never rejects. */
export function sendCancel(client: PgClient): Promise<void> {
  const { connection, processID, secretKey, host = 'localhost', port = 5432 } = client
  if (!canCancel(client)) return Promise.resolve()
  return new Promise((resolve) => {
    const { ssl, sslNegotiation } = connection as unknown as CancellingConnection
    const Connection = (connection as object).constructor as ConnectionClass
    const cancelling = new Connection({ ssl, sslNegotiation })
    const done = (): void => {
      clearTimeout(limit)
      cancelling.stream.destroy()
      resolve()
    }
    const limit = setTimeout(done, longestMs)
    const send = (): void => cancelling.cancel(processID as number, secretKey as number)
    cancelling.on('connect', () => {
      if (!ssl) send()
      else if (sslNegotiation !== 'direct') cancelling.requestSsl()
    })
    cancelling.on('sslconnect', send)
    cancelling.on('error', done)
    cancelling.on('end', done)
    if (host.startsWith('/')) cancelling.connect(`${host}/.s.PGSQL.${port}`)
    else cancelling.connect(port, host)
  })
}
