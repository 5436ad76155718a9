/** What is done to one database, or to all of them: PAUSE, RESUME, DISABLE, ENABLE, RECONNECT, KILL, WAIT_CLOSE. */

import type { PoolerVerbs } from '../pooler/figures.ts'
import { type Command, consoleDatabase, refused } from './command.ts'

/** New leases wait until RESUME; answered when nothing is lent any more. */
export const pause: Command = {
  ...onDatabase('PAUSE', false),
  run: ({ verbs }, argument) => {
    const database = notOurs('pause', argument)
    const [signal, left] = abandonment()
    return { until: done('PAUSE', verbs.pause(database, signal)), giveUp: () => verbs.resume(database), left }
  },
}

/** Answered when the servers of before are closed. Giving it up resumes nothing: it had stopped nothing. */
export const waitClose: Command = {
  ...onDatabase('WAIT_CLOSE', false),
  run: ({ verbs }, argument) => {
    const database = notOurs('wait for the close of', argument)
    const [signal, left] = abandonment()
    return { until: done('WAIT_CLOSE', verbs.waitClose(database, signal)), giveUp: left, left }
  },
}

export const resume = atOnce('RESUME', false, (verbs, database) => verbs.resume(database))
export const reconnect = atOnce('RECONNECT', false, (verbs, database) => verbs.reconnect(database))
export const kill = atOnce('KILL', false, (verbs, database) => verbs.kill(database))
export const disable = atOnce('DISABLE', true, (verbs, database) => verbs.disable(database as string))
export const enable = atOnce('ENABLE', true, (verbs, database) => verbs.enable(database as string))

function atOnce(
  name: string,
  isRequired: boolean,
  act: (verbs: PoolerVerbs, database: string | undefined) => void,
): Command {
  return {
    ...onDatabase(name, isRequired),
    run: ({ verbs }, argument) => {
      act(verbs, notOurs(name.toLowerCase(), argument))
      return { tag: name }
    },
  }
}

function onDatabase(name: string, isRequired: boolean) {
  return { name, role: 'admin', argument: { name: '<db>', isRequired } } as const
}

/** A signal for what nobody waits for any more, and what gives it. */
export function abandonment(): [AbortSignal, () => void] {
  const controller = new AbortController()
  return [controller.signal, () => controller.abort()]
}

/** The console itself always goes on. */
function notOurs(what: string, database: string | undefined): string | undefined {
  if (database === consoleDatabase) throw refused(`cannot ${what} admin db: ${consoleDatabase}`)
  return database
}

async function done(tag: string, promise: Promise<void>): Promise<{ tag: string }> {
  await promise
  return { tag }
}
