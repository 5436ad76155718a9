/**
 * Makes this folder ready: the library is built, and npm puts it where others look for `pg-pool`. It is packed, as it would
 * come from a registry (`install-links` in .npmrc): a link would lead out of node_modules, where instrumentations know no
 * package by its name.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, lstatSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { buildLibrary, root } from '../support/library.ts'

const here = import.meta.dirname
const dist = join(root, 'dist')
const packages = join(here, 'node_modules')
const prismaClient = join(packages, 'prisma-made')
const prismaSchema = join(here, 'prisma/schema.prisma')

/** Whether nothing has to be fetched. */
export function isInstalled(): boolean {
  return isNewer(join(packages, '.package-lock.json'), join(here, 'package-lock.json'))
}

/** What is there and not out of date stays. */
export async function prepare(): Promise<void> {
  buildLibrary()
  // Through a link it would be another tree that is changed.
  if (lstatSync(packages, { throwIfNoEntry: false })?.isSymbolicLink()) return
  if (!isInstalled()) await install()
  replacePool()
  if (!isNewer(join(prismaClient, 'index.js'), prismaSchema)) await makePrismaClient()
}

/** None of them needs a script of its own to be installed. */
function install(): Promise<void> {
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
  return run('npm ci failed in test/pool-users: it needs the npm registry', 'npm', args, here)
}

/** As it is now, and not as npm found it. */
function replacePool(): void {
  const copy = join(packages, 'pg-pool/dist')
  rmSync(copy, { recursive: true, force: true })
  cpSync(dist, copy, { recursive: true })
}

/** Its own command wants to fetch an engine, which only migrations use. */
function makePrismaClient(): Promise<void> {
  const args = [join(packages, 'prisma/build/index.js'), 'generate', '--schema', prismaSchema]
  const environment = {
    PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
    CHECKPOINT_DISABLE: '1',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  }
  return run('the client of Prisma could not be made', 'node', args, here, environment)
}

async function run(
  failure: string,
  program: string,
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 2, 2], env: { ...process.env, ...environment } })
  const [status] = (await once(child, 'close')) as [number | null]
  if (status !== 0) throw new Error(failure)
}

function isNewer(made: string, source: string): boolean {
  return existsSync(made) && statSync(made).mtimeMs >= statSync(source).mtimeMs
}
