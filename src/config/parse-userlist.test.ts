import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseUserlist, secretKind } from './parse-userlist.ts'
import { badConfiguration } from './problem.ts'
import type { Report } from './problem.ts'

const keys = `${'a'.repeat(43)}=:${'b'.repeat(43)}=`

/** Throws the first problem. */
function parse(text: string): [string, string][] {
  const report: Report = (problem) => {
    throw badConfiguration(problem)
  }
  return Array.from(parseUserlist('users.txt', text, report), ([name, entry]) => [name, entry.secret])
}

describe('parseUserlist', () => {
  it('takes a name and a secret a line, and ignores what stands behind', () => {
    assert.deepEqual(parse(`"ann" "md5abc"\n  "bob"   "SCRAM-SHA-256$4096:a$${keys}" "more" x\r\n"carl" ""`), [
      ['ann', 'md5abc'],
      ['bob', `SCRAM-SHA-256$4096:a$${keys}`],
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

  it('refuses a damaged SCRAM secret and rounds beyond 1 to 600,000, without repeating it', () => {
    for (const secret of ['', 'x', `4096:$${keys}`, `4096:a$${keys}=`, `4096:a$${keys.slice(1)}`, `-1:a$${keys}`]) {
      assert.throws(() => parse(`"ann" "SCRAM-SHA-256$${secret}"`), {
        message:
          'users.txt:1: the SCRAM secret of "ann" is damaged; allowed: ' +
          'SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey, the last three in base64',
      })
    }
    for (const [written, count] of [
      ['0', '0'],
      ['600001', '600,001'],
      ['4294967295', '4,294,967,295'],
    ]) {
      assert.throws(() => parse(`"ann" "SCRAM-SHA-256$${written}:a$${keys}"`), {
        message: `users.txt:1: the SCRAM secret of "ann" has ${count} iterations; allowed: 1 to 600,000`,
      })
    }
    for (const count of [1, 600_000]) assert.equal(parse(`"ann" "SCRAM-SHA-256$${count}:a$${keys}"`).length, 1)
  })

  it('goes on behind a wrong line', () => {
    const texts: string[] = []
    const users = parseUserlist('u', 'x\n"ann" "p"\n"" "q"', (problem) => void texts.push(`${problem.line}`))
    assert.deepEqual([[...users.keys()], texts], [['ann'], ['1', '3']])
  })
})

describe('secretKind', () => {
  it('goes by the form, as PostgreSQL does', () => {
    const secrets = ['', 'p', `md5${'0'.repeat(32)}`, `md5${'0'.repeat(31)}`, `md5${'A'.repeat(32)}`, 'SCRAM-SHA-256$']
    assert.deepEqual(secrets.map(secretKind), ['none', 'plain', 'md5', 'plain', 'plain', 'scram'])
  })
})
