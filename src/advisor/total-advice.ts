/** All connections together: the limit, the memory, and whether a pooler is needed. */

import { numberText } from '../report/number-text.ts'
import { backendMemoryBytes, fleet } from '../sizing/fleet.ts'
import type { Finding, PoolAdvice, TotalAdvice } from './advice.ts'
import { memoryText } from './database-findings.ts'
import type { DatabaseReading, DatabaseSettings } from './database-reading.ts'
import { numbersOf } from './pool-findings.ts'
import type { PoolerReading } from './pooler-reading.ts'

export interface TotalFacts {
  readonly database: DatabaseReading
  readonly pooler: PoolerReading | undefined
  readonly pools: readonly PoolAdvice[]
  readonly instances: number | undefined
  readonly useful: number | undefined
}

/** What PostgreSQL's backends usually take, if these could not be measured. */
const commonBytes = [5 * 1024 ** 2, 10 * 1024 ** 2] as const
/** While a deploy runs, the old instances and the new ones are there. */
const deployFactor = 2
/** A pool of one makes everybody wait for one long statement. */
const leastPerInstance = 2

export function totalAdvice({ database, pooler, pools, instances, useful }: TotalFacts): TotalAdvice {
  const { settings, activity, backendMemory } = database
  const measured = backendMemory?.privateBytes
  const advised = pools.reduce((sum, { sizeAdvised, sizeNow }) => sum + (sizeAdvised ?? sizeNow ?? 0), 0)
  const available = settings && availableOf(settings)
  return {
    ...numbersOf({
      available,
      connectionsPeak: activity?.connections.max,
      configured: pooler && configuredOf(pooler),
      advised: advised > 0 ? advised : undefined,
      useful,
    }),
    bytesEach: measured === undefined ? commonBytes : [measured, measured],
    bytesEachFrom: measured === undefined ? 'common' : 'measured',
    ...(instances !== undefined && settings && advised > 0 && { needsPooler: !fits(instances, advised, settings) }),
  }
}

function availableOf({
  maxConnections,
  superuserReservedConnections,
  reservedConnections = 0,
}: DatabaseSettings): number {
  return maxConnections - superuserReservedConnections - reservedConnections
}

function configuredOf({ pools }: PoolerReading): number {
  return pools.reduce((sum, { size, reserve }) => sum + size + reserve, 0)
}

function fits(instances: number, advised: number, settings: DatabaseSettings): boolean {
  return fleetOf(instances * deployFactor, advised / instances, settings).isWithin
}

function fleetOf(instances: number, each: number, settings: DatabaseSettings) {
  return fleet({
    instances,
    poolSize: Math.max(leastPerInstance, Math.ceil(each)),
    maxConnections: settings.maxConnections,
    superuserReserved: settings.superuserReservedConnections,
    reserved: settings.reservedConnections ?? 0,
  })
}

export function totalFindings(total: TotalAdvice, facts: TotalFacts): Finding[] {
  return [limitFinding(total, facts), poolerNeedFinding(total, facts), memoryFinding(total)].filter(
    (finding) => finding !== undefined,
  )
}

const nearlyAll = 0.8

function limitFinding(total: TotalAdvice, { pooler }: TotalFacts): Finding | undefined {
  const { available, connectionsPeak, configured } = total
  if (available === undefined) return undefined
  const asked = Math.max(configured ?? 0, connectionsPeak ?? 0)
  const isOver = asked > available
  const isNear = asked > nearlyAll * available
  const may =
    configured === undefined ? '' : ` The pools may open ${numberText(configured)}${pooler ? '' : ' together'}.`
  const verdict = isOver
    ? ' That is more than there are: whoever comes last is refused.'
    : isNear
      ? ' That leaves little for anybody else.'
      : ''
  return {
    code: 'total',
    level: isOver ? 'problem' : isNear ? 'warning' : 'fine',
    text:
      `PostgreSQL takes ${numberText(available)} connections (max_connections less what is reserved)` +
      `${connectionsPeak === undefined ? '' : `; ${numberText(connectionsPeak)} were there at the peak`}.${may}${verdict}`,
    figures: numbersOf({ available, connectionsPeak, configured }),
  }
}

/** Is a pool in each instance enough, or is a pooler needed? */
function poolerNeedFinding(total: TotalAdvice, { instances, database, pooler }: TotalFacts): Finding | undefined {
  const { settings } = database
  const { needsPooler, advised = 0, available = 0 } = total
  if (instances === undefined || needsPooler === undefined || !settings) return undefined
  const each = Math.max(leastPerInstance, Math.ceil(advised / instances))
  const sum = instances * each
  const arithmetic = `${numberText(instances)} instances × ${numberText(each)} = ${numberText(sum)}, in a deploy ${numberText(deployFactor * sum)}`
  const text = needsPooler
    ? `${arithmetic}: more than the ${numberText(available)} there are, for a database that needs ${numberText(advised)}. ` +
      (pooler ? 'The pooler is needed.' : 'A pooler in front of the database is needed.')
    : `${arithmetic}: within the ${numberText(available)} there are. A pool of ${numberText(each)} in each instance is enough` +
      (pooler ? ', and the pooler is not needed for that.' : '; a pooler is not needed.')
  return {
    code: 'pooler_needed',
    level: needsPooler && !pooler ? 'problem' : 'fine',
    text,
    figures: { instances, each, sum, available, advised },
  }
}

function memoryFinding({
  advised,
  configured,
  connectionsPeak,
  bytesEach,
  bytesEachFrom,
}: TotalAdvice): Finding | undefined {
  const now = configured ?? connectionsPeak
  if (now === undefined) return undefined
  const each =
    bytesEachFrom === 'measured'
      ? `${memoryText(bytesEach)} each, measured`
      : `${memoryText(bytesEach)} each, as is common`
  const less =
    advised === undefined
      ? ''
      : `; the ${numberText(advised)} that are advised, ${memoryText(memoryOf(advised, bytesEach))}`
  return {
    code: 'memory',
    level: 'fine',
    text: `${numberText(now)} connections take ${memoryText(memoryOf(now, bytesEach))} of memory (${each})${less}.`,
    figures: numbersOf({ now, advised, bytesLeast: bytesEach[0], bytesMost: bytesEach[1] }),
  }
}

function memoryOf(connections: number, [least, most]: readonly [number, number]): [number, number] {
  return [backendMemoryBytes(connections, least), backendMemoryBytes(connections, most)]
}
