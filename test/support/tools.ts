import { spawnSync } from 'node:child_process'
import { accessSync, constants, realpathSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'

/** Debian installs pgbouncer in /usr/sbin, which an ordinary user's PATH lacks. */
const besidesPath = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/**
 * Options for a test or a suite that runs programs from outside: `it('…', needs('psql', 'pgbench'), …)`. Skips it where
 * one is not installed. With CI set nothing may be skipped for that: throws, naming what is missing, so the file fails.
 */
export function needs(...programs: string[]): { readonly skip: string | false } {
  const missing = programs.filter((program) => findProgram(program) === undefined)
  if (missing.length === 0) return { skip: false }
  const reason = `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not installed`
  if (isContinuousIntegration()) throw new Error(`${reason}, and with CI set no test is skipped for that: install it`)
  return { skip: reason }
}

/** The path of a program; for pgbouncer the variable PGBOUNCER comes before PATH. */
export function findProgram(name: string): string | undefined {
  const named = name === 'pgbouncer' ? process.env['PGBOUNCER'] : undefined
  if (named) return isInstalled(named) ? named : undefined
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''), ...besidesPath]
  return folders.map((folder) => join(folder, name)).find(isInstalled)
}

function isInstalled(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
  } catch {
    return false
  }
  // Debian links psql and pgbench to a script that is there without them, and fails.
  return basename(realpathSync(path)) !== 'pg_wrapper' || spawnSync(path, ['--version']).status === 0
}

export function isContinuousIntegration(): boolean {
  return !['', '0', 'false'].includes(process.env['CI'] ?? '')
}
