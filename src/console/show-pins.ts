import type { PinFigures } from '../pooler/figures.ts'
import { show } from './command.ts'
import { timestamp } from './number-values.ts'
import { int4, numeric, type Row, text } from './result.ts'

const columns = [
  text('database'),
  text('user'),
  text('application_name'),
  int4('client_id'),
  int4('server_id'),
  text('reason'),
  text('since'),
  numeric('seconds'),
  numeric('idle_seconds'),
  int4('pinned'),
  int4('max_pinned'),
  int4('cl_waiting'),
]

/** One row a server that a client keeps beyond its transaction: ours, not PgBouncer's. */
export const showPins = show('PINS', columns, ({ figures }) => figures.pins().map(pinRow))

function pinRow(pin: PinFigures): Row {
  return [
    pin.database,
    pin.user,
    pin.applicationName,
    pin.clientId,
    pin.serverId,
    pin.reasons.join(', '),
    timestamp(pin.sinceMs),
    (pin.pinnedMs / 1_000).toFixed(3),
    (pin.idleMs / 1_000).toFixed(3),
    pin.pinned,
    pin.maxPinned,
    pin.waiting,
  ]
}
