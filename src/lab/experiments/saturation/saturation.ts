/**
 * What `SHOW POOLS` says when there are more clients than servers: before, during and after, read over and over on one
 * connection of the console.
 */

import { timeText } from '../../../report/number-text.ts'
import { mostHeldMs, mostPerSecond } from '../../../sizing/littles-law.ts'
import type { Experiment } from '../../experiment.ts'
import { medianOf } from '../../measurement.ts'
import type { Findings } from '../../results.ts'
import type { OpenPooler } from '../../openings.ts'
import type { Rig } from '../../rig.ts'
import { Crew } from './crew.ts'
import {
  type Expected,
  findings,
  figuresOf,
  type Look,
  type Phase,
  type Plan,
  type Run,
} from './saturation-findings.ts'

/** Of the article. */
const servers = 20
const clients = 23
const rounds = 3
const database = 'saturated'
/** Transactions hold for up to half as long again as they do on average: after that whoever came before a change is gone. */
const settledAfterHolds = 1.5
/** Until all servers are open. */
const mostOpeningLooks = 20

export const saturation: Experiment = {
  name: 'saturation',
  title: 'SHOW POOLS under saturation',
  question: 'What does the console show when a pool has more clients than servers, and what should an alert look at?',
  articles:
    'SHOW POOLS under load: 18 clients active, 5 waiting, 20 server connections active, maxwait 0.12 s. Alert when cl_waiting or maxwait grows.',
  seconds: { quick: 3, usual: 10 },
  run,
}

async function run(rig: Rig): Promise<Findings> {
  const plan = planFor(rig)
  const pooler = await rig.pooler([{ name: database, mode: 'transaction', size: plan.servers }])
  const crew = new Crew(rig, pooler.way(database), plan.holdMs)
  const beyondMs = await calibrate(rig, pooler, crew, plan)
  const expected = expectedFor(plan, plan.holdMs + beyondMs)
  rig.predict(textOf(expected, plan), figuresOf(expected))

  const seen: Run = { looks: [], phases: [], transactions: crew.transactions, failures: crew.failures, beyondMs }
  const looking = new AbortController()
  const looked = look(rig, pooler, plan.lookEachMs, seen.looks, looking.signal)
  await Promise.race([looked, go(rig, crew, plan, seen.phases)])
  looking.abort()
  await looked
  await crew.resize(0)
  return findings(plan, expected, seen)
}

/** What a transaction takes beyond what it asks for, with a server for each client; and all servers are open after it. */
async function calibrate(rig: Rig, pooler: OpenPooler, crew: Crew, { servers: size, holdMs }: Plan): Promise<number> {
  rig.progress(0, 'servers are opened')
  await crew.resize(size)
  // A server that PostgreSQL refuses never opens: then somebody waits for ever.
  for (let looks = 0; looks < mostOpeningLooks; looks++) {
    await rig.sleep(holdMs / 2)
    if ((await lookOnce(pooler))?.clWaiting === 0) break
  }
  const fromMs = performance.now()
  await rig.sleep(2.5 * holdMs)
  const begunSince = crew.transactions.filter(({ endedMs, tookMs }) => endedMs - tookMs >= fromMs)
  return medianOf(begunSince.map(({ askedMs, tookMs }) => tookMs - askedMs))
}

/** As in the article, if the server has connections for it, and in proportion otherwise. */
function planFor(rig: Rig): Plan {
  const size = Math.max(1, Math.min(servers, rig.freeConnections))
  const few = Math.max(1, Math.round(size / 2))
  const steps = [
    { name: 'before', clients: few },
    { name: 'saturated', clients: size + Math.max(1, Math.round(((clients - servers) * size) / servers)) },
    { name: 'twice as many', clients: 2 * size },
    { name: 'after', clients: few },
  ]
  const phaseMs = rig.pace({ quick: 190, usual: 700 })
  const holdMs = rig.pace({ quick: 50, usual: 100 })
  const lookEachMs = rig.pace({ quick: 20, usual: 50 })
  return { servers: size, steps, rounds, phaseMs, holdMs, settleMs: settledAfterHolds * holdMs, lookEachMs }
}

/** All servers work all the time, so answers come as fast as they can; by Little's law that tells how long each round of a client takes. */
function expectedFor({ servers: size, steps }: Plan, holdMs: number): Expected[] {
  return steps.map(({ name, clients: count }) => {
    const active = Math.min(count, size)
    const meanWaitMs = mostHeldMs(count, mostPerSecond(active, holdMs)) - holdMs
    return { name, clients: count, active, waiting: count - active, idle: size - active, meanWaitMs, holdMs }
  })
}

function textOf(expected: readonly Expected[], { servers: size }: Plan): string {
  const [{ holdMs } = { holdMs: Number.NaN }] = expected
  const rows = expected.slice(1, 3).map((one) => {
    return `with ${one.clients} clients ${one.active} active, ${one.waiting} waiting, for ${timeText(one.meanWaitMs)} on average`
  })
  return (
    `Each of ${size} servers has one client, and whoever is more waits: ${rows.join('; ')}. By Little's law: clients / servers × ${timeText(holdMs)}, which a transaction holds, ` +
    `less the ${timeText(holdMs)}. Who waits longest is served next, so maxwait is about that wait too.`
  )
}

async function go(rig: Rig, crew: Crew, plan: Plan, phases: Phase[]): Promise<void> {
  const { steps, phaseMs, settleMs } = plan
  const all = rounds * steps.length
  for (let index = 0; index < all; index++) {
    const { name, clients: count } = steps[index % steps.length] as Plan['steps'][number]
    rig.progress(index / all, `${count} clients`)
    const changedMs = performance.now()
    await crew.resize(count)
    const untilMs = Math.max(changedMs + phaseMs, performance.now() + phaseMs / 2)
    const fromMs = Math.min(performance.now() + settleMs, untilMs - phaseMs / 4)
    await rig.sleep(untilMs - performance.now())
    phases.push({ name, clients: count, changedMs, fromMs, untilMs })
  }
}

/** As the console names them. */
interface PoolRow {
  readonly database: string
  readonly cl_active: number
  readonly cl_waiting: number
  readonly sv_active: number
  readonly sv_idle: number
  readonly maxwait: number
  readonly maxwait_us: number
}

async function look(rig: Rig, pooler: OpenPooler, eachMs: number, looks: Look[], over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const found = await lookOnce(pooler)
    if (found) looks.push(found)
    await rig.sleep(eachMs)
  }
}

/** Undefined: no client has come yet, so there is no pool. */
async function lookOnce(pooler: OpenPooler): Promise<Look | undefined> {
  const rows = await pooler.console<PoolRow>('SHOW POOLS')
  const row = rows.find((one) => one.database === database)
  return (
    row && {
      atMs: performance.now(),
      clActive: row.cl_active,
      clWaiting: row.cl_waiting,
      svActive: row.sv_active,
      svIdle: row.sv_idle,
      maxwaitMs: row.maxwait * 1_000 + row.maxwait_us / 1_000,
    }
  )
}
