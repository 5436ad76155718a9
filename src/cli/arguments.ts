/**
 * The command line, parsed into one of a union of commands; nothing is read, written or started here.
 * `taxirank FILE.ini` takes PgBouncer's switches, the other commands are words. A file that has a command's name is
 * given as `./start`. Commander does the parsing: it knows bundled short switches, `--name=value`, help texts and
 * nearest names; it is told to throw instead of printing and leaving.
 */

import { Command, CommanderError } from 'commander'
import { settingsHelp } from '../config/describe-settings.ts'
import { type AdviseCommand, adviseCommand } from './advise-command.ts'
import { type LabCommand, labChildName, labCommand } from './lab-command.ts'
import { type SimulateCommand, simulateCommand } from './simulate-command.ts'
import { parsePath, parsePort, refuseFileSwitches, wrong } from './switches.ts'

/** `taxirank FILE.ini`: the pooler, from a configuration file. */
export interface FileCommand {
  readonly name: 'file'
  readonly file: string
  readonly daemon: boolean
  /** How often -v was given. */
  readonly verbose: number
  /** No log on stderr. */
  readonly quiet: boolean
  /** The OS user to become; goes before the file's `user`. */
  readonly user: string | undefined
}

/** `taxirank start`: the pooler with a PostgreSQL of its own. */
export interface StartCommand {
  readonly name: 'start'
  readonly port: number
  readonly httpPort: number
  /** Where the data are kept; undefined: the default place. */
  readonly dataDir: string | undefined
  /** Where the trace is written; undefined: nowhere. */
  readonly traceFile: string | undefined
}

/** `taxirank check FILE.ini`: what is wrong with a configuration file, risky, or different from PgBouncer. */
export interface CheckCommand {
  readonly name: 'check'
  readonly file: string
}

export type TaxirankCommand =
  | FileCommand
  | CheckCommand
  | StartCommand
  | AdviseCommand
  | SimulateCommand
  | LabCommand
  /** Of the lab's own: help doesn't show it. */
  | { readonly name: typeof labChildName }
  | { readonly name: 'version' }
  | { readonly name: 'help'; readonly text: string }

interface FileSwitches {
  readonly daemon?: true
  readonly reboot?: true
  readonly verbose?: number
  readonly quiet?: true
  readonly user?: string
  readonly version?: true
}

interface StartSwitches {
  readonly port: number
  readonly http: number
  readonly data?: string
  readonly trace?: string
}

const helpWidth = 100
const settingsTitle =
  'Settings of [pgbouncer] in FILE.ini, with their defaults (docs/configuration.md has their ranges, and those of\n' +
  '[databases] and [users]):'

/** Parses what follows the program's name. Throws `bad_configuration` with a hint for everything that is wrong. */
export function parseArguments(argv: readonly string[]): TaxirankCommand {
  let help = ''
  let command: TaxirankCommand | undefined
  const program = buildProgram(
    (parsed) => (command = parsed),
    (text) => (help += text),
  )
  try {
    program.parse(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return { name: 'help', text: help }
    throw wrong(error.message.replace(/^error: /, ''))
  }
  return command ?? { name: 'help', text: help }
}

type Found = (command: TaxirankCommand) => void

function buildProgram(found: Found, writeHelp: (text: string) => void): Command {
  const program = new Command('taxirank')
  return program
    .description('Connection pooling for PostgreSQL.')
    .usage('[options] FILE.ini\n       taxirank COMMAND [options]')
    .argument('[FILE.ini]', "run the pooler from PgBouncer's configuration file")
    .option('-d, --daemon', 'run in the background; needs pidfile')
    .option('-R, --reboot', 'refused: do a rolling restart instead')
    .option('-v, --verbose', 'log more; may be repeated', (_: string, before: number) => before + 1, 0)
    .option('-q, --quiet', 'no log on stderr')
    .option('-u, --user <NAME>', 'become this OS user')
    .option('-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .enablePositionalOptions()
    .allowExcessArguments()
    .exitOverride()
    .configureOutput({ writeOut: writeHelp, writeErr: () => undefined })
    .action((file: string | undefined, switches: FileSwitches) => found(fileCommand(file, program.args, switches)))
    .addCommand(startCommand(found, program))
    .addCommand(checkCommand(found, program))
    .addCommand(adviseCommand(found, program))
    .addCommand(simulateCommand(found, program))
    .addCommand(labCommand(found, program))
    .addCommand(labChildCommand(found, program), { hidden: true })
    .addHelpText('after', () => `\n${settingsTitle}\n\n${settingsHelp(helpWidth)}\n`)
}

function startCommand(found: Found, program: Command): Command {
  return new Command('start')
    .copyInheritedSettings(program)
    .description('run the pooler with a PostgreSQL of its own, nothing to install or set up')
    .option('--port <N>', 'port of the pooler', parsePort, 6432)
    .option('--http <N>', 'port of the page and the metrics', parsePort, 6433)
    .option('--data <DIR>', 'where the data are kept', parsePath)
    .option('--trace <FILE>', 'write a trace of every byte and decision', parsePath)
    .helpOption('-h, --help', 'show this help')
    .allowExcessArguments(false)
    .action((switches: StartSwitches) => {
      refuseFileSwitches(program.opts(), 'start')
      found({
        name: 'start',
        port: switches.port,
        httpPort: switches.http,
        dataDir: switches.data,
        traceFile: switches.trace,
      })
    })
}

function checkCommand(found: Found, program: Command): Command {
  return new Command('check')
    .copyInheritedSettings(program)
    .description('tell what is wrong with a configuration file, risky, or different from PgBouncer; start nothing')
    .argument('<FILE.ini>', "PgBouncer's configuration file", parsePath)
    .helpOption('-h, --help', 'show this help')
    .allowExcessArguments(false)
    .action((file: string) => {
      refuseFileSwitches(program.opts(), 'check')
      found({ name: 'check', file })
    })
}

function labChildCommand(found: Found, program: Command): Command {
  return new Command(labChildName).copyInheritedSettings(program).action(() => found({ name: labChildName }))
}

function fileCommand(file: string | undefined, files: readonly string[], switches: FileSwitches): TaxirankCommand {
  if (switches.version) return { name: 'version' }
  if (switches.reboot) {
    throw wrong(
      '-R is not supported; do a rolling restart instead: start a second process, send new clients there, and stop ' +
        'this one with SIGTERM, which waits until its clients have left',
    )
  }
  if (file === undefined || file === '') throw wrong('no configuration file specified')
  if (files.length > 1) throw wrong(`one configuration file expected, ${files.length} given: ${files.join(' ')}`)
  return {
    name: 'file',
    file,
    daemon: switches.daemon ?? false,
    verbose: switches.verbose ?? 0,
    quiet: switches.quiet ?? false,
    user: switches.user,
  }
}
