/**
 * Short lookups beside long analytics: in one pool, and in two. Analytics that wait use no core, so all arrangements are
 * measured at the same time; those that compute share the database's cores, and are measured one after the other.
 */

import { timeText } from '../../../report/number-text.ts'
import { Random } from '../../../random.ts'
import type { Pool } from '../../../pg/public-types.ts'
import type { Experiment } from '../../experiment.ts'
import { inTurns } from '../../in-turns.ts'
import { closedLoad, openLoad } from '../../load.ts'
import { medianOf } from '../../measurement.ts'
import type { Findings, Prediction } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import type { Statement } from '../../work.ts'
import { figureNames, findings, type Plan, type Round, type Variant } from './starvation-findings.ts'
import { type Arrangement, type Demand, type Forecast, forecast, type Kind } from './starvation-forecast.ts'

/** Where either kind of statements goes. */
interface Doors {
  readonly short: Pool
  readonly long: Pool
}

/** Those that are measured at the same time. */
interface Group {
  readonly kind: Kind
  readonly doing: string
  readonly variants: readonly Variant[]
}

const poolSize = 10
const lookupsSize = 2
const fewestConnections = 3
const rounds = 3
const latenessMs = 150
/** Clients of the pooler, more than there ever are lookups at once. */
const mostLookups = 100

export const starvation: Experiment = {
  name: 'starvation',
  title: 'Short lookups beside long analytics',
  question: 'What do long analytics do to short lookups in the same pool, and do two pools help?',
  articles: 'Long analytics queries starve short lookups: give OLTP and analytics pools of their own.',
  seconds: { quick: 4, usual: 20 },
  run,
}

async function run(rig: Rig): Promise<Findings> {
  const few = Math.max(1, (rig.facts.cores ?? 2) - 1)
  const size = Math.max(fewestConnections, Math.min(poolSize, Math.floor((rig.freeConnections - few) / 4)))
  const plan = planFor(rig, size, few)
  const doors = await openDoors(rig, plan)
  const demands = await calibrate(rig, plan)
  const lateMs = await timeLateness(rig, plan)
  predict(rig, plan, demands, lateMs)

  const found = new Map<string, Round[]>(plan.variants.map(({ name }) => [name, []]))
  const ofKind = (kind: Kind): readonly Variant[] => plan.variants.filter((variant) => variant.kind === kind)
  const groups: readonly Group[] = [
    { kind: 'wait', doing: 'analytics that wait', variants: ofKind('wait') },
    ...ofKind('compute').map((variant): Group => ({
      kind: 'compute',
      doing: `analytics that compute: ${variant.arrangement.name}`,
      variants: [variant],
    })),
  ]
  for (const { item, round, share } of inTurns(groups, rounds)) {
    const { kind, doing, variants } = item
    const { warmUpMs, measureMs } = plan.pace[kind]
    const all = variants.map(async (variant) => {
      found.get(variant.name)?.push(await measureOnce(rig, doors(variant), plan, kind, round))
    })
    const bar = { from: share, to: share + 1 / (rounds * groups.length), ms: warmUpMs + measureMs, doing }
    await rig.progressWhile(Promise.all(all), bar)
  }
  return findings(plan, found, rig.prediction as Prediction)
}

function planFor(rig: Rig, size: number, few: number): Plan {
  const one: Arrangement = { name: 'one pool', analytics: size, lookups: undefined }
  const two: Arrangement = { name: 'two pools', analytics: size - lookupsSize, lookups: lookupsSize }
  const bounded: Arrangement = { name: `two pools, ${few} for analytics`, analytics: few, lookups: lookupsSize }
  const variant = (kind: Kind, arrangement: Arrangement, isPooler = false): Variant => {
    const name = `${arrangement.name}${isPooler ? ' of a pooler' : ''}, analytics that ${kind}`
    return { name, kind, arrangement, isPooler }
  }
  return {
    poolSize: size,
    rounds,
    callers: 2 * size,
    lookupsPerSecond: rig.pace({ quick: 200, usual: 150 }),
    analyticsMs: { wait: rig.pace({ quick: 50, usual: 150 }), compute: rig.pace({ quick: 5, usual: 15 }) },
    pace: {
      wait: rig.pace({ quick: { warmUpMs: 80, measureMs: 250 }, usual: { warmUpMs: 300, measureMs: 1_700 } }),
      compute: rig.pace({ quick: { warmUpMs: 30, measureMs: 100 }, usual: { warmUpMs: 200, measureMs: 750 } }),
    },
    variants: [
      ...[one, two].map((arrangement) => variant('wait', arrangement)),
      ...[one, two].map((arrangement) => variant('wait', arrangement, true)),
      ...(few < two.analytics ? [one, two, bounded] : [one, two]).map((arrangement) => variant('compute', arrangement)),
    ],
  }
}

/** Pools open their connections in the warm-up; that a server refuses one is counted. */
async function openDoors(rig: Rig, plan: Plan): Promise<(variant: Variant) => Doors> {
  const { poolSize: size, callers, variants } = plan
  const pooler = await rig.pooler([
    { name: 'all', mode: 'transaction', size },
    { name: 'lookups', mode: 'transaction', size: lookupsSize },
    { name: 'analytics', mode: 'transaction', size: size - lookupsSize },
  ])
  const through = (database: string, max: number): Pool => rig.pool({ max }, pooler.way(database))
  const all = rig.pool({ max: size })
  const lookups = rig.pool({ max: lookupsSize })
  const pooled: Doors = { short: through('all', mostLookups), long: through('all', callers) }
  const pooledApart: Doors = { short: through('lookups', mostLookups), long: through('analytics', callers) }
  const own = new Map<Arrangement, Doors>()
  for (const { arrangement } of variants) {
    if (own.has(arrangement)) continue
    const isOne = arrangement.lookups === undefined
    own.set(
      arrangement,
      isOne ? { short: all, long: all } : { short: lookups, long: rig.pool({ max: arrangement.analytics }) },
    )
  }
  return ({ arrangement, isPooler }) => {
    if (isPooler) return arrangement.lookups === undefined ? pooled : pooledApart
    return own.get(arrangement) as Doors
  }
}

/** What each takes if it is alone. */
async function calibrate(rig: Rig, plan: Plan): Promise<Record<Kind, Demand>> {
  rig.progress(0, 'how long each takes alone')
  const client = await rig.connect()
  const timesMs = async (count: number, statement: (index: number) => Statement): Promise<number> => {
    const times: number[] = []
    for (let index = 0; index < count; index++) {
      const { text, values } = statement(index)
      const atMs = performance.now()
      await client.query(text, [...values])
      times.push(performance.now() - atMs)
    }
    return medianOf(times)
  }
  const lookupMs = await timesMs(30, (index) => rig.work.lookup(index + 1))
  const shortHoldMs = 5
  const beyondMs = (await timesMs(7, () => rig.work.holding(shortHoldMs))) - shortHoldMs
  const computeMs = await timesMs(7, () => rig.work.busy(plan.analyticsMs.compute))
  await rig.end(client)
  const { callers: analyticsCallers, lookupsPerSecond } = plan
  const demand = { analyticsCallers, lookupsPerSecond, lookupMs }
  return {
    wait: { ...demand, analyticsMs: plan.analyticsMs.wait + Math.max(0, beyondMs) },
    compute: { ...demand, analyticsMs: computeMs },
  }
}

/** By how much our timers let half of all lookups come later than meant, when nothing else is done. */
async function timeLateness(rig: Rig, { lookupsPerSecond }: Plan): Promise<number> {
  const lateMs: number[] = []
  const load = { arrivalsPerSecond: lookupsPerSecond, warmUpMs: 0, measureMs: latenessMs, seed: 1, signal: rig.signal }
  await openLoad(load, (meantMs) => Promise.resolve(lateMs.push(performance.now() - meantMs)))
  return medianOf(lateMs)
}

function predict(rig: Rig, { variants }: Plan, demands: Record<Kind, Demand>, lateMs: number): void {
  const { cores } = rig.facts
  const isKnown = ({ kind }: Variant): boolean => kind === 'wait' || cores !== null
  const own = variants.filter((variant) => !variant.isPooler && isKnown(variant))
  const known = own.map((variant) => {
    const { kind, arrangement } = variant
    return { variant, forecast: withLateness(forecast(kind, arrangement, demands[kind], cores ?? Infinity), lateMs) }
  })
  const texts = known.map(({ variant, forecast: { lookupsP50Ms } }) => `${timeText(lookupsP50Ms)} in ${variant.name}`)
  // A pooler costs less than can be told apart here.
  const forecasts = variants.map((variant) => {
    const same = known.find(({ variant: { kind, arrangement } }) => {
      return kind === variant.kind && arrangement === variant.arrangement
    })
    return { variant, forecast: same?.forecast }
  })
  const figures = forecasts.flatMap(({ variant, forecast: found }): [string, number][] => {
    const names = figureNames(variant)
    return [
      [names.p50, found?.lookupsP50Ms ?? Number.NaN],
      [names.p99, found?.lookupsP99Ms ?? Number.NaN],
      [names.perSecond, found?.analyticsPerSecond ?? Number.NaN],
    ]
  })
  rig.predict(
    `By the simulator half of all lookups, which take ${timeText(demands.wait.lookupMs)} alone, take no longer than ${texts.join('; ')}. ` +
      `That counts the lateness of our timers, ${timeText(lateMs)}. In one pool a lookup stands in the same queue as the analytics that wait for a connection; cores are shared equally by all who compute.`,
    Object.fromEntries(figures),
  )
}

function withLateness({ lookupsP50Ms, lookupsP99Ms, ...rest }: Forecast, lateMs: number): Forecast {
  return { lookupsP50Ms: lookupsP50Ms + lateMs, lookupsP99Ms: lookupsP99Ms + lateMs, ...rest }
}

async function measureOnce(rig: Rig, { short, long }: Doors, plan: Plan, kind: Kind, round: number): Promise<Round> {
  const { signal, work } = rig
  const { lookupsPerSecond, callers, analyticsMs, pace } = plan
  const random = new Random(round + 1)
  const ask = (pool: Pool, { text, values }: Statement): Promise<unknown> => pool.query(text, [...values])
  const { warmUpMs, measureMs } = pace[kind]
  // In the first round connections are opened, too.
  const load = { warmUpMs: round === 0 ? 2 * warmUpMs : warmUpMs, measureMs, signal, seed: round + 1 }
  const lateMs: number[] = []
  const fromMs = performance.now() + load.warmUpMs
  const [lookups, analytics] = await Promise.all([
    openLoad({ ...load, arrivalsPerSecond: lookupsPerSecond }, (meantMs) => {
      if (meantMs >= fromMs) lateMs.push(performance.now() - meantMs)
      return ask(short, work.lookup(random.integer(1, work.accounts)))
    }),
    closedLoad({ ...load, workers: callers }, () => {
      const ms = analyticsMs[kind] * (0.5 + random.fraction())
      return ask(long, kind === 'wait' ? work.holding(ms) : work.busy(ms))
    }),
  ])
  return { lookups, analytics, lateMs }
}
