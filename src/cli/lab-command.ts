/** `taxirank lab`: its switches. */

import { Command, InvalidArgumentError } from 'commander'
import { experimentNames } from '../lab/experiment-names.ts'
import { parsePath, refuseFileSwitches, wholeNumber } from './switches.ts'

export interface LabCommand {
  readonly name: 'lab'
  /** Of PostgreSQL; undefined: the embedded one. */
  readonly url: string | undefined
  /** A database that is not the embedded one may be loaded. */
  readonly isConfirmed: boolean
  readonly isQuick: boolean
  /** Names, in the order in which they are run. */
  readonly only: readonly string[]
  readonly cores: number | undefined
  /** Where the report is written. */
  readonly folder: string
}

interface Switches {
  readonly url?: string
  readonly yes?: true
  readonly quick?: true
  readonly only?: readonly string[]
  readonly cores?: number
  readonly out: string
}

/** Of the processes that the lab starts: the same program, with a word that help doesn't show. */
export const labChildName = 'lab-child'

const names: readonly string[] = experimentNames
const usualFolder = 'lab-report'

export function labCommand(found: (command: LabCommand) => void, program: Command): Command {
  return new Command('lab')
    .copyInheritedSettings(program)
    .description(
      'measure on a real database what connections cost and what pools change, and write a report with plots',
    )
    .option('--url <URL>', 'postgres://user@host:port/database, in place of the embedded PostgreSQL', parseUrl)
    .option('--yes', 'that database may be loaded, in a schema of its own')
    .option('--quick', 'one minute in place of five')
    .option('--only <NAMES>', `some of ${names.join(', ')}`, parseNames)
    .option('--cores <N>', "of the database's machine, if that is another one", wholeNumber(1, 100_000))
    .option('--out <DIR>', 'where index.html and results.json are written', parsePath, usualFolder)
    .helpOption('-h, --help', 'show this help')
    .allowExcessArguments(false)
    .action(({ url, yes, quick, only = names, cores, out }: Switches) => {
      refuseFileSwitches(program.opts(), 'lab')
      const isConfirmed = yes ?? false
      found({ name: 'lab', url, isConfirmed, isQuick: quick ?? false, only, cores, folder: out })
    })
}

function parseUrl(text: string): string {
  if (/^postgres(?:ql)?:\/\/./.test(text)) return text
  throw new InvalidArgumentError('Allowed: a URL that begins with postgres://.')
}

/** In the report's order, each once, in whatever order they are given. */
function parseNames(text: string): readonly string[] {
  const wanted = text.split(',').map((name) => name.trim())
  const unknown = wanted.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no "${unknown}". Allowed: ${names.join(', ')}.`)
  return names.filter((name) => wanted.includes(name))
}
