import type { RecordingFigures } from '../pooler/figures.ts'
import { show } from './command.ts'
import { int4, int8, numeric, type Row, text } from './result.ts'

const columns = [
  text('database'),
  text('user'),
  int4('entries'),
  int4('capacity'),
  int8('overwritten'),
  numeric('seconds'),
]

/** One row a pool whose arrivals are recorded: ours, not PgBouncer's. */
export const showRecordings = show('RECORDINGS', columns, ({ figures }) => figures.recordings().map(recordingRow))

function recordingRow({ database, user, entries, capacity, overwritten, recordedMs }: RecordingFigures): Row {
  return [database, user, entries, capacity, BigInt(overwritten), (recordedMs / 1_000).toFixed(3)]
}
