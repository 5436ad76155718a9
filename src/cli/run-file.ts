/**
 * `taxirank FILE.ini`: the settings, the user, the limits, the log, then the pooler until a signal stops it. What fails
 * before the log is open goes to the caller; afterwards it is in the log.
 */

import { readFileSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import { parseConfig } from '../config/parse-config.ts'
import { Log } from '../log.ts'
import type { FileCommand } from './arguments.ts'
import { startDaemon } from './daemon.ts'
import { openLog } from './daemon-log.ts'
import { checkPidfile, removePidfile, writePidfile } from './daemon-pidfile.ts'
import { becomeUser } from './daemon-user.ts'
import { endOnUncaught, logFailure } from './failure.ts'
import { checkDescriptors, descriptorLimit, descriptorNeed } from './limits.ts'
import { notifySystemd } from './notify-systemd.ts'
import { type ServeOptions, serveConfig } from './serve-config.ts'
import { obeySignals, stoppedBySignal } from './signals.ts'
import type { Operable, Stoppable } from './signals.ts'
import { versionLine } from './version.ts'

/** What runs, until a signal or the console stops it. */
export interface Served extends Stoppable, Operable {
  readonly ended: Promise<void>
}

/** Starts a pooler; resolves when it listens. */
export type Serve = (config: Config, options: ServeOptions) => Promise<Served>

/** Runs the pooler until a signal stops it. Resolves with the exit code; rejects when no log is open to tell. */
export async function runFile(command: FileCommand, serve: Serve = serveConfig): Promise<number> {
  const config = parseConfig(command.file, readText)
  if (command.daemon) return startDaemon(command, config).then(() => 0)
  becomeUser(command.user ?? config.global.user)
  checkDescriptors(descriptorNeed(config), descriptorLimit(readText))
  if (config.global.pidfile !== undefined) checkPidfile(config.global.pidfile)
  const sink = openLog(config.global.logfile, command.quiet)
  const log = new Log(sink.write)
  endOnUncaught(log)
  const options = { log, readFile: readText, verbose: command.verbose, reopenLog: sink.reopen }
  return serveUntilStopped(config, options, serve).then(
    () => 0,
    (error: unknown) => logFailure(log, error),
  )
}

async function serveUntilStopped(config: Config, options: ServeOptions, serve: Serve): Promise<void> {
  const { log } = options
  const running = await serve(config, options)
  const stopped = stoppedBySignal(process, running, log)
  obeySignals(process, running, log)
  // Only now: whoever waits for the file may connect, and may send signals.
  try {
    if (config.global.pidfile !== undefined) keepPidfile(config.global.pidfile)
  } catch (error) {
    await running.stop('immediate')
    throw error
  }
  log.info(`process up: ${versionLine}, Bun ${Bun.version}, pid ${process.pid}`)
  notifySystemd(`READY=1\nMAINPID=${process.pid}`)
  await Promise.race([stopped, running.ended])
  log.info('stopped')
}

function keepPidfile(path: string): void {
  writePidfile(path)
  process.once('exit', () => removePidfile(path))
}

function readText(path: string): string {
  return readFileSync(path, 'utf8')
}
