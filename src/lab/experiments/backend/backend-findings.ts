/** What is said of a backend's cost. */

import { numberText, timeText } from '../../../report/number-text.ts'
import { headlineOf } from '../../headline.ts'
import { measurement, medianOf } from '../../measurement.ts'
import type { Findings, Measurement } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import { statementMs } from './active-backends.ts'
import {
  activeAnswer,
  activeHeadline,
  activeMeasurements,
  activePlots,
  type ActiveRun,
  activeSurprises,
  activeTable,
} from './active-findings.ts'
import type { MemoryInPhases } from './backend-memory.ts'
import {
  memoryAnswer,
  memoryHeadline,
  memoryMeasurements,
  memoryMisses,
  memoryPlot,
  memorySurprises,
  memoryTable,
} from './memory-findings.ts'
import { isTold, type SetupTimes, telling } from './setup-times.ts'

export interface BackendCost extends ActiveRun {
  readonly rig: Rig
  /** Of those whose memory was looked at. */
  readonly count: number
  readonly memory: MemoryInPhases | undefined
  readonly setups: readonly SetupTimes[]
}

export function backendFindings(cost: BackendCost): Findings {
  const { rig, memory, plan, count, setups, active } = cost
  return {
    headline: headlineOf(memory && memoryHeadline(memory), activeHeadline(cost)),
    answer: [memory && memoryAnswer(memory), setupAnswer(setups), activeAnswer(cost)].filter(Boolean).join(' '),
    surprises: [
      ...(memory ? [...memorySurprises(memory), ...memoryMisses(memory, rig.prediction)] : []),
      ...activeSurprises(cost),
    ],
    remarks: remarksOf(cost),
    setup: {
      backends: count,
      'connections started': setups.length,
      'at work': plan.counts.join(', '),
      'statement, ms': statementMs,
      rounds: plan.rounds,
      'warm-up, ms': plan.warmUpMs,
      'measured, ms': plan.measureMs,
    },
    measurements: [
      ...(memory ? memoryMeasurements(memory) : []),
      ...setupMeasurements(setups),
      ...activeMeasurements(plan, active),
    ],
    tables: [...(memory ? [memoryTable(memory)] : []), activeTable(cost)],
    plots: [...(memory ? [memoryPlot(memory)] : []), ...activePlots(rig, plan, active)],
  }
}

function setupAnswer(setups: readonly SetupTimes[]): string | undefined {
  if (setups.length === 0) return undefined
  const of = (time: (one: SetupTimes) => number): string => timeText(medianOf(setups.map(time)))
  return `Starting its process takes ${of(({ forkMs }) => forkMs)} of the ${of(({ totalMs }) => totalMs)} until it takes a query.`
}

function remarksOf(cost: BackendCost): string[] {
  const { rig, memory, plan, count } = cost
  const most = Math.max(...plan.counts)
  const isForLater = rig.isQuick && (rig.openAnother !== undefined || rig.freeConnections > most)
  return [
    ...(memory
      ? [
          `Memory is that of each of ${count} backends, by /proc; "of its own" is what no other process has, and "its part of what is shared" counts by how many have touched it. The join reads ${numberText(rig.work.accounts)} rows twice.`,
        ]
      : ["The memory of PostgreSQL's processes can't be seen from here."]),
    setupRemark(cost),
    ...(most < 500
      ? [
          `More than ${numberText(most)} at a time were not measured: ${isForLater ? 'that is for the longer run' : 'the server, or the memory of this machine, has no room for them'}.`,
        ]
      : []),
    ...(most > rig.freeConnections
      ? [`What many at work do was measured on another embedded PostgreSQL, with room for ${numberText(most)}.`]
      : []),
    ...(rig.processes ? [] : ["PostgreSQL's processes are not this machine's: context switches are not known."]),
  ]
}

function setupRemark({ rig: { facts, superuser, logTail }, setups }: BackendCost): string {
  if (setups.length > 0) {
    return 'PostgreSQL itself says how long the start of a process took, in its log (log_connections = setup_durations).'
  }
  const what = 'What part of opening a connection is the start of its process'
  if (!isTold(facts)) return `${what}, PostgreSQL tells from version ${telling} on; this is ${facts.version}.`
  if (!superuser || !logTail) return `${what}, PostgreSQL tells a superuser, in its log, which is not to be had here.`
  return `${what}, PostgreSQL was asked for, but its log didn't say in time.`
}

function setupMeasurements(setups: readonly SetupTimes[]): Measurement[] {
  if (setups.length === 0) return []
  return [
    measurement(
      'start of a process',
      'ms',
      setups.map(({ forkMs }) => forkMs),
    ),
    measurement(
      'authentication',
      'ms',
      setups.map(({ authenticationMs }) => authenticationMs),
    ),
    measurement(
      'set-up in all',
      'ms',
      setups.map(({ totalMs }) => totalMs),
    ),
  ]
}
