/**
 * What the lab starts as processes of its own: poolers, so that they have a process to themselves, and the janitor, who removes
 * what the lab leaves when it ends without notice. Each is this program again, with a word that help doesn't show; it
 * is told the rest over a channel, and ends when the channel does, which the kernel sees to.
 */

import { existsSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseConfig } from '../config/parse-config.ts'
import { TaxirankError } from '../errors.ts'
import { findPostmaster } from '../embedded/postmaster-file.ts'
import { dropOwnSchema } from '../lab/own-schema.ts'
import { parseTarget } from '../lab/target.ts'
import { Log } from '../log.ts'
import { serveConfig } from './serve-config.ts'

/** To a child. The first says what it is to be. */
export type LabOrder =
  /** `users`: what the configuration calls auth_file. */
  | { readonly name: 'serve'; readonly config: string; readonly users: string }
  | { readonly name: 'keep folder'; readonly folder: string }
  /** With the password, if there is one. */
  | { readonly name: 'keep schema'; readonly url: string }
  /** All is clean: nothing is to be done at the end. */
  | { readonly name: 'forget' }

/** From a child that is to serve. */
export type LabAnswer =
  | { readonly name: 'serving'; readonly port: number; readonly monitorUrl: string | undefined }
  | { readonly name: 'failed'; readonly code: 'bad_configuration' | 'listen_failed'; readonly message: string }

/** What stands in the place of paths. */
const labConfigName = 'taxirank lab'
export const labUsersName = 'users of taxirank lab'

const postgresEndsMs = 30_000
const lookEachMs = 200
/** It has to be gone so often, one after the other. */
const looksAfterwards = 5

/** Never resolves: the process ends with the channel. */
export function runLabChild(): Promise<never> {
  let chores: (() => Promise<void>)[] = []
  process.on('message', (order: LabOrder) => {
    switch (order.name) {
      case 'serve':
        return void serve(order)
      case 'keep folder':
        return void chores.push(() => removeFolder(order.folder))
      case 'keep schema':
        return void chores.push(() => dropOwnSchema(parseTarget(order.url)))
      case 'forget':
        chores = []
    }
  })
  // Whatever goes wrong now, there is nobody left to hear of it.
  process.on('disconnect', () => void Promise.allSettled(chores.map((chore) => chore())).finally(() => process.exit(0)))
  return new Promise(() => undefined)
}

/** Neither file is one: nothing with a password in it is written to a disk. */
async function serve({ config: text, users }: Extract<LabOrder, { name: 'serve' }>): Promise<void> {
  const log = new Log(() => undefined)
  const readFile = (path: string): string => {
    if (path === labConfigName) return text
    return path === labUsersName ? users : readFileSync(path, 'utf8')
  }
  try {
    const config = parseConfig(labConfigName, readFile)
    const { port, monitorUrl } = await serveConfig(config, { log, readFile, isOpenToAll: users === '' })
    answer({ name: 'serving', port, monitorUrl })
  } catch (error) {
    if (!(error instanceof TaxirankError)) throw error
    const code = error.code === 'listen_failed' ? 'listen_failed' : 'bad_configuration'
    answer({ name: 'failed', code, message: error.message })
  }
}

function answer(message: LabAnswer): void {
  process.send?.(message)
}

/** PostgreSQL, which was told to end by the same death, goes first; and an initdb may go on for a moment, and fill what is removed. */
async function removeFolder(folder: string): Promise<void> {
  const deadline = performance.now() + postgresEndsMs
  const isRunning = (): boolean => findPostmaster(`${folder}/data`).name === 'running'
  for (let clean = 0; clean < looksAfterwards && performance.now() < deadline; await sleep(lookEachMs)) {
    if (isRunning()) continue
    try {
      rmSync(folder, { recursive: true, force: true })
    } catch {
      // Something was made in it meanwhile.
    }
    clean = existsSync(folder) ? 0 : clean + 1
  }
}
