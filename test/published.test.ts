/** What is published, and what `import` and `require` give, on Node and on Bun. */

import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import manifest from '../package.json' with { type: 'json' }
import { buildLibrary, installInto, root } from './support/library.ts'
import { type FoundNode, findNode } from './support/node-versions.ts'
import { temporaryFolder } from './support/postgres.ts'
import { findProgram, needs } from './support/tools.ts'

/** What a program says that is run in a folder which has the library as a package, and pg. */
function run(runtime: string, name: string, text: string): string {
  return inFolder((folder) => {
    installInto(folder, 'pg')
    return say(runtime, folder, name, text)
  })
}

/** The same, where there is nothing but the library. */
function runAlone(runtime: string, text: string): string {
  return inFolder((folder) => {
    buildLibrary()
    for (const name of ['dist', 'package.json']) {
      cpSync(join(root, name), join(folder, 'node_modules/taxirank', name), { recursive: true })
    }
    return say(runtime, folder, 'main.cjs', text)
  })
}

function say(runtime: string, folder: string, name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  const child = Bun.spawnSync([runtime, join(folder, name)], { cwd: folder, timeout: 20_000 })
  return (child.stdout.toString() + child.stderr.toString()).trim()
}

function inFolder(work: (folder: string) => string): string {
  const folder = temporaryFolder()
  try {
    return work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const sizing =
  'TaxirankError backendMemoryBytes erlangB erlangC fleet gg1 ggc inUse mdc mg1 mgc mm1 mmc mostHeldMs mostPerSecond ' +
  'nestedMinimum serversFor serversForWait usefulConnections utilisationToPlanFor utilisationToWarnAt waitPercentileMs'

/** The programs in a page, which print the value of each line that ends with `// value`, and these values. */
function examplesIn(page: string): { program: string; values: string[] }[] {
  const examples = [...readFileSync(join(root, page), 'utf8').matchAll(/^```js\n(.*?)^```/gms)]
  assert.ok(examples.length > 0, `${page} has examples`)
  return examples.map(([, text = '']) => ({
    program: `import { inspect } from 'node:util'
      const print = (value) => console.log(typeof value === 'string' ? value : inspect(value, { breakLength: Infinity }))
      ${text.replaceAll(/^(.+) \/\/ .+$/gm, 'print($1)')}`,
    values: [...text.matchAll(/ \/\/ (.+)$/gm)].map(([, value = '']) => value),
  }))
}

const runtimes: [name: string, found: FoundNode][] = [
  ...[20, 22, 24].map((major): [string, FoundNode] => [`Node ${major}`, findNode(major)]),
  ['Bun', { path: process.execPath }],
]

for (const [name, found] of runtimes) {
  const skip = 'missing' in found ? found.missing : false
  const program = 'path' in found ? found.path : ''

  describe(`the library on ${name}`, { skip }, () => {
    it('is the class itself where the checkout is required, with all else as its properties', () => {
      buildLibrary()
      const text = `
        const Pool = require(${JSON.stringify(root)})
        const pool = new Pool({ max: 1 })
        console.log(Pool.Pool === Pool, Pool.default === Pool, pool instanceof Pool, pool.totalCount)
        console.log(Object.keys(Pool).filter((name) => name !== 'name').sort().join(' '))`
      assert.deepEqual(run(program, 'main.cjs', text).split('\n'), [
        'true true true 0',
        'Pool ResourcePool TaxirankError createPool prometheusText',
      ])
    })

    it('is the same whether it is imported or required', () => {
      const text = `
        import { createRequire } from 'node:module'
        import * as imported from 'taxirank'
        const required = createRequire(import.meta.url)('taxirank')
        console.log(imported.default === required, imported.Pool === required)
        console.log(Object.keys(imported).sort().join(' '))
        console.log(Object.keys(imported).filter((name) => imported[name] !== required[name]).length)`
      assert.deepEqual(run(program, 'main.mjs', text).split('\n'), [
        'true true',
        'Pool ResourcePool TaxirankError createPool default prometheusText',
        '0',
      ])
    })

    it('can be extended, as a class of either kind', () => {
      const text = `
        const { Pool } = require('taxirank')
        class Traced extends Pool { get label() { return 'traced' } }
        const traced = new Traced({ max: 3 })
        console.log(traced.label, traced instanceof Pool, traced.options.max, traced.snapshot().maxSize)`
      assert.equal(run(program, 'main.cjs', text), 'traced true 3 3')
    })

    it('lends anything where pg is not installed', () => {
      const text = `
        const { createPool } = require('taxirank')
        createPool({ open: () => 'anything' }).use(console.log)`
      assert.equal(runAlone(program, text), 'anything')
    })
  })

  describe(`the arithmetic of sizing on ${name}`, { skip }, () => {
    it('is the same whether it is imported or required', () => {
      const text = `
        import { createRequire } from 'node:module'
        import * as imported from 'taxirank/sizing'
        const required = createRequire(import.meta.url)('taxirank/sizing')
        console.log(Object.keys(imported).sort().join(' '))
        console.log(Object.keys(required).sort().join(' '))
        console.log(Object.keys(required).filter((name) => imported[name] !== required[name]).length)`
      assert.deepEqual(run(program, 'main.mjs', text).split('\n'), [sizing, sizing, '0'])
    })

    it('calculates what its page says, the examples of the articles among it', () => {
      for (const { program: text, values } of examplesIn('docs/sizing-arithmetic.md')) {
        assert.deepEqual(run(program, 'main.mjs', text).split('\n'), values)
      }
    })

    it('loads nothing of the pool', () => {
      const text = `
        require('taxirank/sizing')
        console.log(Object.keys(require.cache).map((path) => path.split('/').pop()).sort().join(' '))`
      assert.equal(runAlone(program, text), 'errors.cjs main.cjs sizing.cjs')
    })

    it('refuses with the errors of the pool, of one class', () => {
      const text = `
        import { TaxirankError } from 'taxirank'
        import { erlangC, TaxirankError as same } from 'taxirank/sizing'
        try {
          erlangC(0, 1)
        } catch (error) {
          console.log(error instanceof TaxirankError, same === TaxirankError, error.code)
          console.log(error.message)
        }`
      assert.deepEqual(run(program, 'main.mjs', text).split('\n'), [
        'true true out_of_range',
        'servers must be a whole number from 1 to 1000000, got 0',
      ])
    })
  })
}

describe('the package', () => {
  it('has what is built, and neither sources nor tests', needs('npm'), () => {
    buildLibrary()
    const npm = Bun.spawnSync([findProgram('npm') ?? 'npm', 'pack', '--dry-run', '--json'], { cwd: root })
    const [packed] = JSON.parse(npm.stdout.toString()) as { files: { path: string }[] }[]
    const paths = packed?.files.map(({ path }) => path) ?? []
    const exported = [...JSON.stringify(manifest.exports).matchAll(/"\.\/(dist\/[^"]+)"/g)].map(([, path = '']) => path)
    assert.equal(exported.length, 8)
    for (const path of [...exported, 'dist/taxirank.cjs', 'dist/errors.cjs']) {
      assert.ok(paths.includes(path), `${path} is in the package`)
    }
    const allowed =
      /^(dist\/.*\.([cm]js|d\.[cm]?ts)|(dist\/types\/)?package\.json|bin\/taxirank|LICENSE|(README|CHANGELOG)\.md)$/
    assert.deepEqual(
      paths.filter((path) => !allowed.test(path) || path.includes('.test.')),
      [],
    )
  })

  it('needs no other to run: pg is the application’s own', () => {
    assert.deepEqual(
      Object.keys(manifest).filter((key) => /^(bundle|optional)?d/i.test(key) && /dependencies$/i.test(key)),
      ['devDependencies'],
    )
    assert.deepEqual(
      [manifest.peerDependencies, manifest.peerDependenciesMeta],
      [{ pg: manifest.peerDependencies.pg }, { pg: { optional: true } }],
    )
  })
})
