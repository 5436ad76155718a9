/**
 * `npm run build`: makes `dist/`, the library as Node runs it. One CommonJS file holds it all; `index.cjs` is that with the
 * class itself as what `require` gives, `index.mjs` the same for `import`, so that both have one class; `types/` is what
 * TypeScript reads. pg is the application's own and is not part of it.
 */

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')
const exported = ['TaxirankError', 'ResourcePool', 'createPool', 'prometheusText']

rmSync(dist, { recursive: true, force: true })
const built = await Bun.build({
  entrypoints: [join(root, 'src/pg/taxirank.ts')],
  outdir: dist,
  naming: 'taxirank.cjs',
  format: 'cjs',
  target: 'node',
  external: ['pg'],
})
if (!built.success) throw new AggregateError(built.logs, 'the library could not be bundled')
const types = Bun.spawnSync(['node_modules/.bin/tsc', '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
})
if (types.exitCode !== 0) throw new Error('the types could not be made')

// A declaration refers to others as to the JavaScript that they declare.
for (const name of new Bun.Glob('types/**/*.d.ts').scanSync(dist)) {
  const text = readFileSync(join(dist, name), 'utf8')
  write(name, text.replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'"))
}

write(
  'index.cjs',
  `'use strict'
const taxirank = require('./taxirank.cjs')
const { Pool } = taxirank
module.exports = Object.assign(Pool, { ${['Pool', ...exported.map((name) => `${name}: taxirank.${name}`)].join(', ')} })
Object.defineProperty(Pool, 'default', { value: Pool })
Object.defineProperty(Pool, '__esModule', { value: true })
`,
)
write(
  'index.mjs',
  `import Pool from './index.cjs'
export const { ${exported.join(', ')} } = Pool
export { Pool, Pool as default }
`,
)
// Names that are exported as types only can't be handed on one by one, and in a declaration nothing else comes of them.
const entry = readFileSync(join(dist, 'types/pg/taxirank.d.ts'), 'utf8')
write(
  'types/pg/taxirank.d.ts',
  entry.replaceAll(/^export (?:type )?\{[^}]*\}/gm, (list) => list.replaceAll(/\btype /g, '')),
)
write('types/package.json', '{ "type": "commonjs" }\n')
write(
  'index.d.mts',
  `export * from './types/pg/taxirank.js'\nexport { Pool as default } from './types/pg/taxirank.js'\n`,
)
write(
  'index.d.cts',
  `import library = require('./types/pg/taxirank.js')
declare class Taxirank extends library.Pool {
  static readonly default: typeof library.Pool
}
declare namespace Taxirank {
${namesOf('src/pg/taxirank.ts')
  .map((name) => `  export import ${name} = library.${name}\n`)
  .join('')}}
export = Taxirank
`,
)

/** All that the sources of the library's entry export: names of values and of types. */
function namesOf(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8')
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = '']) => list.split(','))
  const single = [...text.matchAll(/^export const (\w+)/gm)].map(([, name = '']) => name)
  return [...lists.map((name) => name.trim().replace(/^type /, '')), ...single].filter((name) => name !== '')
}

function write(name: string, text: string): void {
  writeFileSync(join(dist, name), text)
}
