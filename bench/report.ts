/** The report as Markdown: a table per metric, where we are behind, and how it was measured. */

import { postgresSettings, scale } from './database.ts'
import { type Row, warmUpSeconds } from './measure.ts'
import { threadsFor } from './pgbench.ts'
import { poolerSettings } from './poolers.ts'
import { median, medianInterval } from './statistics.ts'
import { type Finding, findings, isBetterHigher, standing } from './verdict.ts'
import type { Metric } from './workloads.ts'

/** Everything a report is made of. It is also what the JSON file beside the report holds. */
export interface Results {
  readonly date: string
  readonly command: string
  readonly machine: string
  readonly cores: number
  readonly versions: {
    readonly taxirank: string
    readonly pgbouncer: string
    readonly postgres: string
    readonly pgbench: string
  }
  readonly pairs: number
  readonly seconds: number
  /** PgBouncer stood in both places. */
  readonly control: boolean
  readonly rows: readonly Row[]
}

const sections: readonly { readonly metrics: readonly Metric[]; readonly title: string; readonly note: string }[] = [
  { metrics: ['tps'], title: 'Throughput', note: 'Transactions per second. A ratio above 1: Taxirank does more.' },
  {
    metrics: ['cpuMicros'],
    title: 'CPU per transaction',
    note:
      "Microseconds of the pooler's process, all threads, with user + kernel time in brackets. " +
      'A ratio below 1: Taxirank needs less.',
  },
  {
    metrics: ['p50Ms', 'p99Ms'],
    title: 'Latency',
    note: 'Milliseconds, over every transaction of a run. A ratio below 1: Taxirank is quicker.',
  },
]

/** The whole report. */
export function renderReport(results: Results): string {
  const found = findings(results.rows)
  return [
    '# Benchmark: Taxirank beside PgBouncer',
    ...(results.control ? ['**Control run: PgBouncer stands in both places; every ratio should be 1.**'] : []),
    summary(results),
    ...sections.flatMap(({ metrics, title, note }) => {
      const selected = found.filter(({ target }) => metrics.includes(target.metric))
      return selected.length === 0 ? [] : [`## ${title}`, note, table(selected, results)]
    }),
    '## Where Taxirank is behind',
    behind(found),
    ...failures(results.rows),
    '## How it was measured',
    method(results),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n')
}

function summary({ date, command, machine, versions }: Results): string {
  return [
    `* date: ${date}`,
    `* command: \`${command}\``,
    `* machine: ${machine}`,
    `* versions: ${versions.taxirank}; ${versions.pgbouncer}; ${versions.postgres}; ${versions.pgbench}`,
  ].join('\n')
}

function table(selected: readonly Finding[], { rows, control, pairs }: Results): string {
  const limit = selected.some(({ target }) => isBetterHigher(target.metric)) ? 'at least' : 'at most'
  const ours = control ? 'PgBouncer again' : 'Taxirank'
  return [
    `| | PgBouncer | ${ours} | ratio | ${confidence(pairs)} % interval | ${limit} | aim | |`,
    '|---|---|---|---|---|---|---|---|',
    ...selected.map((finding) => tableLine(finding, rows)),
  ].join('\n')
}

function tableLine(finding: Finding, rows: readonly Row[]): string {
  const { target, comparison, verdict } = finding
  const { ratio, interval } = comparison
  const [baseline, ours] = sides(finding, rows)
  const cells = [
    label(finding),
    baseline,
    ours,
    `**${ratio.toFixed(3)}**`,
    `${interval.low.toFixed(3)} – ${interval.high.toFixed(3)}`,
    times(target.mustReach),
    times(target.aim),
    verdict,
  ]
  return `| ${cells.join(' | ')} |`
}

function label({ workload, target }: Finding): string {
  const percentile = { tps: '', cpuMicros: '', p50Ms: ', p50', p99Ms: ', p99' }[target.metric]
  const against = target.baseline === 'direct' ? ' (PostgreSQL without a pooler in place of PgBouncer)' : ''
  return `${workload.title}${percentile}${against}`
}

function sides({ workload, target, comparison }: Finding, rows: readonly Row[]): [string, string] {
  if (target.metric === 'cpuMicros') {
    return [cpuCell(rows, workload.name, 'pgbouncer'), cpuCell(rows, workload.name, 'taxirank')]
  }
  const digits = target.metric === 'tps' ? 0 : 2
  return [withCommas(comparison.baseline, digits), withCommas(comparison.ours, digits)]
}

function cpuCell(rows: readonly Row[], name: string, side: 'pgbouncer' | 'taxirank'): string {
  const row = rows.find((candidate) => candidate.workload.name === name)
  const spent = row?.name === 'measured' ? row.pairs.flatMap((pair) => pair[side].cpu ?? []) : []
  const [total, user, kernel] = [
    median(spent.map((cpu) => cpu.totalMicros)),
    median(spent.map((cpu) => cpu.userMicros)),
    median(spent.map((cpu) => cpu.kernelMicros)),
  ]
  return `${total.toFixed(1)} (${user.toFixed(1)} + ${kernel.toFixed(1)})`
}

function behind(found: readonly Finding[]): string {
  const lines = found.flatMap((finding) => {
    const { target, comparison, verdict } = finding
    const stands = standing(target.metric, comparison)
    if (target.baseline === 'direct' ? verdict !== 'MISSED' : stands === 'ahead or level') return []
    const metric = { tps: 'throughput', cpuMicros: 'CPU per transaction', p50Ms: 'latency', p99Ms: 'latency' }[
      target.metric
    ]
    const missed = verdict === 'MISSED' ? `, **and misses ${times(target.mustReach)}**` : ''
    const how = target.baseline === 'direct' ? 'too little' : stands
    return [`* ${label(finding)}: ${metric} ${comparison.ratio.toFixed(3)} ×, ${how}${missed}`]
  })
  return lines.length === 0 ? 'Nowhere in these rows.' : lines.join('\n')
}

function failures(rows: readonly Row[]): string[] {
  const failed = rows.flatMap((row) => (row.name === 'failed' ? [row] : []))
  if (failed.length === 0) return []
  return [
    '## Rows without a result',
    ...failed.map(({ workload, reason }) => `${workload.title}:\n\n\`\`\`\n${reason}\n\`\`\``),
  ]
}

function method({ pairs, seconds, cores, rows }: Results): string {
  return [
    sentences(
      'Both poolers stand in front of one PostgreSQL on the same machine and run in turn: PgBouncer, Taxirank;',
      `Taxirank, PgBouncer; and so on, ${pairs} pairs of runs of ${seconds} s a row, after ${warmUpSeconds} s of warming`,
      'up each. The one that is not measured is idle. Both runs of a pair use the same seed. 32 clients unless the row',
      `says otherwise${describeLogins(rows)}, over TCP on 127.0.0.1, without TLS; threads of pgbench: ${describeThreads(rows, cores)}.`,
    ),
    sentences(
      "PgBouncer's and Taxirank's columns are medians of the runs. A ratio is Taxirank's divided by PgBouncer's within",
      'one pair, so that what changes slowly on the machine cancels out; shown is the median of the ratios, and it',
      `alone decides. ${describeInterval(pairs)}`,
    ),
    sentences(
      'CPU time is what `/proc` counted for the pooler between the start and the end of pgbench, divided by its',
      'transactions; it includes logging the clients in, which shows with 1,000 clients. The total comes from the',
      "scheduler's nanoseconds, its split from ticks of 10 ms; the three medians need not add up. Throughput leaves",
      'out the time of the first connections, but not the connections of "a connection per transaction".',
    ),
    sentences(
      `PostgreSQL: ${assignments(postgresSettings)}. pgbench's tables at scale ${scale}, where row locks do not hide the`,
      'poolers as they would at scale 1; unlogged, and read into memory before the first run. Before each run that',
      'writes, the small tables are vacuumed and the history is truncated. Nothing waits for a disk, on purpose: it',
      'would hide the poolers too.',
    ),
    `Both poolers: ${assignments(poolerSettings)}. All else is each one's default.`,
    'Every single run is in [bench.json](bench.json).',
  ].join('\n\n')
}

/** Where runs are longer than the others, how much and why. */
function describeLogins(rows: readonly Row[]): string {
  return rows
    .filter(({ workload }) => workload.loginSeconds > 0)
    .map(({ workload: { clients, loginSeconds } }) => {
      return ` (runs of ${withCommas(clients, 0)} clients take ${loginSeconds} s more, since logging in is part of them)`
    })
    .join('')
}

function describeThreads(rows: readonly Row[], cores: number): string {
  return rows.map(({ workload }) => `${threadsFor(workload, cores)} (${workload.name})`).join(', ')
}

function describeInterval(pairs: number): string {
  const ranks = Array.from({ length: pairs }, (_, index) => index + 1)
  const { low, high, confidence: exact } = medianInterval(ranks)
  return sentences(
    'The interval is the order-statistic (sign test) interval of that median:',
    `from the ${ordinal(low)} to the ${ordinal(high)} of the ${pairs} ratios by size, which covers the true median with a`,
    `probability of ${(exact * 100).toFixed(1)} %, whatever the distribution.`,
    ...(exact < 0.95 ? ['**So few pairs do not reach 95 %.**'] : []),
  )
}

function sentences(...parts: readonly string[]): string {
  return parts.join(' ')
}

/** The exact confidence goes with the method; a table says 95 when it is at least that. */
function confidence(pairs: number): number {
  const exact = medianInterval(Array.from({ length: pairs }, () => 1)).confidence
  return exact >= 0.95 ? 95 : Math.floor(exact * 100)
}

function ordinal(n: number): string {
  const teen = n % 100 >= 11 && n % 100 <= 13
  return `${n}${teen ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th')}`
}

function assignments(settings: Readonly<Record<string, string | number>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `\`${name} = ${value}\``)
    .join('; ')
}

function times(limit: number | undefined): string {
  return limit === undefined ? '–' : `${limit} ×`
}

function withCommas(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
