/** One size of a pool, measured once: what its callers see, and what the database's processes do meanwhile. */

import { closedLoad, failureOf, latencyMs, perSecond } from '../../load.ts'
import { meanOf } from '../../measurement.ts'
import { openAll } from '../../open-all.ts'
import type { Rig } from '../../rig.ts'
import { applicationName } from '../../target.ts'
import type { ContendedTransactions } from './contended-transactions.ts'

export interface SweepTimes {
  readonly warmUpMs: number
  /** Longer by so much for each connection: the more there are, the longer it takes until as many wait for locks as will. */
  readonly warmUpEachMs: number
  readonly measureMs: number
  /** How long the load goes on at most, so that the latencies of the calls that began in the measured time are whole. */
  readonly tailMs: number
}

/** NaN: it could not be seen. */
export interface SweepSample {
  readonly size: number
  /** Connections that the pool had. */
  readonly opened: number
  /** What the server said to one more; undefined: it had let all in. */
  readonly refusal: string | undefined
  readonly refused: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Calls that failed, by why. */
  readonly failures: ReadonlyMap<string, number>
  readonly switchesPerSecond: number
  readonly activity: Activity
  /** Of the pages that were asked for, those that were in PostgreSQL's own memory. */
  readonly hitShare: number
  readonly memoryBytes: number
}

/** Backends on average over some looks. */
export interface Activity {
  readonly active: number
  /** Of those, for a lock of a row, a table, a transaction; for one of PostgreSQL's own structures; for the disk. */
  readonly onLock: number
  readonly onLightweightLock: number
  readonly onDisk: number
}

const looks = 4

export async function measureSize(
  rig: Rig,
  size: number,
  { callers, measureMs, tailMs, ...warmUp }: SweepTimes & { readonly callers: number },
  transactions: ContendedTransactions,
): Promise<SweepSample> {
  const times = { warmUpMs: warmUp.warmUpMs + warmUp.warmUpEachMs * size, measureMs, tailMs }
  const before = await pagesOf(rig)
  const pool = rig.pool({ max: size })
  await openAll(rig, pool, size, (client) => transactions.warm(client))
  const { totalCount } = pool
  const refusal = totalCount < size ? await refusalOf(rig) : undefined
  const switches = { first: Number.NaN, last: Number.NaN }
  const count = (): number => rig.processes?.contextSwitches() ?? Number.NaN
  const load = closedLoad(
    {
      ...times,
      workers: callers,
      signal: rig.signal,
      begun: () => (switches.first = count()),
      ended: () => (switches.last = count()),
    },
    () => transactions.run(pool),
  )
  const [served, activity] = await Promise.all([load, look(rig, times)])
  const memory = await rig.memory()
  const refused = pool.snapshot().counters.openFailures
  await rig.endPool(pool)
  await rig.untilFree()
  return {
    size,
    opened: totalCount,
    refusal,
    refused,
    perSecond: perSecond(served),
    p50Ms: latencyMs(served, 50),
    p99Ms: latencyMs(served, 99),
    failures: served.failures,
    switchesPerSecond: (switches.last - switches.first) / served.seconds,
    activity,
    hitShare: shareBetween(before, await pagesOf(rig)),
    memoryBytes: memory ? memory.proportionalBytes + memory.sharedBytes : Number.NaN,
  }
}

/** Asked while the server is full. */
async function refusalOf(rig: Rig): Promise<string | undefined> {
  try {
    await rig.end(await rig.connect())
    return undefined
  } catch (error) {
    rig.signal.throwIfAborted()
    return failureOf(error)
  }
}

/** While the load lasts. */
async function look(rig: Rig, { warmUpMs, measureMs }: Pick<SweepTimes, 'warmUpMs' | 'measureMs'>): Promise<Activity> {
  const found: Activity[] = []
  const startMs = performance.now() + warmUpMs
  for (let index = 0; index < looks; index++) {
    await rig.sleep(startMs + ((index + 0.5) * measureMs) / looks - performance.now())
    found.push(await lookOnce(rig))
  }
  return {
    active: meanOf(found.map(({ active }) => active)),
    onLock: meanOf(found.map(({ onLock }) => onLock)),
    onLightweightLock: meanOf(found.map(({ onLightweightLock }) => onLightweightLock)),
    onDisk: meanOf(found.map(({ onDisk }) => onDisk)),
  }
}

async function lookOnce(rig: Rig): Promise<Activity> {
  const [row] = await rig.ask<{ [Name in keyof Activity]: number }>(
    `select count(*)::int as active,
      count(*) filter (where wait_event_type = 'Lock')::int as "onLock",
      count(*) filter (where wait_event_type = 'LWLock')::int as "onLightweightLock",
      count(*) filter (where wait_event_type = 'IO')::int as "onDisk"
    from pg_stat_activity where usename = $1 and application_name = $2 and state = 'active' and pid <> pg_backend_pid()`,
    [rig.target.user, applicationName],
  )
  return row ?? { active: Number.NaN, onLock: Number.NaN, onLightweightLock: Number.NaN, onDisk: Number.NaN }
}

interface Pages {
  readonly hit: number
  readonly read: number
}

/** Of the whole database; backends tell when they end. */
async function pagesOf(rig: Rig): Promise<Pages> {
  const [row] = await rig.ask<{ hit: number; read: number }>(
    'select blks_hit::float8 as hit, blks_read::float8 as read from pg_stat_database where datname = current_database()',
  )
  return row ?? { hit: Number.NaN, read: Number.NaN }
}

function shareBetween(before: Pages, after: Pages): number {
  const hit = after.hit - before.hit
  return hit / (hit + after.read - before.read)
}
