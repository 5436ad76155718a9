import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { badConfiguration } from './problem.ts'
import { readIni } from './read-ini.ts'

/** The items of `main.ini`, as `file:line [section]`, `file:line key=value` and `file:line: problem`. */
function read(files: Record<string, string> | string): string[] {
  const all: Record<string, string> = typeof files === 'string' ? { 'main.ini': files } : files
  const items = readIni('main.ini', (path) => all[path] ?? assert.fail(`no ${path}`))
  return Array.from(items, (item) => {
    if (item.kind === 'problem') return badConfiguration(item.problem).message
    const what = item.kind === 'section' ? `[${item.name}]` : `${item.key}=${item.value}`
    return `${item.place.file}:${item.place.line} ${what}`
  })
}

describe('readIni', () => {
  it('takes the rest of a line as the value, trimmed, with whatever stands in it', () => {
    assert.deepEqual(read('a = b ; c # d = "e"  \r\nb=\nc   =\t x'), [
      'main.ini:1 a=b ; c # d = "e"',
      'main.ini:2 b=',
      'main.ini:3 c=x',
    ])
  })

  it('skips empty lines and lines that begin with ; or # after blanks', () => {
    assert.deepEqual(read('\n  ; a=1\n\t# b=2\nc=3'), ['main.ini:4 c=3'])
  })

  it('takes sections after blanks, and goes on behind them on the same line', () => {
    assert.deepEqual(read('  [a b] c=1\n[d]'), ['main.ini:1 [a b]', 'main.ini:1 c=1', 'main.ini:2 [d]'])
  })

  it('takes letters, digits and _.-* in a key, and anything in a quoted one', () => {
    assert.deepEqual(read(`a_.-*9 = 1\n'it''s = a' = 2\n"say ""hi""" = 3\n=4`), [
      'main.ini:1 a_.-*9=1',
      `main.ini:2 it's = a=2`,
      'main.ini:3 say "hi"=3',
      'main.ini:4 =4',
    ])
  })

  it('reports lines that are nothing, and goes on', () => {
    for (const line of ['a', 'a b = 1', '[a', "'a = 1", '%include', '%includex y', 'ä = 1', '[a] b', '[a][b]']) {
      const items = read(`\n${line}\nc=1`)
      assert.match(items.at(-2) ?? '', /^main\.ini:2: syntax error/, line)
      assert.equal(items.at(-1), 'main.ini:3 c=1')
    }
  })

  it('goes on in an included file, in the same section, and comes back', () => {
    assert.deepEqual(read({ 'main.ini': '[a]\n %include  x.ini \nc=3', 'x.ini': 'a=1\n[b]\nb=2' }), [
      'main.ini:1 [a]',
      'x.ini:1 a=1',
      'x.ini:2 [b]',
      'x.ini:3 b=2',
      'main.ini:3 c=3',
    ])
  })

  it('includes ten levels deep and no deeper', () => {
    const chain = (levels: number): Record<string, string> => {
      const files: Record<string, string> = { 'main.ini': '%include 1' }
      for (let level = 1; level <= levels; level += 1) files[level] = level < levels ? `%include ${level + 1}` : 'a=1'
      return files
    }
    assert.deepEqual(read(chain(10)), ['10:1 a=1'])
    assert.deepEqual(read(chain(11)), ['10:1: %include: nested too deep; allowed: 10 levels'])
  })

  it('ends with a file that includes itself, once or three times', () => {
    assert.deepEqual(read('%include main.ini'), ['main.ini:1: %include: nested too deep; allowed: 10 levels'])
    const many = read('%include main.ini\n%include main.ini\n%include main.ini')
    assert.ok(many.includes('main.ini:2: %include: too many files; allowed: 1,000'))
    assert.ok(many.length < 3_000)
  })

  it('reports a file that cannot be read, where it is included', () => {
    assert.deepEqual(read('%include x.ini\nc=1'), [
      'main.ini:1: %include: cannot read x.ini: no x.ini',
      'main.ini:2 c=1',
    ])
  })
})
