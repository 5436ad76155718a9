/**
 * Many workers at the same moment, one query each: over a few connections that they share, and over one each. What is said of it
 * stands in waves-findings.ts.
 */

import { numberText, timeText } from '../../../report/number-text.ts'
import { inUse, mostPerSecond } from '../../../sizing/littles-law.ts'
import type { Experiment } from '../../experiment.ts'
import { inTurns } from '../../in-turns.ts'
import { burst } from '../../load.ts'
import { medianOf } from '../../measurement.ts'
import type { Findings } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import { findings } from './waves-findings.ts'
import type { ConnectionCost, Plan, Sent, Wave } from './waves-measured.ts'

const manyWorkers = 200
const fewerWorkers = 100
/** The articles' limits. */
const shared = 20
const fewest = 5
/** So long a query makes the article's 120 ms of 100 workers on 5 connections. */
const shortWaitMs = 5
/** No more are started to pass a limit, nor held for longer. */
const mostWorkers = 1_000
const longestHoldMs = 3_000
const lookups = 15

export const waves: Experiment = {
  name: 'waves',
  title: 'A wave of workers, bounded or not',
  question: 'Many workers come at once, with one query each: should they share a few connections, or open one each?',
  articles:
    '200 workers with at most 20 connections are answered in steps of 20, all of them, after 0.6 s on average; without a limit after ' +
    '0.13 s, but many fail once max_connections is passed. 100 workers took 1.2 s without a limit and 120 ms with 5 connections; ' +
    'the author could not repeat that later.',
  seconds: { quick: 5, usual: 20 },
  run,
}

async function run(rig: Rig): Promise<Findings> {
  const rounds = rig.pace({ quick: 3, usual: 5 })
  const plan = await planOf(rig)
  predict(rig, plan)
  const measured = [...plan.held, ...plan.short].map((wave) => ({ wave, rounds: [] as Sent[] }))
  for (const { item, share } of inTurns(measured, rounds)) {
    rig.progress(share, item.wave.name)
    item.rounds.push(await send(rig, item.wave))
  }
  return findings(rig, plan, measured)
}

async function planOf(rig: Rig): Promise<Plan> {
  const most = Math.max(1, Math.min(shared, rig.freeConnections))
  const cost = await timeConnections(rig, Math.max(1, Math.min(40, Math.floor(rig.freeConnections / 2))))
  const lookupMs = await timeLookup(rig)
  const kinds = kindsOf(rig, lookupMs)
  return {
    cost,
    most,
    held: heldWaves(rig, most, cost, lookupMs),
    short: kinds.flatMap((query) => shortWaves(rig, most, query)),
    kinds: kinds.map(({ name }) => name),
  }
}

/** The articles' wave; and one that is held until all have asked, for who leaves early makes room. */
function heldWaves(rig: Rig, most: number, { openMs }: ConnectionCost, lookupMs: number): readonly Wave[] {
  const holdMs = rig.pace({ quick: 40, usual: 100 })
  const one = { workers: manyWorkers, statement: rig.work.holding(holdMs), serviceMs: holdMs, coreMs: lookupMs }
  const capped: Wave = { ...one, name: 'capped', max: most, isOpen: true }
  const unlimited: Wave = { ...one, name: 'unlimited', max: undefined, isOpen: false }
  const enough = Math.ceil(1.25 * rig.freeConnections)
  const workers = rig.pace({ quick: enough, usual: Math.max(manyWorkers, enough) })
  if (workers > mostWorkers) return [capped, unlimited]
  const longMs = Math.min(longestHoldMs, Math.max(holdMs, Math.ceil(2 * workers * openMs)))
  const statement = rig.work.holding(longMs)
  return [capped, unlimited, { ...unlimited, name: 'past the limit', workers, statement, serviceMs: longMs }]
}

type Query = Pick<Wave, 'name' | 'statement' | 'serviceMs' | 'coreMs'>

function kindsOf({ work, isQuick }: Rig, lookupMs: number): readonly Query[] {
  const lookup = { name: 'lookup', statement: work.lookup(1), serviceMs: lookupMs, coreMs: lookupMs }
  if (isQuick) return [lookup]
  const waits = { statement: work.holding(shortWaitMs), serviceMs: shortWaitMs + lookupMs, coreMs: lookupMs }
  const works = { statement: work.busy(1), serviceMs: 1 + lookupMs, coreMs: 1 + lookupMs }
  return [lookup, { name: `waits ${shortWaitMs} ms`, ...waits }, { name: 'works 1 ms', ...works }]
}

function shortWaves({ freeConnections, isQuick }: Rig, most: number, query: Query): readonly Wave[] {
  const wave = (way: string, max: number | undefined, isOpen = false): Wave => {
    return { ...query, name: `${query.name}, ${way}`, workers: fewerWorkers, max, isOpen }
  }
  return [
    wave('at most 5', Math.min(fewest, most)),
    ...(isQuick ? [] : [wave('at most 20', most)]),
    wave('unlimited', undefined),
    wave('open beforehand', Math.min(fewerWorkers, freeConnections), true),
  ]
}

async function timeConnections(rig: Rig, connections: number): Promise<ConnectionCost> {
  const { text, values } = rig.work.lookup(1)
  const startMs = performance.now()
  const clients = await Promise.all(Array.from({ length: connections }, () => rig.connect()))
  const openMs = performance.now()
  await Promise.all(clients.map((client) => client.query(text, [...values])))
  const answeredMs = performance.now()
  await Promise.all(clients.map((client) => rig.end(client)))
  await rig.untilFree()
  const closedMs = performance.now()
  return {
    openMs: (openMs - startMs) / connections,
    firstMs: (answeredMs - openMs) / connections,
    closeMs: (closedMs - answeredMs) / connections,
  }
}

async function timeLookup(rig: Rig): Promise<number> {
  const { text, values } = rig.work.lookup(1)
  const times: number[] = []
  for (let count = 0; count < lookups; count++) {
    const atMs = performance.now()
    await rig.ask(text, values)
    times.push(performance.now() - atMs)
  }
  return medianOf(times)
}

function predict(rig: Rig, { cost, most, held, short }: Plan): void {
  const { openMs, firstMs, closeMs } = cost
  const holdMs = held[0]?.serviceMs ?? 0
  const { freeConnections: free } = rig
  const steps = Math.ceil(manyWorkers / most)
  const figures: Record<string, number> = {
    'capped mean': (holdMs * (steps + 1)) / 2,
    'steps of the capped wave': steps,
    'size of a step': most,
    'unlimited mean': holdMs + (openMs * (manyWorkers + 1)) / 2,
  }
  for (const wave of held) figures[`${wave.name} failures`] = refusedOf(wave, openMs, free)
  for (const wave of short) figures[`${wave.name} whole`] = wholeOf(rig, wave, cost)
  const together = togetherOf(manyWorkers, openMs, holdMs)
  figures['unlimited open together'] = Math.min(free, together)
  const [few, all] = ['at most 5', 'unlimited'].map((way) => timeText(figures[`lookup, ${way} whole`] ?? 0))
  rig.predict(
    `${manyWorkers} workers who hold one of ${most} connections for ${timeText(holdMs)} are answered in ${steps} steps, on average after ` +
      `${timeText(figures['capped mean'] ?? 0)}. When many do so at once, a connection takes ${timeText(openMs)} to open, ${timeText(firstMs)} for its first query and ${timeText(closeMs)} to close; so with one each ` +
      `up to ${numberText(Math.round(together))} would be open together (Little's law), and ${numberText(free)} can be. ` +
      `${fewerWorkers} lookups take ${few} with ${Math.min(fewest, most)} connections and ${all} with one each, counting the opening.`,
    figures,
  )
}

/** How many are open at once if one is opened after the other and each is held so long. */
function togetherOf(workers: number, openMs: number, heldMs: number): number {
  return Math.min(workers, inUse(1_000 / openMs, openMs + heldMs))
}

function refusedOf({ workers, max, serviceMs }: Wave, openMs: number, free: number): number {
  if (max !== undefined) return 0
  return Math.round(workers * Math.max(0, 1 - free / togetherOf(workers, openMs, serviceMs)))
}

/** Until all are answered: no sooner than the connections allow, nor than the cores do. */
function wholeOf({ facts }: Rig, { workers, max, serviceMs, coreMs, isOpen }: Wave, cost: ConnectionCost): number {
  const { openMs, firstMs, closeMs } = cost
  const byCores = (workers * coreMs) / (facts.cores ?? Infinity)
  if (max === undefined) return workers * (openMs + firstMs + closeMs) + byCores + serviceMs - coreMs
  const byConnections = (1_000 * workers) / mostPerSecond(max, serviceMs)
  return max * (firstMs + (isOpen ? 0 : openMs)) + Math.max(byConnections, byCores)
}

async function send(rig: Rig, wave: Wave): Promise<Sent> {
  const sent = wave.max === undefined ? await sendUnlimited(rig, wave) : await sendShared(rig, wave, wave.max)
  await rig.untilFree()
  return sent
}

async function sendShared(rig: Rig, { workers, statement, isOpen }: Wave, max: number): Promise<Sent> {
  const pool = rig.pool({ max, ...(isOpen && { min: max, prewarm: true }) })
  if (isOpen) await pool.ready()
  const load = await burst(workers, () => pool.query(statement.text, [...statement.values]))
  const open = pool.totalCount
  await rig.endPool(pool)
  return { load, open }
}

/** Closing is no part of a worker's latency: its answer is there. */
async function sendUnlimited(rig: Rig, { workers, statement }: Wave): Promise<Sent> {
  const closing: Promise<void>[] = []
  let open = 0
  let mostOpen = 0
  const load = await burst(workers, async () => {
    const client = await rig.connect()
    mostOpen = Math.max(mostOpen, ++open)
    try {
      await client.query(statement.text, [...statement.values])
    } finally {
      open--
      closing.push(rig.end(client))
    }
  })
  await Promise.all(closing)
  return { load, open: mostOpen }
}
