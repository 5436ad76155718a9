/** What the program does about what nobody caught: it says so in its log and ends. */

import { TaxirankError } from '../errors.ts'
import type { Log } from '../log.ts'

/** From now on whatever nobody catches is logged and ends the process with exit code 1. */
export function endOnUncaught(log: Log): void {
  const giveUp = (error: unknown): never => process.exit(logFailure(log, error))
  process.on('uncaughtException', giveUp).on('unhandledRejection', giveUp)
}

/** Returns the exit code. */
export function logFailure(log: Log, error: unknown): number {
  log.error(error instanceof TaxirankError ? error.message : `taxirank bug: ${stackOf(error)}`)
  return 1
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
