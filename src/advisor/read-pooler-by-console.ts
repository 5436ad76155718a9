/** A pooler by its console, with SHOW only: sums and moments, no histograms. */

import { TaxirankError } from '../errors.ts'
import { Connection } from './connection.ts'
import {
  type ConsoleVersion,
  readConsoleDatabases,
  readConsoleSettings,
  readConsoleVersion,
  sampleConsole,
} from './console-sample.ts'
import { type ConsoleSetup, ConsoleWatch } from './console-watch.ts'
import { MissingParts } from './missing.ts'
import type { PoolerReading } from './pooler-reading.ts'
import type { PoolerOptions } from './read-pooler.ts'
import { watch } from './watch.ts'

const everyMs = 1_000
const byHttp = "only Taxirank's monitor tells: give that as --pooler http://host:port"

export async function readPoolerByConsole(url: string, options: PoolerOptions): Promise<PoolerReading> {
  const connection = await Connection.open(url, options.signal)
  try {
    const version = await readConsoleVersion(connection)
    const takenAtMs = Date.now()
    const missing = new MissingParts()
    const settings = await readConsoleSettings(connection)
    const seen = await lookOn(connection, options, missing, version.kind === 'pgbouncer')
    noteMissing(seen, missing)
    return readingOf({ connection, version, takenAtMs, missing, settings, ...seen })
  } finally {
    await connection.end()
  }
}

interface SeenOnConsole {
  readonly watched: ConsoleWatch
  readonly setup: Omit<ConsoleSetup, 'usual'>
}

/** What is there before the connection is lost, if it is. */
async function lookOn(
  connection: Connection,
  options: PoolerOptions,
  missing: MissingParts,
  isWaitInTransactions: boolean,
): Promise<SeenOnConsole> {
  const watched = new ConsoleWatch(await sampleConsole(connection), isWaitInTransactions)
  let databases = await readConsoleDatabases(connection)
  try {
    let isFirst = true
    await watch({ watchMs: options.watchMs, everyMs, signal: options.signal }, async () => {
      if (!isFirst) watched.add(await sampleConsole(connection))
      isFirst = false
      return true
    })
    databases = await readConsoleDatabases(connection)
  } catch (error) {
    if (!(error instanceof TaxirankError && error.code === 'server_lost')) throw error
    missing.add('the rest of the watch of the pooler', error.message, 'run this again')
  }
  return { watched, setup: { databases } }
}

function noteMissing({ watched }: SeenOnConsole, missing: MissingParts): void {
  missing.add(
    'how widely times spread, and how long connecting takes',
    'the console of a pooler has sums, and no histograms',
    byHttp,
  )
  for (const database of watched.sharedDatabases)
    missing.add(`how the load of ${database} divides among its users`, 'the console counts by database', byHttp)
  if (watched.hasBegunAnew)
    missing.add('how much work the pooler does', 'its counters have begun anew meanwhile', 'run this again')
}

interface Parts extends SeenOnConsole {
  readonly connection: Connection
  readonly version: ConsoleVersion
  readonly takenAtMs: number
  readonly missing: MissingParts
  readonly settings: ReadonlyMap<string, string>
}

function readingOf({ connection, version, takenAtMs, missing, settings, watched, setup }: Parts): PoolerReading {
  const max = Number(settings.get('max_client_conn') || Number.NaN)
  const usual = { size: settingOf(settings, 'default_pool_size'), reserve: settingOf(settings, 'reserve_pool_size') }
  return {
    ...version,
    by: 'console',
    address: connection.address,
    takenAtMs,
    watchedMs: watched.watchedMs,
    samples: watched.samples,
    clients: { connectedPeak: watched.connectedPeak, ...(max > 0 && { max }) },
    pools: watched.pools({ ...setup, usual }),
    databases: watched.databases({ ...setup, usual }),
    missing: missing.list(),
  }
}

function settingOf(settings: ReadonlyMap<string, string>, name: string): number {
  const value = Number(settings.get(name))
  return Number.isFinite(value) ? value : 0
}
