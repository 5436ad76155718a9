/**
 * `npm run cuts -- [--seed N] [--lanes N] [--only TEXT]`: every conversation cut at every byte, and docs/reports/cuts.md
 * written; with --only those whose name contains the text, and no report. The last line is `N cuts, N breaches, seed N`;
 * exit code 0 only without a breach, 2 for wrong options.
 */

import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from '../../bench/machine.ts'
import { circumstancesOf } from '../support/circumstances.ts'
import { runCommand, wholeNumber } from '../support/command-line.ts'
import { type CampaignOptions, inAllModes, runCampaign } from './campaign.ts'
import { edgesAndSome, everyByte } from './cut.ts'
import { formatReport, sumOf } from './report.ts'
import { transcripts } from './transcripts.ts'

const usage = 'usage: npm run cuts -- [--seed N] [--lanes N] [--only TEXT]'
const edgeBytes = 110

interface Options {
  readonly seed: number
  readonly lanes: number
  readonly only: string
}

function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ args: [...args], options: { seed: text, lanes: text, only: text } })
  return {
    seed: wholeNumber('seed', values.seed ?? String(randomInt(1e9)), 0, 1e9),
    lanes: wholeNumber('lanes', values.lanes ?? '6', 1, 12),
    only: values.only ?? '',
  }
}

const points: CampaignOptions['points'] = ({ length }, { isLong, access }, random) =>
  isLong ? edgesAndSome(length, edgeBytes, access === 'tls' ? 300 : 40, random) : everyByte(length)

async function run(options: Options, args: readonly string[]): Promise<number> {
  const { seed, lanes, only } = options
  const circumstances = await circumstancesOf('cuts', args, seed)
  const startMs = performance.now()
  const subjects = inAllModes(transcripts.filter(({ name }) => name.includes(only)))
  const say = (line: string): void => console.log(line)
  const result = await runCampaign({ subjects, seed, lanes, points, isByBoth: true, cutsPerLane: 300, say })
  const minutes = (performance.now() - startMs) / 60_000
  if (only === '') {
    writeFileSync(join(projectRoot, 'docs/reports/cuts.md'), formatReport(result, { ...circumstances, minutes }))
  }
  const cuts = sumOf(result.findings, 'ofClient').cuts + sumOf(result.findings, 'ofServer').cuts
  console.log(result.secrets)
  console.log(`${cuts} cuts, ${result.breaches.length} breaches, seed ${seed}`)
  return result.breaches.length === 0 ? 0 : 1
}

await runCommand({ usage, readOptions, run })
