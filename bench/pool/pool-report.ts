/** The pools side by side, as Markdown. */

import { type Finding, findings, type Measured } from './judge.ts'
import { type LenderName, lenderNames } from './lenders.ts'
import { fewestPairs, type Measurement, type Metric, type Must, type Runtime, widestInterval } from './rows.ts'

export interface PoolResults {
  readonly date: string
  readonly command: string
  readonly machine: string
  readonly versions: string
  readonly rounds: number
  readonly measured: readonly Measured[]
}

interface Section {
  readonly title: string
  readonly measurements: readonly Measurement[]
  readonly note: string
}

const sections: readonly Section[] = [
  {
    title: 'Lending',
    measurements: ['lease'],
    note:
      'Nanoseconds of one acquire, by promise, and one release, with nothing in between, on a warm pool of ten: callers ask ' +
      'again as soon as they have given back. What is lent costs nothing: a stub. `connect` is the drop-in for pg.',
  },
  {
    title: 'Waiting',
    measurements: ['waits'],
    note:
      'Callers hold for 1 to 4 ms and come again after 0 to 3 ms. When each came and how long it held is then replayed through ' +
      'an ideal queue of ten, first come first served, in which nothing but holding takes time.',
  },
  {
    title: 'Queries',
    measurements: ['query', 'query from cold', 'bytes'],
    note:
      "`pool.query('select 1')` on a real PostgreSQL on the same machine, over at most ten connections, with pg's own client. The " +
      'two take turns of 160 ms, each in its own process, and the median of twelve turns counts. ' +
      'Bytes are the slope of the heap without a collection, driver included.',
  },
  {
    title: 'A spike and an outage',
    measurements: ['spike', 'outage'],
    note:
      'In real time, with a stub for a database. The spike is after ' +
      '[HikariCP](https://github.com/brettwooldridge/HikariCP/blob/dev/documents/Welcome-To-The-Jungle.md), with `min: 5` and ' +
      '`prewarm`. In the outage at most 20 may be open, opening takes 20 ms and a hold 50 ms; Taxirank has `waitWhenDown`, and ' +
      'whoever a peer refuses comes again after 1 s. Attempts are those before the one that succeeds.',
  },
]

export function renderPoolReport(results: PoolResults): string {
  const { date, command, machine, versions, measured } = results
  const found = findings(measured)
  return `${[
    '# Pools side by side',
    `${date}. \`${command}\`. ${versions}. ${machine}.`,
    verdictOf(found),
    ...sections.flatMap((section) => renderSection(section, found)),
    '## Where Taxirank is behind',
    whereBehind(found),
    '## How it was measured',
    methodOf(results),
  ].join('\n\n')}\n`
}

function verdictOf(found: readonly Finding[]): string {
  const missed = found.filter(({ verdict }) => verdict === 'MISSED')
  if (missed.length === 0) return 'Every must is reached.'
  return `Missed: ${missed.map((finding) => `${nameOf(finding)} (${finding.row.runtime})`).join('; ')}.`
}

function renderSection({ title, measurements, note }: Section, all: readonly Finding[]): string[] {
  const found = all.filter(({ row }) => measurements.includes(row.measurement))
  if (found.length === 0) return []
  const runtimes: readonly Runtime[] = ['Node', 'Bun']
  const tables = runtimes.flatMap((runtime) => {
    const own = found.filter(({ row }) => row.runtime === runtime)
    return own.length === 0 ? [] : [tableOf(runtime, own)]
  })
  return [`## ${title}`, note, ...tables]
}

function tableOf(runtime: Runtime, found: readonly Finding[]): string {
  const part = lenderNames.filter((name) => found.some(({ medians }) => medians[name] !== undefined))
  const hasRatio = found.some(({ advantage }) => advantage !== undefined)
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const head = [runtime, ...part.map(headOf), ...(hasRatio ? ['against the best peer'] : []), 'must', 'verdict']
  return [
    line(head),
    `|${'---|'.repeat(head.length)}`,
    ...found.map((finding) => {
      const { medians, metric, verdict } = finding
      const cells = part.map((name) => valueOf(medians[name], metric))
      const judged = verdict === 'MISSED' ? `**${verdict}**` : verdict === 'shown only' ? '' : verdict
      return line([nameOf(finding), ...cells, ...(hasRatio ? [ratioOf(finding)] : []), mustOf(metric.must), judged])
    }),
  ].join('\n')
}

function headOf(name: LenderName): string {
  if (name === 'createPool') return 'Taxirank `createPool`'
  return name === 'Pool' ? 'Taxirank `Pool`' : name
}

function nameOf({ row, metric }: Finding): string {
  return `${row.title}${metric.label}`
}

function valueOf(value: number | undefined, { unit, digits }: Metric): string {
  if (value === undefined) return '–'
  const number = value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return unit === '' || unit === '/s' ? `${number}${unit}` : `${number} ${unit}`
}

function ratioOf({ advantage }: Finding): string {
  if (advantage === undefined) return '–'
  const { ratio, interval, ratios } = advantage
  const sure = interval.confidence >= 0.95 ? '' : `, ${(100 * interval.confidence).toFixed(0)} %`
  return `${ratio.toFixed(2)} × (${interval.low.toFixed(2)}–${interval.high.toFixed(2)}${sure}, ${ratios.length} pairs)`
}

function mustOf(must: Must | undefined): string {
  switch (must?.kind) {
    case undefined:
      return ''
    case 'times':
      return `${must.least} ×, aim ${must.aim} ×`
    case 'no slower':
      return `no slower: ${fewestPairs} pairs or more, interval reaches 1 and is at most ${widestInterval} wide`
    case 'better':
      return 'fewer'
    case 'at most':
      return `at most ${must.limit.toLocaleString('en-US')}`
  }
}

/** Every figure in which a peer does better, whether it is a must or not. */
function whereBehind(found: readonly Finding[]): string {
  const behind = found.flatMap((finding) => {
    const said = finding.row.ours.flatMap((own) => behindBy(finding, own))
    return said.length === 0 ? [] : [`* ${finding.row.runtime}, ${nameOf(finding)}: ${said.join('; ')}.`]
  })
  return behind.length === 0 ? 'Nowhere, in these rows.' : behind.join('\n')
}

function behindBy({ row, metric, medians, advantage }: Finding, own: LenderName): string[] {
  const ours = medians[own] as number
  const ahead = row.peers.filter((peer) => {
    const theirs = medians[peer] as number
    return metric.better === 'lower' ? theirs < ours : theirs > ours
  })
  if (ahead.length === 0) return []
  const noise = advantage && advantage.interval.high >= 1 ? ', within the noise' : ''
  const theirs = ahead.map((peer) => `${peer} ${valueOf(medians[peer], metric)}`)
  return [`\`${own}\` ${valueOf(ours, metric)}, ${theirs.join(', ')}${noise}`]
}

function methodOf({ rounds }: PoolResults): string {
  return (
    `Every figure is the median of processes of its own, in which one pool does one thing; the pools of a row take turns, ` +
    `forwards and backwards, for ${rounds} rounds (fewer on Bun, and where a run takes long: the JSON file has every one). A ` +
    'ratio is the median of the ratios of each round, with its 95 % interval by order statistics. The best peer is the one ' +
    'with the best median. All pools are configured alike: at most ten, idle ones closed after 30 s, no limit to a wait, but ' +
    '30 s for tarn, which must have one; ten are open before anything is measured.'
  )
}
