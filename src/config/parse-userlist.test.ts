import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseUserlist } from './parse-userlist.ts'

function parse(text: string): [string, string][] {
  return Array.from(parseUserlist('users.txt', text), ([name, entry]) => [name, entry.secret])
}

describe('parseUserlist', () => {
  it('takes a name and a secret a line, and ignores what stands behind', () => {
    assert.deepEqual(parse('"ann" "md5abc"\n  "bob"   "SCRAM-SHA-256$4096:a$b:c" "more" x\r\n"carl" ""'), [
      ['ann', 'md5abc'],
      ['bob', 'SCRAM-SHA-256$4096:a$b:c'],
      ['carl', ''],
    ])
  })

  it('takes a doubled quote as one', () => {
    assert.deepEqual(parse('"a""b" "c"""'), [['a"b', 'c"']])
  })

  it('skips empty lines and lines that begin with ;', () => {
    assert.deepEqual(parse('\n; "x" "y"\n"ann" "p"\n'), [['ann', 'p']])
  })

  it('lets the last line of a name count', () => {
    assert.deepEqual(parse('"ann" "1"\n"ann" "2"'), [['ann', '2']])
  })

  it('refuses anything else, without repeating it', () => {
    for (const line of ['ann "p"', '"ann"', '"ann" secret', '"ann" "secret', '"ann', '# comment']) {
      assert.throws(() => parse(`\n${line}`), {
        message: 'users.txt:2: syntax error; allowed: "name" "secret", or a comment that begins with ;',
      })
    }
  })

  it('refuses empty and too long names, and too long secrets', () => {
    assert.throws(() => parse('"" "p"'), { message: 'users.txt:1: the user name is empty' })
    assert.throws(() => parse(`"${'a'.repeat(128)}" "p"`), {
      message: 'users.txt:1: the user name has 128 bytes; allowed: up to 127',
    })
    assert.throws(() => parse(`"a" "${'p'.repeat(65_531)}"`), {
      message: 'users.txt:1: the secret of "a" has 65,531 bytes; allowed: up to 65,530',
    })
  })
})
