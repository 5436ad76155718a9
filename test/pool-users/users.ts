/** Everything that is tried with a pool of pg's kind: its script, its version, and on what it is tried. */

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from '../drivers/run-driver.ts'

export const ways = ['Node', 'Bun', 'pg-pool on Node'] as const
/** Ours on both runtimes, and pg's own to compare with. */
export type Way = (typeof ways)[number]

export interface User {
  readonly name: string
  readonly script: string
  readonly packageName: string
  readonly ways: readonly Way[]
}

const here = import.meta.dirname

export const users: readonly User[] = [
  user('pg', 'pg'),
  user('Drizzle', 'drizzle', 'drizzle-orm'),
  user('Kysely', 'kysely'),
  user('TypeORM', 'typeorm'),
  user('Prisma', 'prisma', '@prisma/adapter-pg'),
  user('pg-promise', 'pg-promise'),
  user('pg-boss', 'pg-boss'),
  // It changes what `require` gives, and on Bun modules that are imported get past that.
  user('OpenTelemetry', 'opentelemetry', '@opentelemetry/instrumentation-pg', ['Node', 'pg-pool on Node']),
]

function user(name: string, script: string, packageName = script, on: readonly Way[] = ways): User {
  return { name, script, packageName, ways: on }
}

export function commandOf({ script }: User, way: Way): Command {
  const file = join(here, 'scripts', `${script}.mjs`)
  if (way === 'Bun') return { program: process.execPath, args: [file] }
  if (way === 'Node') return { program: 'node', args: [file] }
  const undo = join(here, 'scripts/with-pgs-own-pool.cjs')
  return { program: 'node', args: ['--require', undo, file], environment: { POOL: "pg's own" } }
}

export function versionOf(packageName: string): string {
  const text = readFileSync(join(here, 'node_modules', packageName, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

export function nodeVersion(): string {
  return spawnSync('node', ['--version'], { encoding: 'utf8' }).stdout.trim().replace('v', '')
}
