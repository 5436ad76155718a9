/**
 * -d: the same program is started again in a session of its own, without -d and with -q. It starts with the rights and
 * in the directory of this process, reads its files and becomes its user by itself, as it would in the foreground.
 * This process waits until the daemon has written its pidfile, which it does when it listens, or until it has failed.
 */

import { spawn } from 'node:child_process'
import type { Config } from '../config/config.ts'
import { TaxirankError } from '../errors.ts'
import type { FileCommand } from './arguments.ts'
import { namesProcess } from './daemon-pidfile.ts'
import { ownProgram } from './own-program.ts'

const pollMs = 20

/** Starts the daemon; resolves when it listens. Rejects with `bad_configuration` when it ends before that. */
export async function startDaemon(command: FileCommand, config: Config): Promise<void> {
  const { pidfile, logfile } = config.global
  if (pidfile === undefined) {
    throw new TaxirankError('bad_configuration', `${config.file}: pidfile: not set, and -d needs it`)
  }
  const failure = await startDetached(daemonArguments(command), pidfile)
  if (failure === undefined) return
  const why = failure.said === '' ? `see ${logfile ?? 'the log, after setting logfile'}` : failure.said
  throw new TaxirankError('bad_configuration', `the daemon ended while starting, exit code ${failure.exitCode}: ${why}`)
}

function daemonArguments(command: FileCommand): string[] {
  const verbose = Array.from({ length: command.verbose }, () => '-v')
  const user = command.user === undefined ? [] : ['-u', command.user]
  return ['-q', ...verbose, ...user, '--', command.file]
}

interface Failure {
  readonly exitCode: number | string
  readonly said: string
}

/** Undefined: it listens. Its stderr is ours to read only until then; afterwards it writes to its log alone. */
function startDetached(switches: readonly string[], pidfile: string): Promise<Failure | undefined> {
  const { command, args } = ownProgram(switches)
  const child = spawn(command, args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  return new Promise((resolve, reject) => {
    const poll = setInterval(() => namesProcess(pidfile, child.pid) && finish(undefined), pollMs)
    const finish = (failure: Failure | undefined): void => {
      clearInterval(poll)
      child.stderr.destroy()
      child.unref()
      resolve(failure)
    }
    child.once('error', reject)
    child.once('close', (code, signal) => finish({ exitCode: code ?? signal ?? 'unknown', said: said.trim() }))
  })
}
