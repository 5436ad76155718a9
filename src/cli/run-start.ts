import { TaxirankError } from '../errors.ts'
import type { StartCommand } from './arguments.ts'

/** `taxirank start`. Resolves with the exit code. */
export async function runStart(command: StartCommand): Promise<number> {
  throw new TaxirankError('feature_not_supported', `start on port ${command.port} is not wired to the command line yet`)
}
