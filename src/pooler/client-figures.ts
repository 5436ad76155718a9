import type { Client } from '../client/client.ts'
import type { ClientFigures } from './figures.ts'

/** What can be said of any client. */
export function clientFigures(client: Client): ClientFigures {
  const { address, port, localAddress, localPort, tls, peerPid } = client.way
  return {
    id: client.id,
    user: '',
    database: '',
    state: 'login',
    address,
    port,
    localAddress,
    localPort,
    connectedAtMs: 0,
    requestedAtMs: 0,
    waitMs: 0,
    isMarked: false,
    linkedTo: undefined,
    remotePid: peerPid,
    tls,
    applicationName: '',
    preparedStatements: 0,
    heldBytes: 0,
    unsentBytes: client.unsentBytes,
  }
}
