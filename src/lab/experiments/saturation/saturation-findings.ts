/** What `saturation` finds, in words, tables and plots. */

import { numberText, timeText } from '../../../report/number-text.ts'
import { headlineOf } from '../../headline.ts'
import { failed, failuresText } from '../../load.ts'
import { meanOf, measurement, medianOf } from '../../measurement.ts'
import type { Figure } from '../../../report/figure.ts'
import type { Table } from '../../../report/page.ts'
import type { Findings, Measurement } from '../../results.ts'
import type { Transaction } from './crew.ts'

export interface Plan {
  readonly servers: number
  /** One after the other in each round; the second is the article's. */
  readonly steps: readonly { readonly name: string; readonly clients: number }[]
  readonly rounds: number
  readonly phaseMs: number
  readonly holdMs: number
  /** After a change, until nothing of the step before is left. */
  readonly settleMs: number
  readonly lookEachMs: number
}

/** Of a step, before it was measured. */
export interface Expected {
  readonly name: string
  readonly clients: number
  readonly active: number
  readonly waiting: number
  readonly idle: number
  readonly meanWaitMs: number
  readonly holdMs: number
}

/** A row of SHOW POOLS. */
export interface Look {
  readonly atMs: number
  readonly clActive: number
  readonly clWaiting: number
  readonly svActive: number
  readonly svIdle: number
  readonly maxwaitMs: number
}

/** A step in one round: from `fromMs` on nothing of the step before is left. */
export interface Phase {
  readonly name: string
  readonly clients: number
  readonly changedMs: number
  readonly fromMs: number
  readonly untilMs: number
}

export interface Run {
  readonly looks: Look[]
  readonly phases: Phase[]
  readonly transactions: readonly Transaction[]
  readonly failures: ReadonlyMap<string, number>
  /** What a transaction takes beyond what it asks for, if it doesn't wait. */
  readonly beyondMs: number
}

/** The article's row. */
const article = { clActive: 18, clWaiting: 5, svActive: 20, maxwaitMs: 120 }

const columns = ['clActive', 'clWaiting', 'svActive', 'svIdle', 'maxwaitMs'] as const
type Column = (typeof columns)[number]
const consoleNames = {
  clActive: 'cl_active',
  clWaiting: 'cl_waiting',
  svActive: 'sv_active',
  svIdle: 'sv_idle',
  maxwaitMs: 'maxwait',
} as const satisfies Record<Column, string>

export function figuresOf(expected: readonly Expected[]): Record<string, number> {
  const figures = expected.flatMap(({ name, active, waiting, idle, meanWaitMs }): [string, number][] => [
    [nameOf('clActive', name), active],
    [nameOf('clWaiting', name), waiting],
    [nameOf('svActive', name), active],
    [nameOf('svIdle', name), idle],
    [nameOf('maxwaitMs', name), meanWaitMs],
    [meanWaitName(name), meanWaitMs],
  ])
  return Object.fromEntries(figures)
}

function nameOf(column: Column, step: string): string {
  return `${consoleNames[column]} ${step}`
}

function meanWaitName(step: string): string {
  return `mean wait ${step}`
}

export function findings(plan: Plan, expected: readonly Expected[], run: Run): Findings {
  const saturated = expected[1] as Expected
  const [clActive, clWaiting, svActive, svIdle, maxwaitMs] = columns.map((column) =>
    median(run, saturated.name, column),
  )
  return {
    headline: headlineFor(plan, run),
    answer:
      `With ${saturated.clients} clients on ${plan.servers} servers the console shows cl_active ${shown(clActive)}, cl_waiting ${shown(clWaiting)}, sv_active ${shown(svActive)}, sv_idle ${shown(svIdle)} and ` +
      `a maxwait of ${timeText(maxwaitMs ?? Number.NaN)} (medians). ${alertText(plan, run)}`,
    surprises: unforetold(expected, run),
    remarks: [...remarks(plan, run), ...articleText(run, saturated)],
    setup: {
      servers: plan.servers,
      clients: plan.steps.map(({ clients }) => clients).join(', '),
      rounds: plan.rounds,
      'each, ms': plan.phaseMs,
      'warm-up, ms': plan.settleMs,
      'mean hold, ms': plan.holdMs,
      'SHOW POOLS each, ms': plan.lookEachMs,
      mode: 'transaction',
    },
    measurements: [
      ...plan.steps.flatMap(({ name }) => measurementsOf(run, name)),
      measurement('failures', 'count', [failed(run)]),
    ],
    tables: [tableOf(plan, run)],
    plots: plotsOf(plan, run),
  }
}

function headlineFor({ steps, servers }: Plan, run: Run): string {
  const [, first, second] = steps.map(({ name, clients }) => ({
    clients: numberText(clients),
    waiting: numberText(median(run, name, 'clWaiting')),
    maxwait: timeText(median(run, name, 'maxwaitMs')),
  }))
  if (!first || !second) return ''
  return headlineOf(
    `On ${servers} servers ${first.clients} clients have cl_waiting ${first.waiting} and maxwait ${first.maxwait}, ${second.clients} have ${second.waiting} and ${second.maxwait}.`,
  )
}

function shown(value: number | undefined): string {
  return numberText(value ?? Number.NaN)
}

/** For each round. */
function looksOf({ looks, phases }: Run, step: string): Look[][] {
  const own = phases.filter(({ name }) => name === step)
  return own.map(({ fromMs, untilMs }) => looks.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs))
}

function roundsOf(run: Run, step: string, column: Column): number[] {
  return looksOf(run, step).map((looks) => medianOf(looks.map((look) => look[column])))
}

function median(run: Run, step: string, column: Column): number {
  return medianOf(roundsOf(run, step, column))
}

/** By the clients' own clocks. Below zero it is what a transaction takes that varies, and no wait. */
function meanWaits({ transactions, phases, beyondMs }: Run, step: string): number[] {
  return phases
    .filter(({ name }) => name === step)
    .map(({ fromMs, untilMs }) => {
      const ended = transactions.filter(({ endedMs }) => endedMs >= fromMs && endedMs < untilMs)
      return Math.max(0, meanOf(ended.map(({ tookMs, askedMs }) => tookMs - askedMs - beyondMs)))
    })
}

function alertText({ steps }: Plan, run: Run): string {
  const [before, , twice, after] = steps.map(({ name, clients }) => {
    return { clients, waiting: median(run, name, 'clWaiting'), maxwaitMs: median(run, name, 'maxwaitMs') }
  })
  if (!before || !twice || !after) return ''
  const row = (one: typeof before): string => `${numberText(one.waiting)} and ${timeText(one.maxwaitMs)}`
  return `cl_waiting and maxwait are ${row(before)} with ${before.clients} clients, ${row(twice)} with ${twice.clients}, and ${row(after)} with ${after.clients} again.`
}

/** Against the row that the article shows. */
function articleText(run: Run, { name }: Expected): string[] {
  const looks = looksOf(run, name).flat()
  if (looks.length === 0) return []
  const odd = looks.filter(({ clActive, svActive }) => clActive < svActive).length
  return [
    odd === 0
      ? `Otherwise than in the article's row, which has cl_active ${article.clActive} beside sv_active ${article.svActive}, cl_active was in none of ${looks.length} rows below sv_active: each active server has a client that is active.`
      : `In ${odd} of ${looks.length} rows cl_active was below sv_active, as in the article's, which has ${article.clActive} beside ${article.svActive}.`,
  ]
}

function unforetold(expected: readonly Expected[], run: Run): string[] {
  return expected.flatMap(({ name, clients, active, waiting }) => {
    const [foundActive, foundWaiting] = [median(run, name, 'svActive'), median(run, name, 'clWaiting')]
    if (Math.abs(foundActive - active) < 1 && Math.abs(foundWaiting - waiting) < 1) return []
    const failures = failuresText([run])
    const why = failures === '' ? '' : `; transactions failed, too: ${failures}`
    return [
      `With ${clients} clients (${name}) ${numberText(foundActive)} servers were active and ${numberText(foundWaiting)} clients waited, where ${active} and ${waiting} were expected${why}.`,
    ]
  })
}

function remarks({ servers, steps, holdMs }: Plan, run: Run): string[] {
  const { clWaiting, svActive, maxwaitMs } = article
  const fits = (maxwaitMs * svActive) / clWaiting
  const failures = failuresText([run])
  return [
    'Clients connect for as long as they are wanted, since idle ones count as active, too (cl_active: linked to a server, or with nothing to ask).',
    `SHOW POOLS was read ${run.looks.length} times on one connection of the console; a row counts once nothing of the step before is left.`,
    `By Little's law the article's ${clWaiting} waiting and maxwait of ${timeText(maxwaitMs)} on ${svActive} servers fit transactions of about ${timeText(fits)}; ours hold ${timeText(holdMs)} on average, from half to one and a half times as long.`,
    ...((steps[1]?.clients ?? 0) === article.clActive + article.clWaiting
      ? []
      : [`The server has connections for ${servers} servers only, so there are fewer clients than in the article.`]),
    ...(failures === '' ? [] : [`Transactions that failed: ${failures}.`]),
  ]
}

function measurementsOf(run: Run, step: string): Measurement[] {
  return [
    ...columns.map((column) => {
      return measurement(nameOf(column, step), column === 'maxwaitMs' ? 'ms' : 'count', roundsOf(run, step, column))
    }),
    measurement(meanWaitName(step), 'ms', meanWaits(run, step)),
  ]
}

function tableOf({ steps }: Plan, run: Run): Table {
  const { clActive, clWaiting, svActive, maxwaitMs } = article
  return {
    caption: 'SHOW POOLS: the median row of each step',
    head: [
      '',
      'clients',
      ...Object.values(consoleNames).map((name) => (name === 'maxwait' ? 'maxwait, ms' : name)),
      'mean wait, ms',
    ],
    rows: [
      ["the article's", clActive + clWaiting, clActive, clWaiting, svActive, '–', maxwaitMs, '–'],
      ...steps.map(({ name, clients }) => {
        return [name, clients, ...columns.map((column) => median(run, name, column)), medianOf(meanWaits(run, name))]
      }),
    ],
  }
}

/** Of the last round: the pool has opened all its servers by then. */
function plotsOf({ steps, servers }: Plan, { looks, phases }: Run): Figure[] {
  const round = phases.slice(-steps.length)
  const startMs = round[0]?.changedMs ?? 0
  const shownLooks = looks.filter(({ atMs }) => atMs >= startMs)
  const points = (column: Column): (readonly [number, number])[] => {
    return shownLooks.map((look) => [(look.atMs - startMs) / 1_000, look[column]])
  }
  const marks = round.map(({ changedMs, clients }) => {
    return { axis: 'x' as const, at: (changedMs - startMs) / 1_000, text: `${clients} clients` }
  })
  const x = { label: 'time', unit: 's', from: 0 }
  return [
    {
      kind: 'plot',
      title: `SHOW POOLS over time, ${servers} servers`,
      subtitle: 'the last round; cl_active and sv_active lie on each other where each active client has its server',
      x,
      y: { label: 'how many', from: 0 },
      series: [
        { name: 'cl_active', shape: 'step', points: points('clActive') },
        { name: 'cl_waiting', shape: 'step', points: points('clWaiting') },
        { name: 'sv_active', shape: 'step', points: points('svActive') },
        { name: 'sv_idle', shape: 'step', points: points('svIdle') },
      ],
      marks,
    },
    {
      kind: 'plot',
      title: 'maxwait over the same time',
      subtitle: 'how long the client that waits longest has waited by then',
      x,
      y: { label: 'maxwait', unit: 'ms', from: 0 },
      series: [{ name: '', shape: 'step', points: points('maxwaitMs') }],
      marks: [...marks, { axis: 'y', at: article.maxwaitMs, text: "the article's" }],
    },
  ]
}
