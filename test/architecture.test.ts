import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { judgeFolders, judgeSource, readArchitecture } from './support/architecture.ts'
import { readSource } from './support/imports.ts'

const root = join(import.meta.dirname, '..')

describe('the repository', () => {
  const architecture = readArchitecture(readFileSync(join(root, 'docs/architecture.md'), 'utf8'))

  it('has the folders that docs/architecture.md names', () => {
    assert.deepEqual(judgeFolders(architecture, readdirSync(join(root, 'src'))), [])
  })

  it('imports only what docs/architecture.md allows', () => {
    const sources = ['src', 'bench', 'test'].flatMap(sourcesBelow)
    const imports = sources.flatMap((source) => source.imports)
    assert.ok(imports.length > sources.length / 2, `${imports.length} imports found in ${sources.length} files`)
    assert.deepEqual(
      sources.flatMap((source) => judgeSource(source, architecture)),
      [],
    )
  })

  function sourcesBelow(folder: string) {
    return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.[cm]?[jt]sx?$/.test(name) && !name.includes('node_modules'))
      .map((name) => readSource(`${folder}/${name}`, readFileSync(join(root, folder, name), 'utf8')))
  }
})

const document = `# Architecture

## The tree

\`\`\`
bin/taxirank          launcher
src/
  errors.ts time.ts     what everybody may use
  net/        sockets
  engine/     the pool
  pooler/     lends
  trace/      writes
  cli/        commands
test/         end to end
\`\`\`

## Who may import whom

| folder | may import (besides errors) |
|---|---|
| \`net\`, \`engine\` | – |
| \`pooler\` | \`engine\`, \`net\` |
| \`trace\` | \`pooler\` (types), \`engine\` |
| \`cli\`, \`test\`, \`bench\` | everything |

## Something else
`

describe('the rules', () => {
  const architecture = readArchitecture(document)

  const judge = (path: string, text: string) => judgeSource(readSource(path, text), architecture)

  const allowed: [path: string, text: string][] = [
    [
      'src/engine/pool.ts',
      `import { a } from './waiter.ts'; import { b } from '../errors.ts'; import type { C } from '../time.ts'`,
    ],
    ['src/engine/deep/pool.ts', `import { a } from '../waiter.ts'; import { b } from '../../errors.ts'`],
    ['src/engine/pool.ts', `import { a } from 'node:events'; import b from 'fast-check'`],
    ['src/engine/pool.test.ts', `import { needs } from '../../test/support/tools.ts'`],
    ['src/errors.ts', `import { now } from './time.ts'`],
    [
      'src/errors.test.ts',
      `import { it } from 'node:test'; import { a } from '../test/support/tools.ts'; import './errors.ts'`,
    ],
    ['src/pooler/pooler.ts', `import { a } from '../engine/pool.ts'; export { b } from '../net/listen.ts'`],
    [
      'src/pooler/pooler.ts',
      `Bun.serve({}); let socket: Bun.Socket; import { sleep } from 'bun'; import { f } from 'bun:ffi'`,
    ],
    [
      'src/pooler/pooler.ts',
      `const says = 'import x from "../cli/main.ts"' // import x from '../cli/main.ts', Bun.listen`,
    ],
    ['src/net/listen.ts', `Bun.listen({}); const { connect } = Bun; import { listen } from 'bun'`],
    [
      'src/trace/trace.ts',
      `import type { P } from '../pooler/pooler.ts'; export type { Q } from '../pooler/pooler.ts'`,
    ],
    ['src/trace/trace.ts', `type P = import('../pooler/pooler.ts').P; import { a } from '../engine/pool.ts'`],
    [
      'src/cli/main.ts',
      `import { a } from '../trace/trace.ts'; import p from '../../package.json'; await import(name)`,
    ],
    [
      'test/pooler.test.ts',
      `import { a } from '../src/engine/pool.ts'; import { b } from '../bench/run.ts'; Bun.listen({})`,
    ],
    ['bench/run.ts', `import { a } from '../test/support/tools.ts'`],
    ['test/checker/rules/order.ts', `import { a } from '../world.ts'; import { b } from 'node:fs'`],
  ]
  for (const [path, text] of allowed) {
    it(`let ${path} say: ${text}`, () => {
      assert.deepEqual(judge(path, text), [])
    })
  }

  const engineRule = 'engine may import nothing, not pooler'
  const relative = 'files of the repository are imported by relative paths'
  const likes = 'what everybody imports imports nothing but its like'
  const sockets = 'only src/net calls Bun.listen and Bun.connect, so write Bun.name and no other name for Bun'
  const pooled = '../pooler/pooler.ts'
  const forbidden: [path: string, text: string, breach: string][] = [
    ['src/engine/pool.ts', `\n\nimport { a } from '${pooled}'`, `:3 imports ${pooled}: ${engineRule}`],
    ['src/engine/pool.ts', `import type { A } from '${pooled}'`, `:1 imports types from ${pooled}: ${engineRule}`],
    ['src/engine/pool.ts', `import '${pooled}'`, `:1 imports ${pooled}: ${engineRule}`],
    ['src/engine/pool.ts', `export * from '${pooled}'`, `:1 imports ${pooled}: ${engineRule}`],
    ['src/engine/pool.ts', `export { a } from '${pooled}'`, `:1 imports ${pooled}: ${engineRule}`],
    ['src/engine/pool.ts', `await import('${pooled}')`, `:1 imports ${pooled}: ${engineRule}`],
    ['src/engine/pool.ts', `await import(\`${pooled}\`)`, `:1 imports ${pooled}: ${engineRule}`],
    ['src/engine/pool.ts', `require('${pooled}')`, `:1 imports ${pooled}: ${engineRule}`],
    ['src/engine/pool.ts', `import.meta.resolve('${pooled}')`, `:1 imports ${pooled}: ${engineRule}`],
    ['src/engine/pool.ts', `let p: import('${pooled}').P`, `:1 imports types from ${pooled}: ${engineRule}`],
    [
      'src/engine/deep/a.ts',
      `import '../../net/a.ts'`,
      ':1 imports ../../net/a.ts: engine may import nothing, not net',
    ],
    [
      'src/pooler/pooler.ts',
      `import '../trace/a.ts'`,
      ':1 imports ../trace/a.ts: pooler may import engine, net, not trace',
    ],
    [
      'src/trace/trace.ts',
      `import { type P } from '${pooled}'`,
      `:1 imports ${pooled}: trace may import only types of pooler: write "import type"`,
    ],
    [
      'src/extra/a.ts',
      `import '${pooled}'`,
      `:1 imports ${pooled}: extra has no row in the table of docs/architecture.md`,
    ],
    [
      'src/engine/pool.ts',
      `import '../other.ts'`,
      ':1 imports ../other.ts: it is not in the tree of docs/architecture.md',
    ],
    [
      'src/engine/pool.ts',
      `await import(name)`,
      ':1 imports a computed path: an import that cannot be checked is forbidden: write the path out',
    ],
    ['src/engine/pool.ts', `import '/src/net/a.ts'`, `:1 imports /src/net/a.ts: ${relative}`],
    ['src/engine/pool.ts', `import '#net'`, `:1 imports #net: ${relative}`],
    ['src/engine/pool.ts', `import 'taxirank/wire'`, `:1 imports taxirank/wire: ${relative}`],
    ['src/engine/pool.ts', `import '../../../a.ts'`, ':1 imports ../../../a.ts: it leaves the repository'],
    [
      'src/engine/pool.ts',
      `import '../../package.json'`,
      ':1 imports ../../package.json: src imports nothing outside src',
    ],
    [
      'src/engine/pool.ts',
      `import '../../test/support/tools.ts'`,
      ':1 imports ../../test/support/tools.ts: src imports nothing outside src',
    ],
    [
      'src/engine/pool.test.ts',
      `import '../../test/checker/world.ts'`,
      ':1 imports ../../test/checker/world.ts: src imports nothing outside src',
    ],
    ['src/engine/pool.test.ts', `import '${pooled}'`, `:1 imports ${pooled}: ${engineRule}`],
    [
      'src/cli/main.ts',
      `import '../../bench/run.ts'`,
      ':1 imports ../../bench/run.ts: src imports nothing outside src',
    ],
    ['src/errors.ts', `import './engine/pool.ts'`, `:1 imports ./engine/pool.ts: ${likes}`],
    ['src/errors.ts', `import 'node:fs'`, `:1 imports node:fs: ${likes}`],
    ['src/errors.test.ts', `import './engine/pool.ts'`, `:1 imports ./engine/pool.ts: ${likes}`],
    ['src/time.ts', `Bun.nanoseconds()`, ':1 uses Bun.nanoseconds: src/time.ts runs on Node too and knows no Bun'],
    ['src/engine/a.ts', `Bun.sleep(1)`, ':1 uses Bun.sleep: engine runs on Node too and knows no Bun'],
    ['src/engine/a.ts', `let a: Bun.Socket`, ':1 uses Bun.Socket: engine runs on Node too and knows no Bun'],
    ['src/engine/a.ts', `typeof Bun`, ':1 uses typeof Bun: engine runs on Node too and knows no Bun'],
    ['src/engine/a.test.ts', `import 'bun:test'`, ':1 imports bun:test: engine runs on Node too and knows no Bun'],
    [
      'src/engine/a.ts',
      `import type { A } from 'bun'`,
      ':1 imports types from bun: engine runs on Node too and knows no Bun',
    ],
    ['src/pooler/a.ts', `Bun.listen({})`, `:1 uses Bun.listen: ${sockets}`],
    ['src/pooler/a.ts', `Bun?.['connect']({})`, `:1 uses Bun.connect: ${sockets}`],
    ['src/pooler/a.ts', `globalThis.Bun.connect({})`, `:1 uses Bun: ${sockets}`],
    ['src/pooler/a.ts', `globalThis['Bun'].connect({})`, `:1 uses Bun: ${sockets}`],
    ['src/pooler/a.ts', `const { sleep, connect: dial } = Bun`, `:1 uses Bun.connect: ${sockets}`],
    ['src/pooler/a.ts', `const { ...rest } = Bun`, `:1 uses Bun: ${sockets}`],
    ['src/pooler/a.ts', `const b = Bun`, `:1 uses Bun: ${sockets}`],
    ['src/pooler/a.ts', `Bun[name]()`, `:1 uses Bun: ${sockets}`],
    ['src/pooler/a.ts', `import { listen as l } from 'bun'`, `:1 imports bun: ${sockets}`],
    ['src/pooler/a.ts', `import * as b from 'bun'`, `:1 imports bun: ${sockets}`],
    ['src/pooler/a.ts', `import b from 'bun'`, `:1 imports bun: ${sockets}`],
    ['src/pooler/a.ts', `await import('bun')`, `:1 imports bun: ${sockets}`],
    [
      'test/checker/world.ts',
      `import '../../src/errors.ts'`,
      ':1 imports ../../src/errors.ts: the checker shares no code with what it checks',
    ],
    [
      'test/checker/world.ts',
      `import type { A } from '../support/tools.ts'`,
      ':1 imports types from ../support/tools.ts: the checker shares no code with what it checks',
    ],
  ]
  for (const [path, text, breach] of forbidden) {
    it(`forbid ${path} to say: ${text.trim()}`, () => {
      assert.deepEqual(judge(path, text), [path + breach])
    })
  }

  it('want a file that cannot be parsed mended', () => {
    assert.throws(() => judge('src/engine/a.ts', 'import from from'), /^Error: src\/engine\/a\.ts cannot be parsed: /)
  })
})

describe('the document', () => {
  it('matches a tree that is not built to the end', () => {
    assert.deepEqual(judgeFolders(readArchitecture(document), ['errors.ts', 'errors.test.ts', 'engine']), [])
  })

  it('misses folders and files that it does not name', () => {
    assert.deepEqual(judgeFolders(readArchitecture(document), ['extra', 'index.ts', 'index.test.ts']), [
      'src/extra/ is not in the tree of docs/architecture.md',
      'src/extra/ is not in the table of docs/architecture.md',
      'src/index.ts is not in the tree: src/ itself holds only errors.ts, time.ts',
      'src/index.test.ts is not in the tree: src/ itself holds only errors.ts, time.ts',
    ])
  })

  it('names the same folders in the tree and in the table', () => {
    const extraRow = document.replace('| `trace` |', '| `wire` | – |\n| `trace` |')
    assert.deepEqual(judgeFolders(readArchitecture(extraRow), []), ['wire is in the table, but not in the tree'])
    const extraFolder = document.replace('  trace/', '  wire/       bytes\n  trace/')
    assert.deepEqual(judgeFolders(readArchitecture(extraFolder), []), ['wire is in the tree, but not in the table'])
  })

  const unreadable: [from: string, to: string, error: string][] = [
    [
      '`net`, `engine` |',
      '`net` and `engine` |',
      'docs/architecture.md: the table\'s "`net` and `engine`" cannot be read',
    ],
    ['`pooler` (types)', '`pooler` types', 'docs/architecture.md: the table\'s "`pooler` types" cannot be read'],
    ['| – |', '| |', 'docs/architecture.md: the table\'s "" cannot be read'],
    ['| `trace` |', '| `net` |', 'docs/architecture.md: the table names net twice'],
    [
      '`pooler` (types)',
      '`wire`',
      'docs/architecture.md: wire may be imported, but has no row of its own in the table',
    ],
    ['## The tree', '## The forest', 'docs/architecture.md has no section "The tree"'],
  ]
  for (const [from, to, message] of unreadable) {
    it(`is refused with ${to} in the place of ${from}`, () => {
      assert.throws(() => readArchitecture(document.replace(from, to)), { message })
    })
  }
})
