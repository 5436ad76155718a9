/** What one backend costs: memory in the phases of its life, the process that is started for it, the cores' turns between many. */

import { freemem } from 'node:os'
import { bytesText, numberText } from '../../../report/number-text.ts'
import { backendMemoryBytes } from '../../../sizing/fleet.ts'
import type { Experiment } from '../../experiment.ts'
import { medianOf } from '../../measurement.ts'
import type { Findings } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import { type ActivePlan, measureActive } from './active-backends.ts'
import { backendFindings } from './backend-findings.ts'
import { type BackendMemory, measureMemory } from './backend-memory.ts'
import { measureSetup } from './setup-times.ts'

export const backend: Experiment = {
  name: 'backend',
  title: 'What a backend costs',
  question: 'How much memory does a connection take, and what do hundreds of them do to the cores?',
  articles:
    'A backend takes 2–3 MB before its first query, 5–10 MB typically, 10–30 MB idle after work, so 5,000 of 10 MB take 50 GB; ' +
    'thousands of processes on few cores spend the time on switching between them.',
  seconds: { quick: 3, usual: 10 },
  run,
}

/** Of one alone all would be its own that no other process happens to have. */
const fewest = 2
const wantedActive = [10, 100, 500]
/** On a database of our own, for each: far above what one was ever seen to take that counts. */
const bytesEach = 8 * 1024 ** 2

async function run(rig: Rig): Promise<Findings> {
  const count = Math.max(1, Math.min(rig.freeConnections, rig.pace({ quick: 6, usual: 12 })))
  const settings = settingsForMost(rig)
  const counts = activeCounts(rig, settings === undefined ? rig.freeConnections : Infinity)
  rig.progress(0, 'two backends')
  const one = await measureMemory(rig, Math.min(fewest, rig.freeConnections), 0)
  predict(rig, one && medians(one['idle after work']), count, counts)

  rig.progress(0.1, `the memory of ${count} backends`)
  const memory = await measureMemory(rig, count, rig.pace({ quick: 200, usual: 1_000 }))
  rig.progress(0.3, 'starting processes')
  const { superuser, logTail, openAnother } = rig
  const setups = superuser && logTail ? await measureSetup(rig, superuser, logTail) : []
  const plan: ActivePlan = {
    counts,
    rounds: 3,
    ...rig.pace({ quick: { warmUpMs: 80, measureMs: 150 }, usual: { warmUpMs: 350, measureMs: 350 } }),
    progress: (share, doing) => rig.progress(0.4 + 0.6 * share, doing),
  }
  const active =
    settings && openAnother
      ? await rig.onAnother(openAnother, settings, (other) => measureActive(other, plan))
      : await measureActive(rig, plan)
  return backendFindings({ rig, count, memory, setups, plan, active })
}

/** Of a database of our own that takes as many as are wanted; undefined: this one does, or it is not ours, or memory or time is short. */
function settingsForMost(rig: Rig): Readonly<Record<string, string>> | undefined {
  const most = Math.max(...wantedActive)
  const isRoom = freemem() > 2 * most * bytesEach
  if (rig.isQuick || !rig.openAnother || rig.freeConnections >= most || !isRoom) return undefined
  return { max_connections: String(most + 10) }
}

/** Nobody waits in the quick run until hundreds are opened. */
function activeCounts(rig: Rig, free: number): readonly number[] {
  const most = Math.min(free, rig.pace({ quick: 100, usual: Infinity }))
  return [...new Set(wantedActive.map((active) => Math.max(1, Math.min(active, most))))]
}

function medians(all: readonly BackendMemory[]): BackendMemory {
  return {
    own: medianOf(all.map(({ own }) => own)),
    proportional: medianOf(all.map(({ proportional }) => proportional)),
    resident: medianOf(all.map(({ resident }) => resident)),
  }
}

function predict(rig: Rig, one: BackendMemory | undefined, count: number, counts: readonly number[]): void {
  const turns =
    'A backend that waits for its next statement gives its core away: one context switch a statement, however many are at work, ' +
    'and more only where a statement lasts longer than the turn on a core that the system gives it.'
  const figures = Object.fromEntries(
    counts.map((active) => [`context switches per statement with ${active} at work`, 1]),
  )
  if (!one) return rig.predict(turns, rig.processes ? figures : {})
  const all = backendMemoryBytes(count, one.own)
  rig.predict(
    `A backend has ${bytesText(one.own)} of its own when it is idle after a join, with another one beside it. By connections × memory of each, ${count} have ${bytesText(all)}, ` +
      `and ${numberText(5_000)} would have ${bytesText(backendMemoryBytes(5_000, one.own))}. ${turns}`,
    { ...figures, 'own memory idle after work': one.own, 'own memory of all, idle after work': all },
  )
}
