/**
 * `npm run differential -- [--seed N] [--stages N] [--cuts N] [--only TEXT] [--drawn N] [--departures N]`: every conversation direct and through the pooler,
 * cut in two at every byte, and docs/reports/differential.md written. With --only those whose family or name contains the text; with --cuts each at that
 * many places only; with --drawn N that are drawn by the seed instead, of each of which the client vanishes in --departures more plays: then no report.
 * The last line is `N plays, N failures, seed N`; exit code 0 only without a failure, 2 for wrong options.
 */

import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from '../../bench/machine.ts'
import { circumstancesOf } from '../support/circumstances.ts'
import { runCommand, wholeNumber } from '../support/command-line.ts'
import { startCampaign } from './campaign.ts'
import { corpus } from './corpus.ts'
import { drawnTranscripts } from './drawn.ts'
import { formatReport } from './report.ts'

const usage =
  'usage: npm run differential -- [--seed N] [--stages N] [--cuts N] [--only TEXT] [--drawn N] [--departures N]'

interface Options {
  readonly seed: number
  readonly stages: number
  readonly mostCuts: number
  readonly departures: number
  readonly only: string
  /** So many conversations are drawn, instead of the corpus; 0: none. */
  readonly drawn: number
}

function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: { seed: text, stages: text, cuts: text, departures: text, only: text, drawn: text },
  })
  return {
    seed: wholeNumber('seed', values.seed ?? String(randomInt(1e9)), 0, 1e9),
    stages: wholeNumber('stages', values.stages ?? '3', 1, 8),
    mostCuts: values.cuts === undefined ? Infinity : wholeNumber('cuts', values.cuts, 0, 1e9),
    departures: wholeNumber('departures', values.departures ?? '2', 0, 1e6),
    only: values.only ?? '',
    drawn: wholeNumber('drawn', values.drawn ?? '0', 0, 1e6),
  }
}

async function run(options: Options, args: readonly string[]): Promise<number> {
  const { seed, stages, mostCuts, departures, only, drawn } = options
  const circumstances = await circumstancesOf('differential', args, seed)
  const startMs = performance.now()
  const all = drawn > 0 ? drawnTranscripts(seed, drawn) : corpus
  const transcripts = all.filter(({ family, name }) => `${family}: ${name}`.includes(only))
  const campaign = startCampaign({ transcripts, stages, seed, mostCuts, departures, playsPerStage: 1_500 })
  const findings = []
  for (const [{ family, name }, promise] of campaign.findings) {
    const finding = await promise
    findings.push(finding)
    const told = finding.difference ? `FAILED ${finding.difference}` : `${finding.plays} plays`
    if (mostCuts === Infinity || finding.difference) console.log(`${family}: ${name}: ${told}`)
  }
  const { neighbourAnswers, failures } = await campaign.result
  for (const failure of failures) console.log(`FAILED ${failure}`)
  const minutes = (performance.now() - startMs) / 60_000
  if (only === '' && drawn === 0 && mostCuts === Infinity) {
    const page = formatReport({ findings, neighbourAnswers, failures }, { ...circumstances, minutes })
    writeFileSync(join(projectRoot, 'docs/reports/differential.md'), page)
  }
  const plays = findings.reduce((sum, finding) => sum + finding.plays, 0)
  const failed = failures.length + findings.filter(({ difference }) => difference !== undefined).length
  console.log(`${neighbourAnswers} answers to neighbours, ${minutes.toFixed(1)} minutes`)
  console.log(`${plays} plays, ${failed} failures, seed ${seed}`)
  return failed === 0 ? 0 : 1
}

await runCommand({ usage, readOptions, run })
