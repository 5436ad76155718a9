import type { HolderFigures } from '../pooler/figures.ts'
import { show } from './command.ts'
import { timestamp } from './number-values.ts'
import { int4, numeric, type Row, text } from './result.ts'

const columns = [
  text('database'),
  text('user'),
  text('application_name'),
  int4('client_id'),
  int4('server_id'),
  text('pool_mode'),
  text('state'),
  text('since'),
  numeric('seconds'),
  numeric('idle_seconds'),
  text('pin_reason'),
  text('holder'),
]

/** One row a client that holds a server, the longest first: ours, not PgBouncer's. */
export const showHolders = show('HOLDERS', columns, ({ figures }) => figures.holders().map(holderRow))

function holderRow(held: HolderFigures): Row {
  return [
    held.database,
    held.user,
    held.applicationName,
    held.clientId,
    held.serverId,
    held.mode,
    held.state,
    timestamp(held.sinceMs),
    (held.heldMs / 1_000).toFixed(3),
    (held.idleMs / 1_000).toFixed(3),
    held.pinReasons.join(', '),
    held.holder,
  ]
}
