/** What is said of a thousand clients by each way. */

import { bytesText, numberText, timeText } from '../../../report/number-text.ts'
import { headlineOf } from '../../headline.ts'
import { measurement, medianOf } from '../../measurement.ts'
import type { Figure } from '../../../report/figure.ts'
import type { Table } from '../../../report/page.ts'
import type { Findings, Measurement } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import type { CrowdResult } from './thousand-measure.ts'
import {
  latenciesOf,
  latencyOf,
  memoryOfAll,
  mostDirect,
  perSecondOf,
  sumOf,
  type Thousand,
  wayOf,
} from './thousand-results.ts'
import { thousandSurprises } from './thousand-surprises.ts'

const mib = 1024 ** 2

export function thousandFindings(run: Thousand): Findings {
  const { rig, plan, results } = run
  return {
    headline: headlineFor(run),
    answer: answerOf(run),
    surprises: thousandSurprises(run),
    remarks: remarksOf(run),
    setup: {
      clients: plan.clients,
      servers: plan.servers,
      'mean pause, ms': Math.round(plan.meanPauseMs),
      windows: plan.windows,
      'window, ms': plan.windowMs,
      'warm-up, ms': plan.warmUpMs,
      'query_wait_timeout in session mode, ms': plan.waitMs,
    },
    measurements: results.flatMap(measurementsOf),
    tables: [tableOf(results)],
    plots: plotsOf(rig, results),
  }
}

function headlineFor({ plan, results }: Thousand): string {
  const pooled = wayOf(results, 'transaction')
  const most = mostDirect(results)
  const who = pooled.served === plan.clients ? 'all' : numberText(pooled.served)
  const served = `${numberText(plan.clients)} clients: ${numberText(wayOf(results, 'direct').connected)} let in straight; ${who} served through ${numberText(plan.servers)} servers`
  const isLess = most.connected >= plan.clients && memoryOfAll(pooled) < memoryOfAll(most)
  return headlineOf(
    isLess ? `${served}, in ${bytesText(memoryOfAll(pooled))} instead of ${bytesText(memoryOfAll(most))}.` : undefined,
    `${served}.`,
  )
}

function answerOf({ plan, results }: Thousand): string {
  const direct = wayOf(results, 'direct')
  const pooled = wayOf(results, 'transaction')
  const session = wayOf(results, 'session')
  const refused = sumOf(direct.refusals)
  const codes = [...direct.refusals.keys()].join(', ')
  return [
    `Of ${numberText(plan.clients)} clients the server let in ${numberText(direct.connected)}` +
      (refused > 0
        ? ` and refused ${numberText(refused)} (${codes}), for ${speedText(direct)}.`
        : `, for ${speedText(direct)}.`),
    `Through ${numberText(plan.servers)} servers ${numberText(pooled.served)} were answered in transaction mode, for ${speedText(pooled)}, and ${numberText(session.served)} in session mode.`,
    ...memoryTexts(pooled, mostDirect(results)),
  ].join(' ')
}

function memoryTexts(pooled: CrowdResult, direct: CrowdResult): string[] {
  if (Number.isNaN(pooled.proportionalBytes)) return []
  return [
    `In transaction mode they take ${bytesText(memoryOfAll(pooled))} of memory, the pooler included; ${numberText(direct.backends)} direct backends take ${bytesText(memoryOfAll(direct))}.`,
  ]
}

function speedText(result: CrowdResult): string {
  return `${numberText(medianOf(perSecondOf(result)))} lookups a second with a 99th percentile of ${timeText(latencyOf(result, 99))}`
}

function remarksOf({ rig, plan, results }: Thousand): string[] {
  const largest = mostDirect(results).connected
  return [
    `Every client stays connected and asks a lookup now and then, after pauses of ${timeText(plan.meanPauseMs)} on average: latencies are not those of a queue that the load itself makes. Whom the server has refused asks nothing.`,
    'One way is measured after the other, each in several windows, for they would not fit into the server at the same time.',
    `In session mode a client keeps its server until it goes, so the others wait: no longer than ${timeText(plan.waitMs)}, and then they are refused, or until the measurement ends. Who was neither answered nor ended nor waits had not asked yet.`,
    ...(rig.processes
      ? [
          `Memory is that of the processes, with their part of what several share (proportional set size). Of the pooler's memory, ${bytesText(wayOf(results, 'transaction').poolerAloneBytes)} were there before the first client came.`,
        ]
      : ["The memory of PostgreSQL's processes can't be seen from here."]),
    ...(plan.clients < 1_000
      ? [
          `This process may have no more than ${numberText(plan.clients)} sockets (ulimit -n), so there are no more clients.`,
        ]
      : []),
    ...(largest < plan.clients
      ? [
          `More than ${numberText(largest)} direct backends were not measured: ${rig.isQuick && rig.openAnother ? 'a server of our own that lets in all is for the longer run' : 'the server lets in no more'}.`,
        ]
      : []),
  ]
}

function measurementsOf(result: CrowdResult): Measurement[] {
  const { name, windows } = result
  const single = (what: string, unit: Measurement['unit'], value: number): Measurement =>
    measurement(`${what}, ${name}`, unit, [value])
  const byReason = (what: string, counts: ReadonlyMap<string, number>): Measurement[] =>
    [...counts].map(([code, count]) => single(`${what} with ${code}`, 'count', count))
  return [
    measurement(`throughput, ${name}`, '1/s', perSecondOf(result)),
    measurement(`latency p50, ${name}`, 'ms', latenciesOf(windows, 50)),
    measurement(`latency p99, ${name}`, 'ms', latenciesOf(windows, 99)),
    single('clients connected', 'count', result.connected),
    single('clients refused', 'count', sumOf(result.refusals)),
    ...byReason('clients refused', result.refusals),
    single('clients answered', 'count', result.served),
    single('clients ended', 'count', sumOf(result.failures)),
    ...byReason('clients ended', result.failures),
    single('clients waiting at the end', 'count', result.waiting),
    single('backends', 'count', result.backends),
    single('servers busy', 'count', result.busy),
    single('own memory of all backends', 'bytes', result.ownBytes),
    single('memory of all backends', 'bytes', result.proportionalBytes),
    single('memory of the pooler', 'bytes', result.poolerBytes),
    single('memory of the pooler without clients', 'bytes', result.poolerAloneBytes),
  ].filter(({ median }) => median !== null)
}

function tableOf(results: readonly CrowdResult[]): Table {
  return {
    caption: 'By the way to the database; times and throughput are medians over the windows',
    head: [
      'way',
      'connected',
      'refused',
      'answered',
      'ended',
      'waiting',
      'lookups/s',
      'p50',
      'p99',
      'backends',
      'their memory',
      'the pooler',
    ],
    rows: results.map((result) => [
      result.name,
      result.connected,
      sumOf(result.refusals),
      result.served,
      sumOf(result.failures),
      result.waiting,
      numberText(medianOf(perSecondOf(result))),
      timeText(latencyOf(result, 50)),
      timeText(latencyOf(result, 99)),
      result.backends,
      bytesText(result.proportionalBytes),
      bytesText(result.poolerBytes),
    ]),
  }
}

function plotsOf(rig: Rig, results: readonly CrowdResult[]): Figure[] {
  const memory: Figure = {
    kind: 'bars',
    isStacked: true,
    title: 'Memory by the way to the database',
    subtitle: 'proportional set size of all backends, and of the pooler',
    unit: 'MiB',
    series: [{ name: 'backends' }, { name: 'pooler' }],
    groups: results.map((result) => ({
      label: `${result.name}: ${numberText(result.backends)} backends`,
      values: [result.proportionalBytes / mib, result.poolerBytes / mib],
    })),
  }
  const clients: Figure = {
    kind: 'bars',
    title: 'What became of the clients',
    series: [{ name: 'answered' }, { name: 'refused or ended' }, { name: 'waiting at the end' }],
    groups: results.map((result) => ({
      label: result.name,
      values: [result.served, sumOf(result.refusals) + sumOf(result.failures), result.waiting],
    })),
  }
  const latency: Figure = {
    kind: 'bars',
    title: 'How long a lookup takes those who are answered',
    subtitle: 'medians over the windows',
    unit: 'ms',
    series: [{ name: 'p50' }, { name: 'p99' }],
    groups: results.map((result) => ({ label: result.name, values: [latencyOf(result, 50), latencyOf(result, 99)] })),
  }
  return [...(rig.processes ? [memory] : []), clients, latency]
}
