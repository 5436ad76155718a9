/** The library as its users have it: `dist/`, built anew where a source is newer, and a folder that has it as a package. */

import { mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')
const made = ['taxirank.cjs', 'errors.cjs', ...['index', 'sizing'].flatMap(kindsOf)].map((name) => `dist/${name}`)

/** Makes `dist/` what the sources are now. Throws if it can't be built. */
export function buildLibrary(): void {
  if (isBuilt()) return
  const built = Bun.spawnSync([process.execPath, 'scripts/build.ts'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  if (built.exitCode !== 0)
    throw new Error(`the library could not be built: ${built.stdout.toString()}${built.stderr.toString()}`)
}

/** Lets programs in `folder` say `import 'taxirank'`, and so with what else is named: a development dependency. */
export function installInto(folder: string, ...packages: readonly string[]): void {
  buildLibrary()
  const modules = join(folder, 'node_modules')
  mkdirSync(modules, { recursive: true })
  symlinkSync(root, join(modules, 'taxirank'))
  for (const name of packages) {
    mkdirSync(join(modules, name, '..'), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
}

/** What is made of an entry. */
function kindsOf(entry: string): string[] {
  return ['cjs', 'mjs', 'd.cts', 'd.mts'].map((end) => `${entry}.${end}`)
}

/** It is younger than all that it is made from. */
function isBuilt(): boolean {
  const sources = ['src', 'scripts/build.ts', 'package.json', 'tsconfig.build.json'].map((path) => join(root, path))
  const builtAt = Math.min(...made.map((file) => youngest(join(root, file))))
  return builtAt > Math.max(...sources.map(youngest))
}

/** When the youngest file in it was written; 0 if there is none. A test is no part of the library. */
function youngest(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat?.isDirectory()) return stat && !path.endsWith('.test.ts') ? stat.mtimeMs : 0
  return Math.max(0, ...readdirSync(path).map((name) => youngest(join(path, name))))
}
