/** `taxirank advise`: watches the database and its pooler at the same time, and tells what follows. */

import { advise } from '../advisor/advise.ts'
import { adviceText } from '../advisor/advice-text.ts'
import { readDatabase } from '../advisor/read-database.ts'
import { readPooler } from '../advisor/read-pooler.ts'
import type { AdviseCommand } from './advise-command.ts'
import { print } from './print.ts'

/** As a shell tells them: 128 and the signal's number. */
const interruptedExitCode = 130
const terminatedExitCode = 143

/** Resolves with the exit code. A signal ends the watch, and the connections, without advice. */
export async function runAdvise({ url, pooler, instances, cores, watchMs, isJson }: AdviseCommand): Promise<number> {
  const abort = new AbortController()
  const { signal } = abort
  const stop = (): void => abort.abort()
  let exitCode = interruptedExitCode
  const terminated = (): void => {
    exitCode = terminatedExitCode
    stop()
  }
  process.once('SIGINT', stop).once('SIGTERM', terminated)
  tell(`watching for ${watchMs / 1_000} s, Ctrl-C ends it\n`)
  try {
    const [database, ofPooler] = await together(
      readDatabase(url, { watchMs, signal }),
      pooler === undefined ? Promise.resolve(undefined) : readPooler(pooler, { watchMs, signal }),
      stop,
    )
    const advice = advise(
      { database, ...(ofPooler && { pooler: ofPooler }) },
      { ...(cores !== undefined && { cores }), ...(instances !== undefined && { instances }) },
    )
    return await print(isJson ? `${JSON.stringify(advice)}\n` : adviceText(advice))
  } catch (error) {
    if (signal.aborted && error === signal.reason) return exitCode
    throw error
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', terminated)
  }
}

/** Whichever fails first ends the other, too; and nothing is left open when this is known. */
async function together<A, B>(one: Promise<A>, other: Promise<B>, stop: () => void): Promise<[A, B]> {
  try {
    return await Promise.all([one, other])
  } catch (error) {
    stop()
    await Promise.allSettled([one, other])
    throw error
  }
}

/** Not on stdout, which is for the advice; and not into a file. */
function tell(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(text)
}
