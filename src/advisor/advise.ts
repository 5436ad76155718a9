/** Makes advice out of what was read. Pure: the same readings give the same advice. */

import type { Advice, Finding, Level } from './advice.ts'
import { databaseFindings } from './database-findings.ts'
import type { DatabaseReading } from './database-reading.ts'
import { iniFragment } from './ini-fragment.ts'
import type { Missing } from './missing.ts'
import { advisePools } from './pool-advice.ts'
import { poolFindings, sessionFinding, unusedFinding } from './pool-findings.ts'
import { loadsOf, type PoolLoad } from './pool-load.ts'
import type { PoolerReading } from './pooler-reading.ts'
import { totalAdvice, totalFindings } from './total-advice.ts'
import { useOf } from './useful-connections.ts'

export interface Readings {
  readonly database: DatabaseReading
  readonly pooler?: PoolerReading
}

/** What whoever asks knows. */
export interface Told {
  /** Of the database's machine. */
  readonly cores?: number
  /** Of the application, each with a pool of its own. */
  readonly instances?: number
}

export function advise(readings: Readings, told: Told): Advice {
  const { database, pooler } = readings
  const cores = told.cores ?? database.server?.cores
  const loads = loadsOf(database, pooler)
  const use = useOf(database, loads, cores)
  const pools = advisePools(loads, { cores, use })
  const facts = { database, pooler, pools, instances: told.instances, useful: use.useful }
  const total = totalAdvice(facts)
  const findings = [
    ...pools.flatMap(poolFindings),
    ...(pooler ? poolerFindings(loads, pooler) : []),
    ...totalFindings(total, facts),
    ...databaseFindings(database),
  ]
  return {
    version: 1,
    watchedMs: Math.max(database.watchedMs, pooler?.watchedMs ?? 0),
    ...(cores !== undefined && { cores, coresFrom: told.cores === undefined ? 'this machine' : 'told' }),
    ...(use.workShare > 0 && { onCore: Math.round((1 - use.awayShare) * 1_000) / 1_000 }),
    pools,
    total,
    findings: findings.toSorted((a, b) => urgency(a) - urgency(b)),
    iniFragment: iniFragment(pools, database),
    notSeen: [...database.missing, ...(pooler?.missing ?? []), ...notTold(readings, told, cores)],
    readings,
  }
}

const levels: readonly Level[] = ['problem', 'warning', 'advice', 'fine']

function urgency({ level }: Finding): number {
  return levels.indexOf(level)
}

function poolerFindings(loads: readonly PoolLoad[], pooler: PoolerReading): Finding[] {
  const sessions = loads.map((load) => {
    const pool = pooler.pools.find(({ database, user }) => database === load.database && user === load.user)
    return pool && sessionFinding(load, pool, load.busyMean)
  })
  return [unusedFinding(loads, pooler), ...sessions].filter((finding) => finding !== undefined)
}

function notTold({ database, pooler }: Readings, { instances }: Told, cores: number | undefined): Missing[] {
  const missing: Missing[] = []
  if (cores === undefined) {
    missing.push({
      what: 'how many connections the database can use',
      why: 'its machine is another one, and PostgreSQL does not tell its cores',
      remedy: 'say --cores N',
    })
  }
  if (!pooler && database.pooler) {
    missing.push({
      what: "the pooler's pools, their waits and holds",
      why: 'the address is a pooler, and its figures were not given',
      remedy: 'say --pooler http://HOST:PORT (Taxirank), or --pooler postgres://USER@HOST:PORT/pgbouncer (its console)',
    })
  }
  if (instances === undefined && !pooler) {
    missing.push({
      what: 'whether pools in the applications are enough, or a pooler is needed',
      why: 'PostgreSQL does not know how many instances there are',
      remedy: 'say --instances N',
    })
  }
  return missing
}
