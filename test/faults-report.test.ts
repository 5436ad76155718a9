/** docs/reports/faults.md names a test for each fault: these tests exist. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'

const root = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
/** 20 needs a second process on the same port; 31 and up are not the pooler's border. */
const wanted = Array.from({ length: 30 }, (_, index) => index + 1).filter((fault) => fault !== 20)

interface Named {
  readonly file: string
  readonly test: string
}

interface Row {
  readonly fault: number
  readonly tests: readonly Named[]
}

/** Rows of the table: `| 7 | fault | promise | `file` *test*, *test*; `file` *test* |`. */
function rowsOf(report: string): Row[] {
  return report
    .split('\n')
    .filter((line) => /^\| \d+ \|/.test(line))
    .map((line) => {
      const cells = line.split(' | ')
      return { fault: Number(line.slice(2, 4)), tests: testsOf(cells.at(-1) ?? '') }
    })
}

function testsOf(cell: string): Named[] {
  const found: Named[] = []
  let file = ''
  for (const [, path, test] of cell.matchAll(/`([^`]+)`|\*([^*]+)\*/g)) {
    if (path !== undefined) file = path
    else if (test !== undefined) found.push({ file, test })
  }
  return found
}

/** Names given to `it`; what a template fills in is `…`. */
function namesIn(source: string): Set<string> {
  const calls = source.matchAll(/\bit\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gs)
  return new Set(Array.from(calls, ([, , name = '']) => name.replaceAll(/\$\{[^}]*\}/g, '…')))
}

describe('the report of faults', () => {
  const rows = rowsOf(read('docs/reports/faults.md'))

  it('has a row for each', () => {
    assert.deepEqual(
      rows.map(({ fault }) => fault),
      wanted,
    )
  })

  it('names tests that exist', () => {
    const named = rows.flatMap(({ tests }) => tests)
    const files = [...new Set(named.map(({ file }) => file))]
    const known = new Map(files.map((file) => [file, namesIn(read(file))]))
    const missing = named.filter(({ file, test }) => known.get(file)?.has(test) !== true)
    assert.deepEqual(missing, [])
    for (const { fault, tests } of rows) assert.ok(tests.length > 0, `fault ${fault} has a test`)
  })

  it('is read as it is written', () => {
    const row = '| 7 | a | b | `x.ts` *one*, *two …*; `y.ts` *three* |'
    const tests = [
      { file: 'x.ts', test: 'one' },
      { file: 'x.ts', test: 'two …' },
      { file: 'y.ts', test: 'three' },
    ]
    assert.deepEqual(rowsOf(row), [{ fault: 7, tests }])
    const source = "it('one', f)\n it(`two ${name}`, f)\nit(\n 'three', f)\nwait('four')"
    assert.deepEqual(namesIn(source), new Set(['one', 'two …', 'three']))
  })
})
