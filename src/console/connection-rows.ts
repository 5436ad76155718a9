/** What SHOW CLIENTS, SERVERS, SOCKETS and ACTIVE_SOCKETS have in common: a row a connection. */

import type { ClientFigures, ClientState, ConnectionFigures, ServerFigures, ServerState } from '../pooler/figures.ts'
import type { Surroundings } from './command.ts'
import { secondsAndMicros, timestamp } from './number-values.ts'
import { int4, type Row, text } from './result.ts'

export const connectionColumns = [
  text('type'),
  text('user'),
  text('database'),
  text('replication'),
  text('state'),
  text('addr'),
  int4('port'),
  text('local_addr'),
  int4('local_port'),
  text('connect_time'),
  text('request_time'),
  int4('wait'),
  int4('wait_us'),
  int4('close_needed'),
  text('ptr'),
  text('link'),
  int4('remote_pid'),
  text('tls'),
  text('application_name'),
  int4('prepared_statements'),
  int4('id'),
]

const clientStates: Readonly<Record<ClientState, string>> = {
  login: 'login',
  idle: 'idle',
  active: 'active',
  waiting: 'waiting',
  active_cancel_req: 'active_cancel_req',
  waiting_cancel_req: 'waiting_cancel_req',
}

const serverStates: Readonly<Record<ServerState, string>> = {
  login: 'new',
  idle: 'idle',
  used: 'used',
  tested: 'tested',
  active: 'active',
  active_cancel: 'active_cancel',
  being_canceled: 'being_canceled',
}

/** Those of the pooler and of the console. */
export function allClients({ figures, console }: Surroundings): ClientFigures[] {
  return [...figures.clients(), ...console.clients()]
}

export function clientRow(client: ClientFigures, state = clientStates[client.state]): Row {
  return connectionRow('C', client, state, [`c${client.id}`, link('s', client.linkedTo)])
}

export function serverRow(server: ServerFigures, state = serverStates[server.state]): Row {
  return connectionRow('S', server, state, [`s${server.id}`, link('c', server.linkedTo)])
}

function link(letter: string, id: number | undefined): string {
  return id === undefined ? '' : letter + id
}

function connectionRow(type: string, from: ConnectionFigures<string>, state: string, links: readonly string[]): Row {
  return [
    type,
    from.user,
    from.database,
    'none',
    state,
    from.address,
    from.port,
    from.localAddress,
    from.localPort,
    timestamp(from.connectedAtMs),
    timestamp(from.requestedAtMs),
    ...secondsAndMicros(from.waitMs),
    from.isMarked ? 1 : 0,
    ...links,
    from.remotePid,
    from.tls,
    from.applicationName,
    from.preparedStatements,
    from.id,
  ]
}
