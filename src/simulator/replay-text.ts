/** What a recording shows, how well a replay of it fits, and what other sizes would have done: for a terminal. */

import type { RecordedPool } from '../metrics/recorded-pool.ts'
import { percentileOf } from '../metrics/histogram.ts'
import { numberText, percentText, timeText } from '../report/number-text.ts'
import { textTable } from '../report/text-table.ts'
import { type Outcome } from './outcome.ts'
import type { CoreUse, Recorded } from './recorded.ts'
import { type Callers, likelyCallerCount } from './replay.ts'

export interface ReplayedSize extends Outcome {
  readonly poolSize: number
}

export interface ReplayFindings {
  readonly recorded: Recorded
  readonly about: RecordedPool | undefined
  readonly callers: Callers
  readonly coreUse: CoreUse | undefined
  /** The size that it was recorded with, or is taken to have been: replayed as it came, with nothing assumed. */
  readonly today: ReplayedSize
  /** The same size under what is assumed for others; undefined: there are none. */
  readonly assumed: ReplayedSize | undefined
  readonly others: readonly ReplayedSize[]
}

/** In sentences, for terminal and page. */
export interface ReplaySentences {
  readonly recorded: string
  readonly fit: string
  /** Both undefined: no other sizes were tried. */
  readonly assumption: string | undefined
  readonly assumedFit: string | undefined
}

export function replaySentences({
  recorded,
  about,
  callers,
  coreUse,
  today,
  assumed,
}: ReplayFindings): ReplaySentences {
  const seconds = (recorded.toMs - recorded.fromMs) / 1_000
  const { waitMs, holdMs, failed } = recorded
  const perSecond = waitMs.count / seconds
  return {
    recorded:
      `Recorded: ${numberText(waitMs.count)} requests in ${numberText(seconds)} s (${numberText(perSecond)}/s), ` +
      `${sizeText(recorded, about)}, held for ${timeText(holdMs.sumMs / holdMs.count)} on average, ${numberText(recorded.mostLeased)} at once at most; ` +
      `${numberText(failed)} failed.`,
    fit: `Replayed with ${numberText(today.poolSize)}, as it came: ${waitErrors(today, recorded)}.`,
    assumption: assumed && assumption(callers, coreUse, recorded),
    assumedFit:
      assumed &&
      `So much is that off with ${numberText(assumed.poolSize)}: ${numberText(assumed.servedPerSecond)}/s (${signedPercent(assumed.servedPerSecond / perSecond - 1)}), ${waitErrors(assumed, recorded)}.`,
  }
}

function waitErrors({ waitP50Ms, waitP99Ms }: ReplayedSize, { waitMs }: Recorded): string {
  const p50 = errorText('wait p50', waitP50Ms, percentileOf(waitMs, 50))
  return `${p50}, ${errorText('p99', waitP99Ms, percentileOf(waitMs, 99))}`
}

export function replayText(findings: ReplayFindings): string {
  const { recorded, fit, assumption: assumed, assumedFit } = replaySentences(findings)
  const first = `${recorded}\n${fit}\n`
  if (assumed === undefined || assumedFit === undefined) return first
  return `${first}\n${assumed}\n${assumedFit}\n${sizesTable(sizesOf(findings))}`
}

/** What stands in the table: all by the same assumptions. */
export function sizesOf({ today, assumed, others }: ReplayFindings): ReplayedSize[] {
  return [assumed ?? today, ...others].toSorted((a, b) => a.poolSize - b.poolSize)
}

function sizeText({ mostLeased }: Recorded, about: RecordedPool | undefined): string {
  if (!about || about.maxSize === 0) return `a pool of unknown size, at least ${numberText(mostLeased)}`
  const beyond = mostLeased > about.maxSize ? ' (and more at times: by a reserve, or before it was made smaller)' : ''
  return `a pool of ${numberText(about.maxSize)}${beyond}`
}

function errorText(name: string, replayedMs: number, measuredMs: number): string {
  const error =
    measuredMs === 0 ? (replayedMs === 0 ? 'the same' : 'nobody waited') : signedPercent(replayedMs / measuredMs - 1)
  return `${name} ${timeText(replayedMs)}, measured ${timeText(measuredMs)} (${error})`
}

function signedPercent(error: number): string {
  if (Number.isNaN(error)) return 'nobody was served'
  const rounded = Math.round(error * 10_000) / 10_000
  return `${rounded < 0 ? '−' : '+'}${percentText(Math.abs(rounded))}`
}

function assumption(callers: Callers, coreUse: CoreUse | undefined, recorded: Recorded): string {
  const come =
    callers === 'open'
      ? 'callers come when they came, whatever happens to others'
      : `${numberText(likelyCallerCount(recorded))} callers, each of whom comes again after its answer`
  const hold =
    coreUse === undefined
      ? 'each holds for as long as it did (--cores N lets them share N cores)'
      : `each works for ${percentText(coreUse.onCore)} of its hold, on ${numberText(coreUse.cores)} cores that all share`
  return `Other sizes, if ${come}, and ${hold}:`
}

function sizesTable(sizes: readonly ReplayedSize[]): string {
  const head = ['pool size', 'served/s', 'failed', 'wait p50', 'wait p99', 'latency p50', 'latency p99', 'used']
  const rows = sizes.map((size) => {
    return [
      size.poolSize,
      size.servedPerSecond,
      percentText(size.failedShare),
      ...[size.waitP50Ms, size.waitP99Ms, size.latencyP50Ms, size.latencyP99Ms].map(timeText),
      percentText(size.utilisation),
    ]
  })
  return textTable(head, rows)
}
