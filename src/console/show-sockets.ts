import type { ClientFigures, ClientState, ConnectionFigures, ServerFigures } from '../pooler/figures.ts'
import { show, type Surroundings } from './command.ts'
import { allClients, clientRow, connectionColumns, serverRow } from './connection-rows.ts'
import { int4, type Row } from './result.ts'

const bufferColumns = ['recv_pos', 'pkt_pos', 'pkt_remain', 'send_pos', 'send_remain', 'pkt_avail', 'send_avail']
const columns = [...connectionColumns, ...bufferColumns.map(int4)]

/** Both sides, with what is on its way through each. */
export const showSockets = show('SOCKETS', columns, (around) => [
  ...allClients(around).map(clientSocket),
  ...around.figures.servers().map(serverSocket),
])

/** Those on which something goes on. */
export const showActiveSockets = show('ACTIVE_SOCKETS', columns, (around: Surroundings) => [
  ...allClients(around)
    .filter(({ state }) => state !== 'idle')
    .map(clientSocket),
  ...around.figures
    .servers()
    .filter(({ state }) => state !== 'idle' && state !== 'used')
    .map(serverSocket),
])

/** In PgBouncer idle is no state of a client's socket. */
function clientSocket(client: ClientFigures): Row {
  const state: Exclude<ClientState, 'idle'> = client.state === 'idle' ? 'active' : client.state
  return [...clientRow(client, `cl_${state}`), ...buffers(client)]
}

function serverSocket(server: ServerFigures): Row {
  return [...serverRow(server, `sv_${server.state}`), ...buffers(server)]
}

/**
 * PgBouncer's positions in its one buffer, as far as there is something like it here: what was read and is held
 * (recv_pos, pkt_avail), and what the kernel has not taken (send_remain, send_avail).
 */
function buffers({ heldBytes, unsentBytes }: ConnectionFigures<string>): Row {
  return [heldBytes, 0, 0, 0, unsentBytes, heldBytes, unsentBytes]
}
