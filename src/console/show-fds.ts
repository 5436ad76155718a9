import type { ConnectionFigures } from '../pooler/figures.ts'
import { show } from './command.ts'
import { allClients } from './connection-rows.ts'
import { bytea, int4, int8, type Row, text } from './result.ts'

const columns = [
  int4('fd'),
  text('task'),
  text('user'),
  text('database'),
  text('addr'),
  int4('port'),
  int8('cancel'),
  int4('link'),
  text('client_encoding'),
  text('std_strings'),
  text('datestyle'),
  text('timezone'),
  text('password'),
  bytea('scram_client_key'),
  bytea('scram_server_key'),
]

/**
 * For PgBouncer's take-over by a new process, which there is none of here: descriptors, cancel keys, parameters and
 * secrets are NULL. Secrets never leave.
 */
export const showFds = show(
  'FDS',
  columns,
  (around) => [
    ...allClients(around).map((client) => fdRow('client', client)),
    ...around.figures.servers().map((server) => fdRow('server', server)),
  ],
  'admin',
)

function fdRow(task: string, from: ConnectionFigures<string>): Row {
  const { user, database, address, port, linkedTo } = from
  const known = [null, task, user, database, address, port, null, linkedTo ?? 0]
  return [...known, ...columns.slice(known.length).map(() => null)]
}
