/**
 * A storm of cold starts, straight to PostgreSQL and through a pooler: instances of a function that each open a connection, ask,
 * and keep it for as long as they stay warm. What is said of it stands in serverless-findings.ts.
 */

import { numberText, percentText, timeText } from '../../../report/number-text.ts'
import { inUse } from '../../../sizing/littles-law.ts'
import type { Experiment } from '../../experiment.ts'
import { askAfresh, mediansOf, type RequestParts } from '../../fresh-connection.ts'
import { inTurns } from '../../in-turns.ts'
import { openLoad } from '../../load.ts'
import { watchOwnCores } from '../../own-cores.ts'
import type { Findings } from '../../results.ts'
import type { OpenPooler, Way } from '../../openings.ts'
import type { Rig } from '../../rig.ts'
import { type FirstAnswer, findings, type Look, type Plan, type Storm, type Storms } from './serverless-findings.ts'

const database = 'functions'
const questions = 3
const poolerServers = 20
/** More are no longer a load of bounded size. */
const mostInstances = 1_000
const lookEachMs = 20
const calibrations = 15

export const serverless: Experiment = {
  name: 'serverless',
  title: 'A storm of cold starts',
  question:
    'Hundreds of instances of a function start within a moment, each with a connection of its own: how many are served?',
  articles:
    'Functions that start cold and can hold no pool exhaust the connections of the database; a pooler in front of it lets them in.',
  seconds: { quick: 4, usual: 15 },
  run,
}

async function run(rig: Rig): Promise<Findings> {
  const rounds = rig.pace({ quick: 3, usual: 5 })
  const pooler = await rig.pooler([{ name: database, mode: 'transaction', size: poolerServers }])
  const plan = planOf(rig)
  await predict(rig, plan, pooler)
  const storms: Storms = { direct: [], 'through the pooler': [] }
  for (const { item: name, round, share } of inTurns(Object.keys(storms) as (keyof Storms)[], rounds)) {
    rig.progress(share, name)
    const storm = name === 'direct' ? sendDirect : sendThrough
    storms[name].push(await storm(rig, plan, pooler, round + 1))
  }
  return findings(rig, plan, storms)
}

/** They stay for longer than it takes them all to come, so that none makes room for another; in a short storm opening takes its part of that. */
function planOf(rig: Rig): Plan {
  const { least, perMs, stay } = rig.pace({
    quick: { least: 200, perMs: 1, stay: 1.75 },
    usual: { least: 400, perMs: 0.5, stay: 1.1 },
  })
  const instances = Math.min(mostInstances, Math.max(least, 2 * rig.freeConnections))
  const stormMs = Math.round(instances / perMs)
  return { instances, stormMs, stayMs: Math.round(stay * stormMs), questions, poolerServers, lookEachMs }
}

async function predict(rig: Rig, plan: Plan, pooler: OpenPooler): Promise<void> {
  const { instances, stormMs, stayMs } = plan
  const direct = await timeFirstAnswer(rig, rig.direct)
  const through = await timeFirstAnswer(rig, pooler.way(database))
  const free = rig.freeConnections
  const together = Math.min(instances, inUse((1_000 * instances) / stormMs, stayMs + direct))
  const served = Math.min(1, free / together)
  rig.predict(
    `${instances} instances within ${timeText(stormMs)} that each stay ${timeText(stayMs)} are ${numberText(Math.round(together))} together (Little's law); ` +
      `PostgreSQL has ${numberText(free)} connections for them, enough for ${percentText(served)}. Through the pooler, which lends at most ${poolerServers} for as ` +
      `long as a question takes, all are served. Alone, the first answer takes ${timeText(direct)} straight from PostgreSQL, ${timeText(through)} through the pooler.`,
    {
      'direct success': served,
      'direct peak connections': Math.min(free, together),
      'direct first answer p50': direct,
      'through the pooler success': 1,
      'through the pooler peak connections': poolerServers,
      'through the pooler first answer p50': through,
    },
  )
}

async function timeFirstAnswer(rig: Rig, way: Way): Promise<number> {
  const found: RequestParts[] = []
  for (let count = 0; count < calibrations; count++) found.push(await askAfresh(rig, way, rig.work.lookup(1)))
  const { openMs, queryMs } = mediansOf(found)
  return openMs + queryMs
}

/** The pooler lets go of its servers first: nobody has connections but the instances. */
async function sendDirect(rig: Rig, plan: Plan, pooler: OpenPooler, seed: number): Promise<Storm> {
  await pooler.console(`PAUSE ${database}`)
  await rig.untilFree()
  const storm = await send(rig, plan, rig.direct, seed)
  await rig.untilFree()
  await pooler.console(`RESUME ${database}`)
  return storm
}

function sendThrough(rig: Rig, plan: Plan, pooler: OpenPooler, seed: number): Promise<Storm> {
  return send(rig, plan, pooler.way(database), seed)
}

async function send(rig: Rig, plan: Plan, way: Way, seed: number): Promise<Storm> {
  const { instances, stormMs: measureMs } = plan
  const answers: FirstAnswer[] = []
  const looks: Look[] = []
  const state = { isOver: false }
  const atMs = performance.now()
  const ownCores = watchOwnCores()
  const arrivalsPerSecond = (1_000 * instances) / measureMs
  const arriving = openLoad({ arrivalsPerSecond, warmUpMs: 0, measureMs, seed, signal: rig.signal }, (meantMs) =>
    live(rig, way, plan, () => answers.push({ atMs: meantMs - atMs, afterMs: performance.now() - meantMs })),
  ).finally(() => (state.isOver = true))
  const [load] = await Promise.all([arriving, look(rig, atMs, looks, state)])
  return { load, answers, looks, ownCores: ownCores() }
}

/** One instance, from its start to its end. */
async function live(rig: Rig, way: Way, { questions: count, stayMs }: Plan, answered: () => void): Promise<void> {
  const client = await rig.connect(way)
  try {
    for (let question = 1; question <= count; question++) {
      const { text, values } = rig.work.lookup(question)
      await client.query(text, [...values])
      if (question === 1) answered()
    }
    await rig.sleep(stayMs)
  } finally {
    await rig.end(client)
  }
}

async function look(rig: Rig, fromMs: number, looks: Look[], state: { readonly isOver: boolean }): Promise<void> {
  while (!state.isOver && !rig.signal.aborted) {
    const { length } = await rig.backends()
    looks.push({ atMs: performance.now() - fromMs, connections: length })
    await rig.sleep(lookEachMs)
  }
}
