/** The report as Markdown: a table per metric, where we are behind, and how it was measured. */

import { postgresSettings, scale } from './database.ts'
import type { Contestant, Row } from './measure.ts'
import { threadsFor } from './pgbench.ts'
import { poolerSettings, type SetupName } from './poolers.ts'
import { median, medianInterval } from '../src/metrics/statistics.ts'
import { type Finding, findings, isBetterHigher, standing } from './verdict.ts'
import { type Metric, type Peer, type PgbenchWorkload, type Target, usualWarmUpSeconds } from './workloads.ts'

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

interface Section {
  readonly metrics: readonly Metric[]
  readonly title: string
  readonly note: string
}

const sections: readonly Section[] = [
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
  {
    metrics: ['mbPerSecond'],
    title: 'Large results',
    note: 'MB per second, from the query until all of the result has come. A ratio above 1: Taxirank is quicker.',
  },
  {
    metrics: ['servedMs'],
    title: 'Restart',
    note: 'Milliseconds. A ratio below 1: Taxirank has served everybody sooner.',
  },
  {
    metrics: ['idleKb', 'peakMb', 'growthMb'],
    title: 'Memory',
    note:
      "The pooler's process. Limits in kB or MB are for Taxirank's own figure, and so is the interval then. A ratio below " +
      '1: Taxirank needs less; there is none where PgBouncer did not grow.',
  },
]

/** How a metric is written: its digits, its unit where a table has several, and what it is called. */
const metricTexts: Readonly<Record<Metric, { digits: number; unit: string; suffix: string; noun: string }>> = {
  tps: { digits: 0, unit: '', suffix: '', noun: 'throughput' },
  cpuMicros: { digits: 1, unit: '', suffix: '', noun: 'CPU per transaction' },
  p50Ms: { digits: 2, unit: '', suffix: ', p50', noun: 'latency' },
  p99Ms: { digits: 2, unit: '', suffix: ', p99', noun: 'latency' },
  servedMs: { digits: 0, unit: '', suffix: '', noun: 'time' },
  mbPerSecond: { digits: 0, unit: '', suffix: '', noun: 'speed' },
  idleKb: { digits: 2, unit: ' kB', suffix: '', noun: 'memory' },
  peakMb: { digits: 1, unit: ' MB', suffix: ', the most memory', noun: 'memory' },
  growthMb: { digits: 1, unit: ' MB', suffix: '', noun: 'memory' },
}

const inPlaceOfPgBouncer: Readonly<Record<Peer, string>> = {
  pgbouncer: '',
  direct: ' (PostgreSQL without a pooler in place of PgBouncer)',
  allow: ' (Taxirank with `session_state = allow` in place of PgBouncer)',
}

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

function table(selected: readonly Finding[], { rows, control }: Results): string {
  const limit = selected.some(({ target }) => isBetterHigher(target.metric)) ? 'at least' : 'at most'
  const ours = control ? 'PgBouncer again' : 'Taxirank'
  const fewest = Math.min(...selected.map(({ comparison }) => comparison.ratios.length))
  return [
    `| | PgBouncer | ${ours} | ratio | ${confidence(fewest)} % interval | ${limit} | aim | |`,
    '|---|---|---|---|---|---|---|---|',
    ...selected.map((finding) => tableLine(finding, rows)),
  ].join('\n')
}

function tableLine(finding: Finding, rows: readonly Row[]): string {
  const { target, comparison, verdict } = finding
  const [baseline, ours] = sides(finding, rows)
  const cells = [
    label(finding),
    baseline,
    ours,
    Number.isFinite(comparison.ratio) && comparison.ratio > 0 ? `**${comparison.ratio.toFixed(3)}**` : '–',
    intervalCell(finding),
    limitCell(target, target.mustReach),
    limitCell(target, target.aim),
    verdict,
  ]
  return `| ${cells.join(' | ')} |`
}

function intervalCell({ target, comparison: { interval } }: Finding): string {
  const show = (bound: number) => (target.judged === 'ratio' ? bound.toFixed(3) : figure(target.metric, bound))
  return `${show(interval.low)} – ${show(interval.high)}`
}

function label({ workload, target }: Finding): string {
  return `${workload.title}${metricTexts[target.metric].suffix}${inPlaceOfPgBouncer[target.baseline]}`
}

function sides({ workload, target, comparison }: Finding, rows: readonly Row[]): [string, string] {
  if (target.metric === 'cpuMicros') {
    return [cpuCell(rows, workload.name, target.baseline), cpuCell(rows, workload.name, 'taxirank')]
  }
  return [figure(target.metric, comparison.baseline), figure(target.metric, comparison.ours)]
}

function figure(metric: Metric, value: number): string {
  const { digits, unit } = metricTexts[metric]
  return `${withCommas(value, digits)}${unit}`
}

function cpuCell(rows: readonly Row[], name: string, who: Contestant): string {
  const row = rows.find((candidate) => candidate.workload.name === name)
  const spent = row?.name === 'measured' ? row.pairs.flatMap((pair) => pair[who]?.cpu ?? []) : []
  const [total, user, kernel] = [
    median(spent.map((cpu) => cpu.totalMicros)),
    median(spent.map((cpu) => cpu.userMicros)),
    median(spent.map((cpu) => cpu.kernelMicros)),
  ]
  return `${total.toFixed(1)} (${user.toFixed(1)} + ${kernel.toFixed(1)})`
}

function behind(found: readonly Finding[]): string {
  const lines = found.flatMap((finding) => (isBehind(finding) ? [behindLine(finding)] : []))
  return lines.length === 0 ? 'Nowhere in these rows.' : lines.join('\n')
}

function isBehind({ target, comparison, verdict }: Finding): boolean {
  if (verdict === 'MISSED') return true
  return target.baseline === 'pgbouncer' && standing(target.metric, comparison) !== 'ahead or level'
}

function behindLine(finding: Finding): string {
  const { target, comparison, verdict } = finding
  const missed = verdict === 'MISSED' ? `, **and misses ${limitCell(target, target.mustReach)}**` : ''
  const howFar = isBetterHigher(target.metric) ? 'too little' : 'too much'
  const how = target.baseline === 'pgbouncer' ? standing(target.metric, comparison) : howFar
  const where = target.judged === 'value' ? figure(target.metric, comparison.ours) : `${comparison.ratio.toFixed(3)} ×`
  return `* ${label(finding)}: ${metricTexts[target.metric].noun} ${where}, ${how}${missed}`
}

function failures(rows: readonly Row[]): string[] {
  const failed = rows.flatMap((row) => (row.name === 'failed' ? [row] : []))
  if (failed.length === 0) return []
  return [
    '## Rows without a result',
    ...failed.map(({ workload, reason }) => `${workload.title}:\n\n\`\`\`\n${reason}\n\`\`\``),
  ]
}

function method(results: Results): string {
  const { pairs, seconds, cores, rows } = results
  return [
    sentences(
      'Both poolers stand in front of one PostgreSQL on the same machine and run in turn: PgBouncer, Taxirank;',
      `Taxirank, PgBouncer; and so on, ${pairs} pairs of runs of ${seconds} s a row, after ${usualWarmUpSeconds} s of warming`,
      `up each${describeWarmUps(rows)}. The one that is not measured is idle. Both runs of a pair use the same seed. 32 clients unless the row`,
      `says otherwise${describeLogins(rows)}, over TCP on 127.0.0.1, without TLS unless the row says so; threads of`,
      `pgbench: ${describeThreads(rows, cores)}.`,
    ),
    ...describePeers(rows),
    sentences(
      "PgBouncer's and Taxirank's columns are medians of the runs. A ratio is Taxirank's divided by PgBouncer's within",
      'one pair, so that what changes slowly on the machine cancels out; shown is the median of the ratios, and it',
      `alone decides; but where the limit is to be no worse, an interval that holds 1 is a draw. ${describeInterval(pairs)}`,
    ),
    sentences(
      'CPU time is what `/proc` counted for the pooler between the start and the end of pgbench, divided by its',
      'transactions; it includes logging the clients in, which shows with 1,000 clients. The total comes from the',
      "scheduler's nanoseconds, its split from ticks of 10 ms; the three medians need not add up. Throughput leaves",
      'out the time of the first connections, but not the connections of rows with a connection or login per transaction.',
    ),
    ...describeOpenLoops(rows),
    ...describeGenerated(rows),
    sentences(
      `PostgreSQL: ${assignments(postgresSettings)}. pgbench's tables at scale ${scale}, where row locks do not hide the`,
      'poolers as they would at scale 1; unlogged, and read into memory before the first run. Before each run that',
      'writes, the small tables are vacuumed and the history is truncated. Nothing waits for a disk, on purpose: it',
      'would hide the poolers too.',
    ),
    `Both poolers: ${assignments(poolerSettings)}. All else is each one's default.${describeSetups(rows)}`,
    'Every single run is in [bench.json](bench.json).',
  ].join('\n\n')
}

function describePeers(rows: readonly Row[]): string[] {
  const others = rows.flatMap(({ workload: { name, peers } }) => (peers[0] === 'pgbouncer' ? [] : [name]))
  if (others.length === 0) return []
  return [
    sentences(
      `In ${others.join(', ')} another takes turns with Taxirank in the same way, and stands in PgBouncer's column: no`,
      'pooler, since PgBouncer knows prepared statements in transaction mode from 1.21 on only (a newer one runs after',
      'the two of a pair); or Taxirank itself, told to keep no session apart.',
    ),
    ...pgbenchWorkloads(rows).flatMap(({ name, warmingSeconds }) =>
      warmingSeconds === 0
        ? []
        : sentences(
            `In ${name} each run begins with ${warmingSeconds} s that do not count for its throughput: new backends are`,
            "slow until they have mapped what they read of shared memory. A pooler's are old by then; those of direct",
            'connections are new in every run, and would do a quarter less in its first seconds.',
          ),
    ),
  ]
}

function describeOpenLoops(rows: readonly Row[]): string[] {
  const rates = rows.flatMap((row) =>
    row.name === 'measured' && row.rate !== undefined
      ? [`${withCommas(row.rate, 0)} a second (${row.workload.name})`]
      : [],
  )
  if (rates.length === 0) return []
  return [
    sentences(
      'In an open loop transactions are to begin at random times, at a given rate, whether others are answered or not;',
      "latency counts from when one should have begun. The rate is that part of PgBouncer's transactions per second in",
      `its warming up, in which it may do all it can: ${rates.join(', ')}.`,
    ),
  ]
}

function describeGenerated(rows: readonly Row[]): string[] {
  const generated = rows.filter(({ workload }) => workload.kind === 'generated')
  if (generated.length === 0) return []
  const few = generated
    .filter(({ workload }) => Number.isFinite(workload.mostPairs))
    .map(({ workload }) => workload.name)
  return [
    sentences(
      `${generated.map(({ workload }) => workload.name).join(', ')}: our own load generator, in a process of its own.`,
      ...(few.length === 0 ? [] : [`At most 3 pairs of ${few.join(', ')}.`]),
      '*parameters*: 32 clients, each with an `application_name`, a `TimeZone` and a `client_encoding` of its own, with one',
      'of 12 values of `DateStyle` and one of 2 of `standard_conforming_strings`, the five that PgBouncer 1.18 tracks; one',
      'statement of pgbench per transaction; before and after the timing each client asks 20 times whether it has its own',
      'values, and one that is not fails the run. A relay delays what goes between pooler and PostgreSQL by 1 ms each way;',
      'the servers are few, so that waiting for it is the limit, and not the CPU.',
      'Where memory or a restart is measured, the pooler is started anew before each run. *cancel*: four clients, each',
      'cancelling `pg_sleep` over and over, from sending the request to its error. *reconnect*: everybody is connected,',
      'the pooler is killed and at once started again; every client connects again, after pauses of 50 to 400 ms while it',
      'is refused, and asks `select 1`; until the last answer. *idle*: the proportional set size 10 s after the last login,',
      'less that before the first, divided by the clients. *result*: rows of 8 kB; the most memory is the largest resident',
      'set since the start. *stopped*: the proportional set size 30 s after the client stopped reading, 10 MB into the',
      'result, less that at the moment it stopped.',
    ),
  ]
}

function describeSetups(rows: readonly Row[]): string {
  const used = new Set(rows.map(({ workload }) => workload.setup))
  const names = (setup: SetupName) =>
    rows
      .filter(({ workload }) => workload.setup === setup)
      .map(({ workload }) => workload.name)
      .join(', ')
  const texts: Readonly<Record<SetupName, string>> = {
    plain: '',
    prepared: '`max_prepared_statements = 200`',
    track: '`session_state = track`',
    parameters: '`default_pool_size = 5`',
    tls: 'a self-signed ECDSA P-256 certificate, `client_tls_sslmode = require`',
    scram:
      '`auth_type = scram-sha-256`, with a SCRAM secret in `auth_file`, of one iteration: more would be work for pgbench only',
    many: '`max_client_conn = 12000`',
  }
  return [...used].map((setup) => (texts[setup] === '' ? '' : ` For ${names(setup)}: ${texts[setup]}.`)).join('')
}

/** Where warming up takes longer than elsewhere. */
function describeWarmUps(rows: readonly Row[]): string {
  return rows
    .filter(({ workload }) => workload.warmUpSeconds > usualWarmUpSeconds)
    .map(({ workload: { name, warmUpSeconds } }) => ` (${warmUpSeconds} s for ${name}, which has fewer transactions)`)
    .join('')
}

/** Where runs are longer than the others, how much and why. */
function describeLogins(rows: readonly Row[]): string {
  return pgbenchWorkloads(rows)
    .filter(({ loginSeconds }) => loginSeconds > 0)
    .map(({ clients, loginSeconds }) => {
      return ` (runs of ${withCommas(clients, 0)} clients take ${loginSeconds} s more, since logging in is part of them)`
    })
    .join('')
}

function describeThreads(rows: readonly Row[], cores: number): string {
  return pgbenchWorkloads(rows)
    .map((workload) => `${threadsFor(workload, cores)} (${workload.name})`)
    .join(', ')
}

function pgbenchWorkloads(rows: readonly Row[]): PgbenchWorkload[] {
  return rows.flatMap(({ workload }) => (workload.kind === 'pgbench' ? [workload] : []))
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

function limitCell(target: Target, limit: number | undefined): string {
  if (limit === undefined) return '–'
  return target.judged === 'ratio' ? `${limit} ×` : `${limit}${metricTexts[target.metric].unit}`
}

function withCommas(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
