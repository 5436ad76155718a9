/** Makes advice out of what was read. Pure: the same readings give the same advice. */

import type { Advice, Finding, Level, PoolAdvice } from './advice.ts'
import { databaseFindings } from './database-findings.ts'
import type { DatabaseReading } from './database-reading.ts'
import { availableOf } from './figures.ts'
import { iniFragment } from './ini-fragment.ts'
import type { Missing } from './missing.ts'
import { advisePools } from './pool-advice.ts'
import { poolFindings } from './pool-findings.ts'
import { loadsOf } from './pool-load.ts'
import { poolerFindings } from './pooler-findings.ts'
import type { PoolerReading } from './pooler-reading.ts'
import { totalAdvice, totalFindings } from './total-advice.ts'
import { useOf } from './useful-connections.ts'

export interface Readings {
  readonly database: DatabaseReading
  readonly pooler?: PoolerReading
}

/** What whoever asks knows. */
export interface Known {
  /** Of the database's machine. */
  readonly cores?: number
  /** Of the application, each with a pool of its own. */
  readonly instances?: number
}

export function advise(readings: Readings, known: Known): Advice {
  const { database, pooler } = readings
  const cores = known.cores ?? database.server?.cores
  const { loads, missing } = loadsOf(database, pooler)
  const use = useOf(database, loads, cores)
  const pools = advisePools(loads, { cores, use, available: database.settings && availableOf(database.settings) })
  const facts = { database, pooler, loads, pools, instances: known.instances, useful: use.useful }
  const total = totalAdvice(facts)
  const findings = [
    ...(pools.every(({ sizeAdvised }) => sizeAdvised === undefined) ? [nothingSeen] : []),
    ...pools.flatMap(poolFindings),
    ...(pooler ? poolerFindings(loads, pooler, database) : []),
    ...totalFindings(total, facts),
    ...databaseFindings(database),
  ]
  return {
    version: 1,
    watchedMs: Math.max(database.watchedMs, pooler?.watchedMs ?? 0),
    ...(cores !== undefined && { cores, coresFrom: known.cores === undefined ? 'this machine' : 'told' }),
    ...(use.workShare > 0 && { onCore: Math.round((1 - use.awayShare) * 1_000) / 1_000 }),
    pools,
    total,
    findings: findings.toSorted((a, b) => urgency(a) - urgency(b)),
    iniFragment: iniFragment(pools, pooler !== undefined),
    notSeen: [
      ...database.missing,
      ...(pooler?.missing ?? []),
      ...missing,
      ...unexpected(pools),
      ...notKnown(readings, known, cores),
    ],
    readings,
  }
}

/** Pools of which a size is advised, and not how long one would wait then. */
function unexpected(pools: readonly PoolAdvice[]): Missing[] {
  const isMissing = pools.some(
    ({ sizeAdvised, waitP99AdvisedMs }) => sizeAdvised !== undefined && waitP99AdvisedMs === undefined,
  )
  if (!isMissing) return []
  return [
    {
      what: 'how long one would wait at the advised size',
      why: 'it is not known how many come and how long each holds, or hardly anybody comes',
      remedy: 'read the pooler by http, or without a pooler watch for 10 s or longer',
    },
  ]
}

const nothingSeen: Finding = {
  code: 'nothing_seen',
  level: 'warning',
  text: 'Hardly anybody used a connection while I watched, or it could not be seen, so no size is advised: run this while your applications are busy, or watch for longer.',
  figures: {},
}

const levels: readonly Level[] = ['problem', 'warning', 'advice', 'fine']

function urgency({ level }: Finding): number {
  return levels.indexOf(level)
}

function notKnown({ database, pooler }: Readings, { instances }: Known, cores: number | undefined): Missing[] {
  const missing: Missing[] = []
  if (cores === undefined && database.server) {
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
