/** `taxirank simulate`: its switches. */

import { Command, InvalidArgumentError } from 'commander'
import type { CoreUse } from '../simulator/recorded.ts'
import type { Callers } from '../simulator/replay.ts'
import { parseSweep, type SweepPlan } from '../simulator/sweep.ts'
import { parsePath, refuseFileSwitches, wholeNumber, wrong } from './switches.ts'

export interface SimulateCommand {
  readonly name: 'simulate'
  readonly what: ScenarioRun | ReplayRun
  /** Where a page with plots is written; undefined: nowhere. */
  readonly report: string | undefined
  /** One JSON object on stdout, in place of words. */
  readonly isJson: boolean
}

export interface ScenarioRun {
  readonly kind: 'scenario'
  readonly file: string
  /** In place of the file's. */
  readonly seed: number | undefined
  readonly sweep: SweepPlan | undefined
}

export interface ReplayRun {
  readonly kind: 'replay'
  readonly file: string
  readonly poolSizes: readonly number[]
  readonly callers: Callers | undefined
  readonly coreUse: CoreUse | undefined
}

interface Switches {
  readonly report?: string
  readonly json?: true
  readonly seed?: number
  readonly sweep?: SweepPlan
  readonly replay?: string
  readonly poolSize?: readonly number[]
  readonly callers?: Callers
  readonly cores?: number
  readonly onCore?: number
}

export function simulateCommand(found: (command: SimulateCommand) => void, program: Command): Command {
  return new Command('simulate')
    .copyInheritedSettings(program)
    .description('try pool sizes in virtual time: a scenario, or a recording of what has happened')
    .argument('[SCENARIO]', 'a .toml or .json file (docs/guide/simulating.md)', parsePath)
    .option('--sweep <KEY=FROM..TO>', 'try one number of the scenario after the other, and find the knee', parseSweep)
    .option('--seed <N>', "in place of the scenario's", wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option('--replay <FILE>', 'a recording, in place of a scenario', parsePath)
    .option('--pool-size <N,…>', 'with --replay: sizes to try', parseSizes)
    .option(
      '--callers <open|closed>',
      'with --replay: they come at their times, or each after its answer',
      parseCallers,
    )
    .option('--cores <N>', "with --replay: holds are the database's work, on so many cores", wholeNumber(1, 100_000))
    .option('--on-core <SHARE>', 'with --cores: how much of a hold is work, above 0 to 1 (1)', parseShare)
    .option('--report <FILE.html>', 'write a page with plots', parsePath)
    .option('--json', 'one JSON object in place of words')
    .helpOption('-h, --help', 'show this help')
    .allowExcessArguments(false)
    .action((file: string | undefined, switches: Switches) => {
      refuseFileSwitches(program.opts(), 'simulate')
      const { report, json: isJson = false } = switches
      found({ name: 'simulate', what: runOf(file, switches), report, isJson })
    })
}

function runOf(file: string | undefined, switches: Switches): ScenarioRun | ReplayRun {
  const { replay, poolSize, callers, cores, onCore, seed, sweep } = switches
  if (replay === undefined) {
    if (poolSize ?? callers ?? cores ?? onCore) {
      throw wrong('--pool-size, --callers, --cores and --on-core belong to --replay')
    }
    if (file === undefined) throw wrong('taxirank simulate needs a scenario, or --replay with a recording')
    return { kind: 'scenario', file, seed, sweep }
  }
  if (file !== undefined) throw wrong(`a recording is replayed without a scenario, and ${file} was given`)
  if (seed !== undefined || sweep) throw wrong('--seed and --sweep belong to a scenario, not to --replay')
  if (onCore !== undefined && cores === undefined) throw wrong('--on-core needs --cores')
  const coreUse = cores === undefined ? undefined : { cores, onCore: onCore ?? 1 }
  return { kind: 'replay', file: replay, poolSizes: poolSize ?? [], callers, coreUse }
}

const mostSizes = 100

function parseSizes(text: string): readonly number[] {
  const sizes = text.split(',').map(wholeNumber(1, 100_000))
  if (sizes.length > mostSizes) throw new InvalidArgumentError(`At most ${mostSizes} sizes.`)
  return [...new Set(sizes)].toSorted((a, b) => a - b)
}

function parseShare(text: string): number {
  const share = /^\d*\.?\d+$/.test(text) ? Number(text) : 0
  if (share > 0 && share <= 1) return share
  throw new InvalidArgumentError('Allowed: above 0, up to 1.')
}

function parseCallers(text: string): Callers {
  if (text === 'open' || text === 'closed') return text
  throw new InvalidArgumentError('Allowed: open or closed.')
}
