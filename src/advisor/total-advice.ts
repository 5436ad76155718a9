/** All connections together: the limit, the memory, and whether a pooler is needed. */

import { numberText } from '../report/number-text.ts'
import { backendMemoryBytes } from '../sizing/fleet.ts'
import { serversForWait } from '../sizing/servers-for.ts'
import type { Finding, PoolAdvice, TotalAdvice } from './advice.ts'
import type { DatabaseReading } from './database-reading.ts'
import { availableOf, configuredOf, memoryText, numbersOf } from './figures.ts'
import type { PoolLoad } from './pool-load.ts'
import type { PoolerReading } from './pooler-reading.ts'

export interface TotalFacts {
  readonly database: DatabaseReading
  readonly pooler: PoolerReading | undefined
  readonly loads: readonly PoolLoad[]
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

export function totalAdvice(facts: TotalFacts): TotalAdvice {
  const { database, pooler, pools, instances, useful } = facts
  const { settings, activity, backendMemory } = database
  const available = settings && availableOf(settings)
  const measured = backendMemory?.privateBytes
  const advised = advisedOf(pools)
  const each = instances === undefined || advised === 0 ? undefined : perInstance(instances, advised, facts.loads)
  return {
    ...numbersOf({
      available,
      connectionsPeak: activity?.connections.max,
      configured: pooler && configuredOf(pooler.pools),
      advised: advised > 0 ? advised : undefined,
      useful,
      perInstance: each,
    }),
    bytesEach: measured === undefined ? commonBytes : [measured, measured],
    bytesEachFrom: measured === undefined ? 'common' : 'measured',
    ...(instances !== undefined &&
      each !== undefined &&
      available !== undefined && { needsPooler: instances * deployFactor * each > available }),
  }
}

/** With the present sizes of those of which nothing is advised; 0: nothing is advised at all. */
function advisedOf(pools: readonly PoolAdvice[]): number {
  if (pools.every(({ sizeAdvised }) => sizeAdvised === undefined)) return 0
  return pools.reduce((sum, { sizeAdvised, sizeNow }) => sum + (sizeAdvised ?? sizeNow ?? 0), 0)
}

/** Many small pools need more than one large one: each has its own share of those who come, and its own queue. */
function perInstance(instances: number, advised: number, loads: readonly PoolLoad[]): number {
  const share = Math.max(leastPerInstance, Math.ceil(advised / instances))
  const arrivalsPerSecond = loads.reduce((sum, load) => sum + (load.arrivalsPerSecond ?? 0), 0)
  const busy = loads.reduce((sum, { busyMean }) => sum + busyMean, 0)
  if (arrivalsPerSecond === 0 || busy === 0) return share
  const heldMs = (busy * 1_000) / arrivalsPerSecond
  const demand = { arrivalsPerSecond: arrivalsPerSecond / instances, serviceMs: heldMs }
  return Math.max(share, serversForWait({ ...demand, percentile: 99, mostWaitMs: heldMs }))
}

export function totalFindings(total: TotalAdvice, facts: TotalFacts): Finding[] {
  return [limitFinding(total), poolerNeedFinding(total, facts), memoryFinding(total)].filter(
    (finding) => finding !== undefined,
  )
}

const nearlyAll = 0.8

function limitFinding({ available, connectionsPeak, configured }: TotalAdvice): Finding | undefined {
  if (available === undefined) return undefined
  const asked = Math.max(configured ?? 0, connectionsPeak ?? 0)
  const level = asked > available ? 'problem' : asked > nearlyAll * available ? 'warning' : 'fine'
  const verdicts = {
    problem: ' That is more than there are: whoever comes last is refused.',
    warning: ' That leaves little for anybody else.',
    fine: '',
  }
  return {
    code: 'total',
    level,
    text:
      `PostgreSQL takes ${numberText(available)} connections (max_connections less what is reserved)` +
      (connectionsPeak === undefined ? '.' : `; ${numberText(connectionsPeak)} were there at the peak.`) +
      (configured === undefined ? '' : ` The pools may open ${numberText(configured)}.`) +
      verdicts[level],
    figures: numbersOf({ available, connectionsPeak, configured }),
  }
}

/** Is a pool in each instance enough, or is a pooler needed? */
function poolerNeedFinding(total: TotalAdvice, { instances, pooler }: TotalFacts): Finding | undefined {
  const { needsPooler, advised = 0, available = 0, perInstance: each } = total
  if (instances === undefined || each === undefined || needsPooler === undefined) return undefined
  const sum = instances * each
  const arithmetic = `${numberText(instances)} instances × ${numberText(each)} = ${numberText(sum)}, in a deploy ${numberText(deployFactor * sum)}`
  const text = needsPooler
    ? `${arithmetic}: more than the ${numberText(available)} there are, for a database that needs ${numberText(advised)}. ` +
      (pooler ? 'The pooler is needed.' : 'A pooler in front of the database is needed.')
    : `${arithmetic}: within the ${numberText(available)} there are. A pool of ${numberText(each)} in each instance is enough` +
      (pooler ? ', and the pooler is not needed for that' : '; a pooler is not needed') +
      (sum > advised ? `. (In one pool for all, ${numberText(advised)} do: each small pool has its own queue.)` : '.')
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
  const from = bytesEachFrom === 'measured' ? 'measured' : 'as is common'
  const less =
    advised === undefined
      ? ''
      : `; the ${numberText(advised)} that are advised, ${memoryText(memoryOf(advised, bytesEach))}`
  return {
    code: 'memory',
    level: 'fine',
    text: `${numberText(now)} connections take ${memoryText(memoryOf(now, bytesEach))} of memory (${memoryText(bytesEach)} each, ${from})${less}.`,
    figures: numbersOf({ now, advised, bytesLeast: bytesEach[0], bytesMost: bytesEach[1] }),
  }
}

function memoryOf(connections: number, [least, most]: readonly [number, number]): [number, number] {
  return [backendMemoryBytes(connections, least), backendMemoryBytes(connections, most)]
}
