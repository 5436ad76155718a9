/**
 * `npm run build`: makes `dist/`, the library as Node runs it. The code of `taxirank` is one CommonJS file, that of
 * `taxirank/sizing` another, and the errors are a third, so that all throw one class. What `import` gives is made of the
 * same files, so nothing is there twice; `types/` is what TypeScript reads. pg is the application's own and is not part of
 * it.
 */

import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')
const require = createRequire(import.meta.url)

rmSync(dist, { recursive: true, force: true })
await bundle(['pg/taxirank.ts', 'sizing/sizing.ts', 'errors.ts'])
makeTypes()
writePool()
writeSizing()

/** Each source becomes a file of its name, which holds all it needs but the errors. */
async function bundle(sources: readonly string[]): Promise<void> {
  const built = await Bun.build({
    entrypoints: sources.map((source) => join(root, 'src', source)),
    outdir: dist,
    naming: '[name].cjs',
    format: 'cjs',
    target: 'node',
    external: ['pg'],
    plugins: [
      {
        name: 'errors that all share',
        setup(build) {
          build.onResolve({ filter: /^\.\.?\/errors\.ts$/ }, () => ({ path: './errors.cjs', external: true }))
        },
      },
    ],
  })
  if (!built.success) throw new AggregateError(built.logs, 'the library could not be bundled')
}

function makeTypes(): void {
  const types = Bun.spawnSync(['node_modules/.bin/tsc', '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (types.exitCode !== 0) throw new Error('the types could not be made')
  // A declaration refers to others as to the JavaScript that they declare.
  for (const name of new Bun.Glob('types/**/*.d.ts').scanSync(dist)) {
    write(name, read(name).replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'"))
  }
  write('types/package.json', '{ "type": "commonjs" }\n')
}

/** `require` gives the class itself, with all else as its properties. */
function writePool(): void {
  const others = valuesOf('taxirank.cjs').filter((name) => name !== 'Pool')
  write(
    'index.cjs',
    `'use strict'
const taxirank = require('./taxirank.cjs')
const { Pool } = taxirank
module.exports = Object.assign(Pool, { ${['Pool', ...others.map((name) => `${name}: taxirank.${name}`)].join(', ')} })
Object.defineProperty(Pool, 'default', { value: Pool })
Object.defineProperty(Pool, '__esModule', { value: true })
`,
  )
  write(
    'index.mjs',
    `import Pool from './index.cjs'
export const { ${others.join(', ')} } = Pool
export { Pool, Pool as default }
`,
  )
  // Names that are exported as types only can't be handed on one by one, and in a declaration nothing else comes of them.
  const types = 'types/pg/taxirank.d.ts'
  const withoutMarks = (list: string) => list.replaceAll(/\btype /g, '')
  write(types, read(types).replaceAll(/^export (?:type )?\{[^}]*\}/gm, withoutMarks))
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
}

function writeSizing(): void {
  const names = valuesOf('sizing.cjs').join(', ')
  // Node learns what a CommonJS file exports by reading it, not by running it: this is what it can read.
  appendFileSync(join(dist, 'sizing.cjs'), `0 && (module.exports = { ${names} })\n`)
  write('sizing.mjs', `export { ${names} } from './sizing.cjs'\n`)
  for (const name of ['sizing.d.mts', 'sizing.d.cts']) write(name, `export * from './types/sizing/sizing.js'\n`)
}

/** The names of what a file of `dist/` exports: values only. */
function valuesOf(name: string): string[] {
  return Object.keys(require(join(dist, name)) as object).sort()
}

/** All that a source exports: names of values and of types. */
function namesOf(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8')
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = '']) => list.split(','))
  const single = [...text.matchAll(/^export const (\w+)/gm)].map(([, name = '']) => name)
  return [...lists.map((name) => name.trim().replace(/^type /, '')), ...single].filter((name) => name !== '')
}

function read(name: string): string {
  return readFileSync(join(dist, name), 'utf8')
}

function write(name: string, text: string): void {
  writeFileSync(join(dist, name), text)
}
