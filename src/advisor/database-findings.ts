/** What is said of the database itself, whatever pools are in front of it. */

import { numberText, percentText, timeText } from '../report/number-text.ts'
import { lostWatch, type Missing } from './missing.ts'
import type { Finding } from './advice.ts'
import type {
  ActivityReading,
  ConnectionGroup,
  DatabaseReading,
  DatabaseSettings,
  LocksReading,
  StatementReading,
  StatementsReading,
} from './database-reading.ts'

export function databaseFindings({
  activity,
  settings,
  locks,
  statements,
  server,
  pooler,
  missing,
}: DatabaseReading): Finding[] {
  return [
    pooler && poolerFinding(pooler.kind, pooler.version),
    ...missing.filter(({ what }) => what === lostWatch).map(lostFinding),
    server?.isStandby === true ? standbyFinding : undefined,
    activity && idleInTransactionFinding(activity, settings),
    locks && locksFinding(locks),
    ...(activity ? unusedGroups(activity) : []),
    ...(statements ? statementFindings(statements) : []),
  ].filter((finding) => finding !== undefined)
}

function poolerFinding(kind: 'taxirank' | 'other', version: string | undefined): Finding {
  const name = kind === 'taxirank' ? `Taxirank ${version ?? ''}`.trim() : 'a pooler'
  return {
    code: 'address_is_pooler',
    level: 'fine',
    text: `The address is that of ${name}, not of PostgreSQL: what the database shows was read through it.`,
    figures: {},
  }
}

function lostFinding({ why }: Missing): Finding {
  return {
    code: 'database_lost',
    level: 'problem',
    text: `PostgreSQL stopped answering while I watched: ${why}.`,
    figures: {},
  }
}

const standbyFinding: Finding = {
  code: 'standby',
  level: 'fine',
  text: 'The database is a standby: it only reads, and its figures are its own, not those of the primary.',
  figures: {},
}

/** Idle for less is a round trip to the client. */
const longIdleMs = 1_000
const manyIdle = 0.2

function idleInTransactionFinding(
  activity: ActivityReading,
  settings: DatabaseSettings | undefined,
): Finding | undefined {
  const { active, idleInTransaction, longestIdleInTransaction: longest } = activity
  const held = active.mean + idleInTransaction.mean
  const share = held === 0 ? 0 : idleInTransaction.mean / held
  const isLong = longest !== undefined && longest.idleMs >= longIdleMs
  if (!isLong && (share < manyIdle || idleInTransaction.mean < 0.5)) return undefined
  return {
    code: 'idle_in_transaction',
    level: isLong ? 'warning' : 'advice',
    text:
      `${numberText(idleInTransaction.mean)} of ${numberText(held)} connections that were held did nothing: idle in a transaction, on average. ` +
      `No size of a pool mends that: do what takes time before BEGIN, or behind COMMIT.` +
      `${idlersText(activity)}${longestText(longest)}${limitText(settings)}`,
    figures: { idleInTransaction: idleInTransaction.mean, held, longestMs: longest?.idleMs ?? 0 },
  }
}

const mostIdlers = 3

/** Who does so most. */
function idlersText({ groups }: ActivityReading): string {
  const idlers = groups
    .filter(({ idleInTransaction }) => idleInTransaction.mean >= 0.1)
    .toSorted((a, b) => b.idleInTransaction.mean - a.idleInTransaction.mean)
    .slice(0, mostIdlers)
    .map((group) => `${whoIs(group)} ${numberText(group.idleInTransaction.mean)}`)
  return idlers.length === 0 ? '' : ` Of ${idlers.join(', ')}.`
}

function whoIs({ application, user }: { readonly application: string; readonly user: string }): string {
  return application === '' ? `user ${user}` : `"${application}"`
}

function longestText(longest: ActivityReading['longestIdleInTransaction']): string {
  if (!longest) return ''
  return ` The longest, ${timeText(longest.idleMs)}, was of ${whoIs(longest)} (pid ${longest.pid}).`
}

function limitText(settings: DatabaseSettings | undefined): string {
  return settings?.idleInTransactionSessionTimeoutMs === 0
    ? ' There is no limit to it: idle_in_transaction_session_timeout is 0.'
    : ''
}

const manyBlocked = 0.5

function locksFinding({ blocked, blockers }: LocksReading): Finding | undefined {
  if (blocked.mean < manyBlocked) return undefined
  return {
    code: 'locks',
    level: 'warning',
    text:
      `${numberText(blocked.mean)} connections waited for locks of others on average, ${numberText(blocked.max)} at most, behind ${numberText(blockers.max)}. ` +
      'More connections would only wait with them: shorten the transactions that hold the locks.',
    figures: { blockedMean: blocked.mean, blockedMost: blocked.max, blockersMost: blockers.max },
  }
}

const manyUnused = 3

function unusedGroups({ groups }: ActivityReading): Finding[] {
  return groups
    .filter(({ unused, connections }) => unused >= manyUnused && unused >= connections.max / 2)
    .map(unusedGroup)
}

function unusedGroup(group: ConnectionGroup): Finding {
  const { connections, unused, unusedForAtLeastMs, addresses } = group
  const from = addresses > 1 ? ` from ${numberText(addresses)} addresses` : ''
  const since = unusedForAtLeastMs === undefined ? '' : `, for ${timeText(unusedForAtLeastMs)} or longer`
  return {
    code: 'unused',
    level: 'advice',
    text: `${numberText(unused)} of ${numberText(connections.max)} connections of ${whoIs(group)}${from} did nothing while I watched${since}: a smaller pool would do.`,
    figures: { unused, connections: connections.max, addresses },
  }
}

const topStatements = 3
const leastShare = 0.05

/** A statement of so many connections is worth a sentence. */
const leastHeld = 0.05

function statementFindings({ top, overMs, since }: StatementsReading): Finding[] {
  const worth = top.filter(
    ({ share, totalMs }) => share >= leastShare && (overMs === undefined || totalMs / overMs >= leastHeld),
  )
  return worth.slice(0, topStatements).map((statement, index) => statementFinding(statement, index, overMs, since))
}

function statementFinding(
  { text = 'a statement that is hidden', calls, meanMs, share, totalMs }: StatementReading,
  index: number,
  overMs: number | undefined,
  since: StatementsReading['since'],
): Finding {
  const held = overMs === undefined ? undefined : totalMs / overMs
  const holds = held === undefined ? '' : `, which is ${numberText(held)} connections all the time`
  const when = since === 'watch' ? '' : ' since the statistics were reset'
  return {
    code: 'statement',
    level: 'advice',
    text:
      `${index === 0 ? 'What holds connections most' : 'Next'}: ${oneLine(text)} took ${percentText(share)} of the time of all statements${when}${holds}: ` +
      `${numberText(calls)} calls of ${timeText(meanMs)}. ${index === 0 ? 'Shorten it before you enlarge a pool.' : ''}`.trim(),
    figures: { calls, meanMs, share, ...(held !== undefined && { held }) },
  }
}

function oneLine(text: string): string {
  return text.length > 90 ? `${text.slice(0, 90)}…` : text
}
