import type { AuditFigures } from '../pooler/figures.ts'
import { show } from './command.ts'
import { timestamp } from './number-values.ts'
import { int8, type Row, text } from './result.ts'

const columns = [
  text('database'),
  text('user'),
  text('application_name'),
  text('pool_mode'),
  text('session_state'),
  text('what'),
  int8('times'),
  text('first'),
  text('last'),
]

/** One row a thing that an application does and plain transaction pooling would break: ours, not PgBouncer's. */
export const showAudit = show('AUDIT', columns, ({ figures }) => figures.audit().map(auditRow))

function auditRow(audit: AuditFigures): Row {
  const { database, user, applicationName, mode, sessionState, what, times, firstAtMs, lastAtMs } = audit
  const [first, last] = [timestamp(firstAtMs), timestamp(lastAtMs)]
  return [database, user, applicationName, mode, sessionState, what, BigInt(times), first, last]
}
