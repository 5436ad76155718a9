/** The library as its users have it: `dist/`, built anew where a source is newer, and a folder that has it as a package. */

import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')
const made = ['dist/taxirank.cjs', 'dist/index.cjs', 'dist/index.mjs', 'dist/index.d.cts', 'dist/index.d.mts']

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

function isBuilt(): boolean {
  const files = made.map((file) => join(root, file))
  if (!files.every((file) => existsSync(file))) return false
  const builtAt = Math.min(...files.map((file) => statSync(file).mtimeMs))
  return [...sources(), join(root, 'scripts/build.ts')].every((file) => statSync(file).mtimeMs <= builtAt)
}

function sources(): string[] {
  const names = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  return names
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => join(root, 'src', name))
}
