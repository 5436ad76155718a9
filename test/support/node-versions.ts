/** Versions of Node, to try the library on: npm's packages, installed when they are first asked for. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram, isContinuousIntegration } from './tools.ts'

const folder = join(import.meta.dirname, '../node-versions')
const installLimitMs = 120_000

export type FoundNode = { readonly path: string } | { readonly missing: string }

/**
 * That of npm, or else the one in PATH if it is of this version. With CI set none may be missing: throws, so the file
 * fails.
 */
export function findNode(major: number): FoundNode {
  const installed = join(folder, `node_modules/node-${major}-${process.arch}/bin/node`)
  const why = existsSync(installed) ? undefined : install()
  if (existsSync(installed)) return { path: installed }
  const other = findProgram('node')
  if (other && versionOf(other).startsWith(`v${major}.`)) return { path: other }
  const missing = `Node ${major} is not to be had: ${why ?? `none for ${process.platform} on ${process.arch}`}`
  if (isContinuousIntegration()) throw new Error(missing)
  return { missing }
}

/** Why it failed. It is tried once. */
function install(): string | undefined {
  if (installed) return installed.why
  const { status, stderr, error } = spawnSync('npm', ['ci', '--ignore-scripts'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: installLimitMs,
  })
  const why = status === 0 ? undefined : (error?.message ?? (stderr.trim().split('\n')[0] || 'npm ci failed'))
  installed = { why }
  return why
}

let installed: { readonly why: string | undefined } | undefined

function versionOf(node: string): string {
  return spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout
}
