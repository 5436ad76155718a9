/** What is said of a pooler: of all its pools, and of those in session mode. */

import { numberText } from '../report/number-text.ts'
import { utilisationToWarnAt } from '../sizing/utilisation.ts'
import type { Finding } from './advice.ts'
import type { DatabaseReading } from './database-reading.ts'
import { configuredOf, numbersOf } from './figures.ts'
import type { PoolLoad } from './pool-load.ts'
import type { PoolerReading, PoolReading } from './pooler-reading.ts'

export function poolerFindings(
  loads: readonly PoolLoad[],
  pooler: PoolerReading,
  database: DatabaseReading,
): Finding[] {
  const sessions = pooler.pools
    .filter(({ mode, serversPeak }) => mode === 'session' && serversPeak > 0)
    .map((pool) => sessionFinding(pool, pooler.kind, inTransactions(pool, pooler, database)))
  const failing = pooler.pools.map(failureFinding)
  return [...failing, unusedFinding(loads, pooler), ...sessions].filter((finding) => finding !== undefined)
}

/** How many of a pool's servers did something, on average; undefined: it could not be seen. */
function inTransactions(
  pool: PoolReading,
  { databases, pools }: PoolerReading,
  { activity }: DatabaseReading,
): number | undefined {
  const groups = activity?.groups.filter(({ database, user }) => database === pool.database && user === pool.user) ?? []
  if (groups.length > 0 && groups.every(({ hidden }) => hidden.max === 0)) {
    return groups.reduce((sum, { active, idleInTransaction }) => sum + active.mean + idleInTransaction.mean, 0)
  }
  const isAlone = pools.filter(({ database }) => database === pool.database).length === 1
  const load = isAlone ? databases.find(({ name }) => name === pool.database)?.load : undefined
  return load?.meanTransactionMs === undefined
    ? undefined
    : (load.transactionsPerSecond * load.meanTransactionMs) / 1_000
}

function sessionFinding(pool: PoolReading, kind: PoolerReading['kind'], inTransaction: number | undefined): Finding {
  const { database, user, serversPeak: servers, clientsPeak: clients } = pool
  const need =
    inTransaction === undefined
      ? 'In transaction mode they would share them'
      : `On average ${numberText(inTransaction)} were in a transaction, and in transaction mode about ` +
        `${numberText(Math.max(2, Math.ceil(inTransaction / utilisationToWarnAt)))} servers would do`
  return {
    code: 'session_mode',
    level: 'advice',
    text:
      `${database}/${user} is in session mode: ${numberText(servers)} servers for ${numberText(clients)} clients. ` +
      `${need}, if the clients keep nothing in their sessions` +
      (kind === 'taxirank' ? ': SHOW AUDIT lists what they keep.' : '.'),
    figures: numbersOf({ servers, clients, inTransaction }),
  }
}

/** The database, or the way to it, does not let the pooler in. */
function failureFinding({ database, user, opening }: PoolReading): Finding | undefined {
  if (opening?.lastFailure === undefined) return undefined
  return {
    code: 'connect_failures',
    level: 'problem',
    text: `${database}/${user}: the pooler can't connect to the database: ${opening.lastFailure}`,
    figures: { failed: opening.failed },
  }
}

/** What may be opened, and was not lent at the same time. */
function unusedFinding(loads: readonly PoolLoad[], { pools }: PoolerReading): Finding | undefined {
  const configured = configuredOf(pools)
  const used = Math.ceil(loads.reduce((sum, { busyPeak }) => sum + busyPeak, 0))
  if (configured === undefined || loads.length < pools.length || used >= configured / 2) return undefined
  return {
    code: 'unused',
    level: 'advice',
    text: `At most ${numberText(used)} of ${numberText(configured)} connections that the pools may open were in use at once: the others are room for mistakes.`,
    figures: { used, configured },
  }
}
