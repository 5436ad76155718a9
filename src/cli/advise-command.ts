/** `taxirank advise`: its switches. */

import { Command, InvalidArgumentError } from 'commander'
import { refuseFileSwitches, wholeNumber } from './switches.ts'

export interface AdviseCommand {
  readonly name: 'advise'
  /** Of the database, or of a pooler in front of it. */
  readonly url: string
  /** Of the pooler's monitor, or of its console. */
  readonly pooler: string | undefined
  readonly instances: number | undefined
  readonly cores: number | undefined
  readonly watchMs: number
  /** One JSON object on stdout, in place of words. */
  readonly isJson: boolean
}

interface Switches {
  readonly pooler?: string
  readonly instances?: number
  readonly cores?: number
  readonly watch?: number
  readonly json?: true
}

const usualWatchMs = 15_000
const longestWatchMs = 86_400_000

export function adviseCommand(found: (command: AdviseCommand) => void, program: Command): Command {
  return new Command('advise')
    .copyInheritedSettings(program)
    .description(
      'watch a live database, and its pooler, and say how many connections are right, and why; it only reads',
    )
    .argument('<URL>', 'postgres://user@host:port/database', parseUrl)
    .option('--pooler <URL>', "http://host:port of Taxirank's page, or postgres://user@host:port/pgbouncer", parseUrl)
    .option('--instances <N>', 'of the application, each with a pool of its own', wholeNumber(1, 1_000_000))
    .option('--cores <N>', "of the database's machine", wholeNumber(1, 100_000))
    .option('--watch <TIME>', 'how long to watch, in whole s, m or h: 60s, 5m (15s)', parseWatch)
    .option('--json', 'one JSON object in place of words')
    .helpOption('-h, --help', 'show this help')
    .allowExcessArguments(false)
    .action((url: string, { pooler, instances, cores, watch: watchMs = usualWatchMs, json }: Switches) => {
      refuseFileSwitches(program.opts(), 'advise')
      found({ name: 'advise', url, pooler, instances, cores, watchMs, isJson: json ?? false })
    })
}

function parseUrl(text: string): string {
  if (/^(?:https?|postgres(?:ql)?):\/\/./.test(text)) return text
  throw new InvalidArgumentError('Allowed: a URL that begins with postgres:// (or http://, for --pooler).')
}

function parseWatch(text: string): number {
  const [, digits = '', unit = 's'] = /^(\d+)\s*(s|m|h)?$/.exec(text) ?? []
  const factor = { s: 1_000, m: 60_000, h: 3_600_000 }[unit as 's' | 'm' | 'h']
  const ms = digits === '' ? 0 : Number(digits) * factor
  if (ms >= 1_000 && ms <= longestWatchMs) return ms
  throw new InvalidArgumentError('Allowed: 1s to 24h, a whole number of s, m or h.')
}
