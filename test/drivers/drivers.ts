/** Every driver and ORM that is tried: its script, what must be installed for it, and how to learn its version. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../support/tools.ts'
import type { Command } from './run-driver.ts'

export interface Driver {
  readonly name: string
  readonly command: Command
  /** Debian's packages that bring it. */
  readonly packages: readonly string[]
  /** Its version, which is to be had only where it is installed. */
  readonly version: Command
  /** Makes the command's program where there is something to compile; the folder is the run's own. */
  readonly compile?: (folder: string) => { readonly by: Command; readonly run: Command }
}

const here = import.meta.dirname
/** Debian's, for which Debian has the drivers; another python3 may come first in PATH. */
const python = '/usr/bin/python3'

interface NodeSettings {
  readonly script?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly runtime?: 'node' | 'bun'
}

function onNode(name: string, packageName: string, settings: NodeSettings = {}): Driver {
  const { script = packageName, environment = {}, runtime = 'node' } = settings
  const program = runtime === 'bun' ? process.execPath : runtime
  const printVersion = `
    const { createRequire } = require('node:module')
    const { readFileSync } = require('node:fs')
    const { join } = require('node:path')
    const paths = createRequire(process.argv[1]).resolve.paths('x').map((path) => join(path, '${packageName}', 'package.json'))
    const found = paths.find((path) => require('node:fs').existsSync(path))
    const runtime = process.versions.bun ? 'Bun ' + process.versions.bun : 'Node ' + process.versions.node
    console.log(JSON.parse(readFileSync(found, 'utf8')).version + ', ' + runtime)`
  const file = join(here, 'node', `${script}.mjs`)
  return {
    name,
    command: { program, args: [file], environment },
    packages: [],
    version: { program, args: ['-e', printVersion, file] },
  }
}

function inPython(name: string, script: string, packages: readonly string[], module: string): Driver {
  return {
    name,
    command: { program: python, args: ['-B', join(here, 'python', script)] },
    packages,
    version: { program: python, args: ['-c', `import ${module} as m; print(m.__version__.split(' ')[0])`] },
  }
}

export const drivers: readonly Driver[] = [
  onNode('pg', 'pg'),
  onNode('pg on Bun', 'pg', { runtime: 'bun' }),
  onNode('postgres.js', 'postgres'),
  onNode('postgres.js unprepared', 'postgres', { environment: { DRIVER_PREPARE: 'false' } }),
  onNode('postgres.js on Bun', 'postgres', { runtime: 'bun' }),
  inPython('psycopg2', 'with_psycopg2.py', ['python3-psycopg2'], 'psycopg2'),
  inPython('psycopg', 'with_psycopg.py', ['python3-psycopg'], 'psycopg'),
]

/** `13.2, Node 20` or the reason why there is none. */
export function findVersion({
  version,
  packages,
}: Driver): { readonly version: string } | { readonly missing: string } {
  const program = findProgram(version.program) ?? version.program
  if (existsSync(program)) {
    const { status, stdout } = spawnSync(program, version.args, { encoding: 'utf8', timeout: 60_000 })
    if (status === 0) return { version: stdout.trim() }
  }
  return {
    missing: packages.length > 0 ? `${packages.join(' and ')} not installed` : 'its npm package is not installed',
  }
}
