/**
 * What the lab starts as processes of its own: poolers, so that they have a process to themselves, and the janitor, who removes
 * what the lab leaves when it ends without notice. Each is this program again, with a word that help doesn't show; it
 * is told the rest over a channel, and ends when the channel does, which the kernel sees to.
 */

import { readFileSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseConfig } from '../config/parse-config.ts'
import { TaxirankError } from '../errors.ts'
import { findPostmaster } from '../embedded/postmaster-file.ts'
import { dropSchema } from '../lab/lab-database.ts'
import type { Target } from '../lab/target.ts'
import { Log } from '../log.ts'
import { serveConfig } from './serve-config.ts'

/** To a child. The first says what it is to be. */
export type LabOrder =
  | { readonly name: 'serve'; readonly config: string }
  | { readonly name: 'keep folder'; readonly folder: string }
  | { readonly name: 'keep schema'; readonly target: Target }
  /** All is clean: nothing is to be done at the end. */
  | { readonly name: 'forget' }

/** From a child that is to serve. */
export type LabAnswer =
  | { readonly name: 'serving'; readonly port: number; readonly monitorUrl: string | undefined }
  | { readonly name: 'failed'; readonly code: 'bad_configuration' | 'listen_failed'; readonly message: string }

const postgresEndsMs = 30_000

/** Never resolves: the process ends with the channel. */
export function runLabChild(): Promise<never> {
  let chores: (() => Promise<void>)[] = []
  process.on('message', (order: LabOrder) => {
    switch (order.name) {
      case 'serve':
        return void serve(order.config)
      case 'keep folder':
        return void chores.push(() => removeFolder(order.folder))
      case 'keep schema':
        return void chores.push(() => dropSchema(order.target))
      case 'forget':
        chores = []
    }
  })
  // Whatever goes wrong now, there is nobody left to hear of it.
  process.on('disconnect', () => void Promise.allSettled(chores.map((chore) => chore())).finally(() => process.exit(0)))
  return new Promise(() => undefined)
}

async function serve(text: string): Promise<void> {
  const log = new Log(() => undefined)
  try {
    const config = parseConfig('taxirank lab', () => text)
    const readFile = (path: string): string => readFileSync(path, 'utf8')
    const { port, monitorUrl } = await serveConfig(config, { log, readFile, isOpenToAll: true })
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

/** PostgreSQL, which was told to end by the same death, goes first. */
async function removeFolder(folder: string): Promise<void> {
  const deadline = performance.now() + postgresEndsMs
  while (findPostmaster(`${folder}/data`).name === 'running' && performance.now() < deadline) await sleep(100)
  rmSync(folder, { recursive: true, force: true })
}
