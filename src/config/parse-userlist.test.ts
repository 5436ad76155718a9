import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseUserlist } from './parse-userlist.ts'
import { badConfiguration } from './problem.ts'
import type { Report } from './problem.ts'

const keys = `${'A'.repeat(43)}=:${'A'.repeat(43)}=`

/** Throws the first problem. */
function parse(text: string): [string, string][] {
  const report: Report = (problem) => {
    throw badConfiguration(problem)
  }
  return Array.from(parseUserlist('users.txt', text, report), ([name, entry]) => [name, entry.secret])
}

describe('parseUserlist', () => {
  it('takes a name and a secret a line, and ignores what stands behind', () => {
    assert.deepEqual(parse(`"ann" "md5abc"\n  "bob"   "SCRAM-SHA-256$4096:c2Fs$${keys}" "more" x\r\n"carl" ""`), [
      ['ann', 'md5abc'],
      ['bob', `SCRAM-SHA-256$4096:c2Fs$${keys}`],
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
      message: 'users.txt:1: user "a": the password has 65,531 bytes; allowed: up to 65,530',
    })
  })

  it('refuses a damaged SCRAM secret and rounds beyond 1 to 600,000, without repeating it', () => {
    const cases = [
      ['', 'it is not of the form SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey'],
      [`-1:c2Fs$${keys}`, 'it is not of the form SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey'],
      [`4096:c2F$${keys}`, 'salt and keys must be base64'],
      [`0:c2Fs$${keys}`, '0 iterations; allowed: 1 to 600,000'],
      [`600001:c2Fs$${keys}`, '600,001 iterations; allowed: 1 to 600,000'],
    ]
    for (const [secret, problem] of cases) {
      assert.throws(() => parse(`"ann" "SCRAM-SHA-256$${secret}"`), {
        message: `users.txt:1: user "ann": the SCRAM secret is damaged: ${problem}`,
      })
    }
    for (const count of [1, 600_000]) assert.equal(parse(`"ann" "SCRAM-SHA-256$${count}:c2Fs$${keys}"`).length, 1)
  })

  it('tells the kind of a secret by its form', () => {
    const secrets = ['', 'p', `md5${'0'.repeat(32)}`, `md5${'0'.repeat(31)}`, `SCRAM-SHA-256$1:c2Fs$${keys}`]
    const lines = secrets.map((secret, index) => `"${index}" "${secret}"`)
    const kinds = Array.from(parseUserlist('u', lines.join('\n'), () => assert.fail()).values(), ({ kind }) => kind)
    assert.deepEqual(kinds, ['none', 'plain', 'md5', 'plain', 'scram'])
  })

  it('goes on behind a wrong line', () => {
    const texts: string[] = []
    const users = parseUserlist('u', 'x\n"ann" "p"\n"" "q"', (problem) => void texts.push(`${problem.line}`))
    assert.deepEqual([[...users.keys()], texts], [['ann'], ['1', '3']])
  })
})
