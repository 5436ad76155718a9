/** The table of commands, and the one road from a text to what it does: both protocols take it. */

import { TaxirankError } from '../errors.ts'
import type { Column } from '../wire/build-result.ts'
import { type Command, type Outcome, refused, type Surroundings } from './command.ts'
import * as databaseVerbs from './database-verbs.ts'
import { type DriverCommand, driverCommand, driverSet } from './driver-commands.ts'
import { killClient } from './kill-client.ts'
import { reload } from './reload.ts'
import type { Role } from './role.ts'
import { showAudit } from './show-audit.ts'
import { showClients } from './show-clients.ts'
import { showConfig } from './show-config.ts'
import { showDatabases } from './show-databases.ts'
import { showDnsHosts, showDnsZones } from './show-dns.ts'
import { showFds } from './show-fds.ts'
import { showHelp } from './show-help.ts'
import { showHolders } from './show-holders.ts'
import { showLists } from './show-lists.ts'
import { showMem } from './show-mem.ts'
import { showPeerPools, showPeers } from './show-peers.ts'
import { showPins } from './show-pins.ts'
import { showPools } from './show-pools.ts'
import { showRecordings } from './show-recordings.ts'
import { showServers } from './show-servers.ts'
import { showActiveSockets, showSockets } from './show-sockets.ts'
import { showState } from './show-state.ts'
import { showStats, showStatsAverages, showStatsTotals, showTotals } from './show-stats.ts'
import { showUsers } from './show-users.ts'
import { showVersion } from './show-version.ts'
import { shutdown, shutdownWaitForClients, shutdownWaitForServers } from './shutdown.ts'
import { keyword, readStatement, shown, type Word } from './statement.ts'
import { suspend } from './suspend.ts'

/** What a text has been found to mean: nothing is done before `run`. */
export interface Plan {
  /** Undefined: it has no rows. */
  readonly columns: readonly Column[] | undefined
  /** What the log tells of it; undefined: it changes nothing. */
  readonly logged?: string
  run(around: Surroundings): Outcome
}

/** In the order of SHOW HELP. */
export const commands: readonly Command[] = [
  showHelp('SHOW HELP', () => commands),
  showHelp('SHOW', () => commands),
  showConfig,
  showDatabases,
  showPools,
  showClients,
  showServers,
  showUsers,
  showVersion,
  showPeers,
  showPeerPools,
  showFds,
  showSockets,
  showActiveSockets,
  showLists,
  showMem,
  showState,
  showDnsHosts,
  showDnsZones,
  showStats,
  showStatsTotals,
  showStatsAverages,
  showTotals,
  showHolders,
  showPins,
  showAudit,
  showRecordings,
  reload,
  databaseVerbs.pause,
  databaseVerbs.resume,
  databaseVerbs.disable,
  databaseVerbs.enable,
  databaseVerbs.reconnect,
  databaseVerbs.kill,
  killClient,
  suspend,
  shutdown,
  shutdownWaitForServers,
  shutdownWaitForClients,
  databaseVerbs.waitClose,
]

const byName = new Map(commands.map((command) => [command.name, command]))

/** Undefined for an empty text. Throws `console_refused` for what is unknown, or not allowed to this role. */
export function planOf(text: string, role: Role): Plan | undefined {
  const statement = readStatement(text)
  switch (statement.name) {
    case 'empty':
      return undefined
    case 'set':
      return planSet(statement.key, statement.value, role)
    case 'words':
      return planWords(statement.words, role)
  }
}

function planSet(key: string, value: string, role: Role): Plan {
  const fake = driverSet(key)
  if (fake) return always(fake)
  allow(role, 'admin')
  return {
    columns: undefined,
    logged: `SET ${key}`,
    run: ({ process }) => {
      set(() => process.set(key, value))
      return { tag: `SET ${key}=${value}` }
    },
  }
}

/** Whatever it was that failed, the console goes on. */
function set(act: () => void): void {
  try {
    act()
  } catch (cause) {
    if (!(cause instanceof TaxirankError)) throw cause
    throw new TaxirankError('console_refused', `SET failed: ${cause.message}`, { cause })
  }
}

function planWords(words: readonly Word[], role: Role): Plan {
  const fake = driverCommand(words)
  if (fake) return always(fake)
  const { command, rest } = find(words)
  allow(role, command.role)
  const argument = argumentOf(command, rest)
  const changes = command.role === 'admin' && command.columns === undefined
  return {
    columns: command.columns,
    ...(changes && { logged: argument === undefined ? command.name : `${command.name} ${shown(argument)}` }),
    run: (around) => command.run(around, argument),
  }
}

function always({ columns, answer }: DriverCommand): Plan {
  return { columns, run: () => answer }
}

/** Two words before one, so that SHUTDOWN WAIT_FOR_SERVERS is no SHUTDOWN with an argument. */
function find(words: readonly Word[]): { command: Command; rest: readonly Word[] } {
  const [first, second] = words.map((word) => keyword(word)?.toUpperCase())
  const verb = first === 'SELECT' ? 'SHOW' : first
  const pair = words.length >= 2 && second !== undefined ? byName.get(`${verb} ${second}`) : undefined
  if (pair) return { command: pair, rest: words.slice(2) }
  const single = verb === undefined || (verb === 'SHOW' && words.length > 1) ? undefined : byName.get(verb)
  if (single) return { command: single, rest: words.slice(1) }
  throw refused(`invalid command ${shown(words.map((word) => word.text).join(' '))}, use SHOW HELP;`)
}

function argumentOf({ name, argument }: Command, words: readonly Word[]): string | undefined {
  const [first, ...more] = words
  if (first && !argument) throw refused(`${name} takes no argument, and ${shown(first.text)} stands behind it`)
  if (more.length > 0) throw refused(`${name} takes one argument: put a name with blanks into double quotes`)
  if (!first && argument?.isRequired) {
    throw refused(argument.name === '<db>' ? 'a database is required' : `${name} needs ${argument.name}`)
  }
  return first?.text
}

function allow(role: Role, needed: Role): void {
  if (needed === 'admin' && role !== 'admin') throw refused('admin access needed')
}
