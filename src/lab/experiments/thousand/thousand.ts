/** A thousand clients who are connected and seldom ask: straight to the database, and through a few servers in each mode of the pooler. */

import { freemem } from 'node:os'
import { bytesText, numberText, timeText } from '../../../report/number-text.ts'
import { backendMemoryBytes } from '../../../sizing/fleet.ts'
import { inUse, mostPerSecond } from '../../../sizing/littles-law.ts'
import { mostSockets } from '../../descriptors.ts'
import type { Experiment } from '../../experiment.ts'
import { closedLoad } from '../../load.ts'
import { meanOf } from '../../measurement.ts'
import type { Findings } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import { dismiss, gather } from './crowd.ts'
import { thousandFindings } from './thousand-findings.ts'
import { roomForAll } from './thousand-results.ts'
import { type CrowdPlan, type CrowdResult, measureDirect, measurePooled } from './thousand-measure.ts'

export const thousand: Experiment = {
  name: 'thousand',
  title: 'A thousand clients, and twenty servers',
  question:
    'What do 1,000 connected clients cost and get, straight to the database and through 20 servers in each mode?',
  articles:
    '1,000 connections of 5–10 MB take 5–10 GB; in transaction mode they share a pool of 20. Beyond max_connections the server refuses.',
  seconds: { quick: 5, usual: 30 },
  run,
}

const wanted = 1_000
const servers = 20
const askedPerSecond = 1_500
const modes = ['session', 'transaction', 'statement'] as const
/** On the database of our own, for each: far above what one was ever seen to take that counts. */
const bytesEach = 8 * 1024 ** 2

async function run(rig: Rig): Promise<Findings> {
  const clients = Math.min(wanted, mostSockets())
  const plan: CrowdPlan = {
    clients,
    servers: Math.max(1, Math.min(servers, rig.freeConnections)),
    waitMs: 1_000,
    meanPauseMs: (clients * 1_000) / askedPerSecond,
    ...rig.pace({
      quick: { warmUpMs: 60, windowMs: 180, windows: 3 },
      usual: { warmUpMs: 400, windowMs: 600, windows: 5 },
    }),
  }
  const settings = settingsForAll(rig, clients)
  rig.progress(0, 'one after the other')
  await predict(rig, plan, settings !== undefined)

  const ways: [name: string, measure: () => Promise<CrowdResult>][] = [
    ['direct', () => measureDirect(rig, 'direct', plan)],
    ...modes.map((mode): (typeof ways)[number] => [`${mode} mode`, () => measurePooled(rig, mode, plan)]),
  ]
  const { openAnother } = rig
  if (settings && openAnother) {
    const measure = (other: Rig): Promise<CrowdResult> => measureDirect(other, roomForAll, plan)
    ways.push([roomForAll, () => rig.onAnother(openAnother, settings, measure)])
  }
  return thousandFindings({ rig, plan, results: await measureAll(rig, plan, ways) })
}

async function measureAll(
  rig: Rig,
  { warmUpMs, windowMs, windows }: CrowdPlan,
  ways: readonly (readonly [name: string, measure: () => Promise<CrowdResult>])[],
): Promise<CrowdResult[]> {
  const results: CrowdResult[] = []
  const ms = warmUpMs + windowMs * windows + 1_000
  for (const [index, [name, measure]] of ways.entries()) {
    const from = 0.05 + (0.95 * index) / ways.length
    const bar = { from, to: from + 0.95 / ways.length, ms, doing: `${numberText(wanted)} clients, ${name}` }
    results.push(await rig.progressWhile(measure(), bar))
  }
  return results
}

/** Of a database of our own that lets all in; undefined: this one does, or it is not ours, or memory or time is short. */
function settingsForAll(rig: Rig, clients: number): Readonly<Record<string, string>> | undefined {
  const isRoom = freemem() > 2 * clients * bytesEach
  if (rig.isQuick || !rig.openAnother || rig.freeConnections >= clients || !isRoom) return undefined
  return { max_connections: String(clients + 10) }
}

interface Alone {
  readonly lookupMs: number
  /** Of its own, of a backend that has looked up something; NaN: it can't be seen. */
  readonly bytes: number
}

async function lookAlone(rig: Rig): Promise<Alone> {
  const few = await gather(rig, Math.min(5, rig.freeConnections), rig.direct)
  const { text, values } = rig.work.lookup(1)
  for (const client of few.clients) await client.query(text, [...values])
  const memory = await rig.memory()
  const load = { workers: 1, warmUpMs: 30, measureMs: 100, signal: rig.signal }
  const { latenciesMs } = await closedLoad(
    load,
    () => few.clients[0]?.query(text, [...values]) ?? Promise.reject(new Error('nobody was let in')),
  )
  await dismiss(rig, few)
  return { lookupMs: meanOf(latenciesMs), bytes: memory ? memory.privateBytes / memory.processes : Number.NaN }
}

async function predict(rig: Rig, plan: CrowdPlan, isRoomForAll: boolean): Promise<void> {
  const { lookupMs, bytes } = await lookAlone(rig)
  const { clients, meanPauseMs } = plan
  const letIn = Math.min(clients, rig.freeConnections)
  const perSecond = mostPerSecond(clients, meanPauseMs + lookupMs)
  const busy = inUse(perSecond, lookupMs)
  const each = mostPerSecond(1, meanPauseMs + lookupMs)
  const memory = (connections: number): number =>
    Number.isNaN(bytes) ? Number.NaN : backendMemoryBytes(connections, bytes)
  const bytesKnown = Number.isNaN(bytes)
    ? ''
    : ` By connections × memory of each, ${bytesText(bytes)} after a lookup, ${numberText(letIn)} backends have ${bytesText(memory(letIn))} of their own, ` +
      `${numberText(clients)} would have ${bytesText(memory(clients))}, and ${numberText(plan.servers)} have ${bytesText(memory(plan.servers))}.`
  rig.predict(
    `The server lets in ${numberText(letIn)} of ${numberText(clients)}. All of them ask ${numberText(perSecond)} times a second; a lookup alone takes ${timeText(lookupMs)}, so by Little's law ` +
      `${numberText(busy)} servers are busy on average, and ${numberText(plan.servers)} are enough in transaction and statement mode. In session mode ${numberText(plan.servers)} clients are served.${bytesKnown}`,
    {
      'throughput, direct': letIn * each,
      'throughput, session': plan.servers * each,
      'throughput, transaction': perSecond,
      'throughput, statement': perSecond,
      'clients answered, session': plan.servers,
      'servers busy, transaction': busy,
      'servers busy, statement': busy,
      ...(!Number.isNaN(bytes) && {
        'own memory of all backends, direct': memory(letIn),
        'own memory of all backends, transaction': memory(plan.servers),
        ...(isRoomForAll && { [`own memory of all backends, ${roomForAll}`]: memory(clients) }),
      }),
    },
  )
}
