/** The sizing report: a page of Markdown, and a plot for each load. */

import { numberText, percentText, timeText } from '../../src/report/number-text.ts'
import { type Plot, svgPlot } from '../../src/report/plot.ts'
import type { MeasuredLoad, MeasuredSize, ReplayedWait } from './measure-load.ts'
import { median as middle } from '../../src/metrics/statistics.ts'
import { areWithin, errorOf, judgeSizes, leastThroughput, mostWaitError } from './verdict.ts'

export interface Results {
  readonly date: string
  readonly command: string
  readonly taxirank: string
  readonly pgbench: string
  readonly machine: string
  readonly rounds: number
  readonly seconds: number
  /** By the simulator, of each of its runs. */
  readonly acquiresPerSecond: readonly number[]
  readonly loads: readonly MeasuredLoad[]
}

export function renderReport(results: Results): string {
  const { date, command, taxirank, pgbench, machine, rounds, seconds, acquiresPerSecond, loads } = results
  const speed = middle(acquiresPerSecond)
  return `# What the advisor says, and what is measured

${date}. \`${command}\`. ${taxirank}, ${pgbench}, the embedded PostgreSQL as \`npm start\` has it. ${machine}.

Three loads of pgbench through a pool. Each is watched at the size that \`npm start\` has, ${loads[0]?.sizeNow ?? 0}: \`taxirank advise\` says a size, and a recording is
made. Then every size is measured: ${rounds} runs of ${seconds} s, up and down by turns; medians, and their 95 % intervals.

* **The replay** of the recording at the size it was made with must wait as long as was waited: median and 99th percentile within ${percentText(mostWaitError)}.
* **The advised size** must do at least ${percentText(leastThroughput)} of the smallest size whose interval reaches the best median: not too small, and no larger than is of use.

| load | replayed p50 | replayed p99 | advised | smallest that is as good as the best | throughput of the advised | |
|---|---|---|---|---|---|---|
${loads.map(verdictRow).join('\n')}

The simulator does ${numberText(speed)} acquires a second on one core (median of ${acquiresPerSecond.length} runs, ${numberText(Math.min(...acquiresPerSecond))} to ${numberText(Math.max(...acquiresPerSecond))}), of which a million must be reached: a pool of 20 that is used by 80 %.

${loads.map(section).join('\n')}
## Where it fails

${failures(loads)}
`
}

function verdictRow(measured: MeasuredLoad): string {
  const { smallest, advised, ratio, isReached } = judgeSizes(measured)
  const { p50, p99 } = measured.waits
  const verdict = isReached && areWithin(measured.waits) ? 'reached' : '**MISSED**'
  return `| ${measured.load.title} | ${waitCell(p50)} | ${waitCell(p99)} | ${advised.size} | ${smallest.size} | ${percentText(ratio)} | ${verdict} |`
}

function waitCell(wait: ReplayedWait): string {
  const error = errorOf(wait)
  const cell = `${timeText(wait.replayedMs)}, measured ${timeText(wait.measuredMs)}`
  return Number.isFinite(error) ? `${cell} (${signed(error)})` : cell
}

function signed(error: number): string {
  return `${error < 0 ? '−' : '+'}${percentText(Math.abs(error))}`
}

function section(measured: MeasuredLoad): string {
  const { load, sizeNow, decidedBy } = measured
  const { best, smallest, advised } = judgeSizes(measured)
  return `## ${load.title.charAt(0).toUpperCase()}${load.title.slice(1)}

${load.about}

![${load.title}: throughput by the size of the pool](sizing-${load.name}.svg)

Advised: ${advised.size}, by ${decidedBy === 'cores' ? "what the database's cores can do" : 'what is asked for'}. The best median is that of ${best.size} (${numberText(best.median)}/s), and ${smallest.size} reaches it. Now: ${sizeNow}.

The replays of other sizes assume more than that of the recorded one: who comes again, and what of a hold is work. With the same assumptions the recorded size waits p50 ${waitCell(measured.assumedWaits.p50)}, p99 ${waitCell(measured.assumedWaits.p99)}.

| size | transactions/s | 95 % interval | of the best | by the replay | |
|---|---|---|---|---|---|
${measured.sizes.map((size) => sizeRow(size, measured)).join('\n')}
`
}

function sizeRow(size: MeasuredSize, measured: MeasuredLoad): string {
  const { best, smallest, advised } = judgeSizes(measured)
  const names = [
    size === advised && 'advised',
    size === smallest && 'smallest',
    size === best && 'best',
    size.size === measured.sizeNow && 'now',
  ]
  const interval = `${numberText(size.interval.low)}–${numberText(size.interval.high)}`
  const replayed = `${numberText(size.replayed)} (${signed(size.replayed / size.median - 1)})`
  return `| ${size.size} | ${numberText(size.median)} | ${interval} | ${percentText(size.median / best.median)} | ${replayed} | ${names.filter(Boolean).join(', ')} |`
}

export function plotOf(measured: MeasuredLoad): string {
  const { sizes, load, sizeAdvised, sizeNow } = measured
  const line = (of: (size: MeasuredSize) => number) => sizes.map((size) => [size.size, of(size)] as const)
  const plot: Plot = {
    title: `Throughput by the size of the pool: ${load.title}`,
    subtitle: `${load.clients} clients; medians, with their 95 % intervals, and what the replay of a recording at ${sizeNow} says`,
    x: { label: 'connections', from: 0 },
    y: { label: 'transactions a second', from: 0 },
    marks: [
      { axis: 'x', at: sizeAdvised, text: `advised: ${sizeAdvised}` },
      ...(sizeAdvised === sizeNow ? [] : [{ axis: 'x' as const, at: sizeNow, text: `now: ${sizeNow}` }]),
    ],
    series: [
      { name: 'measured', points: line(({ median }) => median), color: 0 },
      { name: '', points: line(({ interval }) => interval.low), shape: 'dots', color: 0 },
      { name: '', points: line(({ interval }) => interval.high), shape: 'dots', color: 0 },
      { name: 'replayed', points: line(({ replayed }) => replayed), color: 1 },
    ],
  }
  return svgPlot(plot)
}

/** A replay at another size is off by so much, and then it is told. */
const worthTelling = 0.25

function failures(loads: readonly MeasuredLoad[]): string {
  const texts = loads.flatMap((measured) => {
    return failuresOf(measured).map((text) => `* ${measured.load.title}: ${text}.`)
  })
  return texts.length === 0 ? 'Nowhere in this run.' : texts.join('\n')
}

function failuresOf(measured: MeasuredLoad): string[] {
  const { sizes, waits, assumedWaits } = measured
  const { isReached, ratio, advised, smallest } = judgeSizes(measured)
  const off = sizes.filter(({ replayed, median }) => Math.abs(replayed / median - 1) > worthTelling)
  const texts: string[] = []
  if (!isReached) texts.push(`${advised.size} connections do ${percentText(ratio)} of what ${smallest.size} do`)
  if (!areWithin(waits)) texts.push(`the replay at the recorded size is off by more than ${percentText(mostWaitError)}`)
  if (!areWithin(assumedWaits)) {
    const cells = `p50 ${waitCell(assumedWaits.p50)}, p99 ${waitCell(assumedWaits.p99)}`
    texts.push(
      `with what other sizes assume, waits at the recorded size are off by more than ${percentText(mostWaitError)}: ${cells}`,
    )
  }
  if (off.length > 0) {
    const places = off.map(({ size, replayed, median }) => `${size} (${signed(replayed / median - 1)})`).join(', ')
    texts.push(`the replay at other sizes is off by more than ${percentText(worthTelling)} at ${places}`)
  }
  return texts
}
