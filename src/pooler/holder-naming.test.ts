import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { message, query } from '../wire/build.ts'
import { type HolderNaming, holderNamingOf } from './holder-naming.ts'

/** Of a whole message, with others around it in its chunk. */
function namingIn(bytes: Buffer, isTail = true): HolderNaming | undefined {
  const chunk = Buffer.concat([query('set a'), bytes, query('reset b')])
  const start = query('set a').length
  return holderNamingOf({ bytes: chunk, start, end: start + bytes.length, type: bytes[0] as number, isTail })
}

const naming = (text: string): HolderNaming | undefined => namingIn(query(Buffer.from(text).toString('latin1')))
const named = (text: string): string | undefined => naming(`set taxirank.holder = '${text}'`)?.name

describe('holderNamingOf', () => {
  it('understands SET and RESET in every spelling of theirs', () => {
    const expected: readonly (readonly [string, HolderNaming])[] = [
      [`SET taxirank.holder = 'src/a.ts:1'`, { tag: 'SET', name: 'src/a.ts:1' }],
      [`set TaxiRank.HOLDER to 'src/a.ts:1'`, { tag: 'SET', name: 'src/a.ts:1' }],
      [`set taxirank.holder='a';`, { tag: 'SET', name: 'a' }],
      [`set taxirank.holder to'a'`, { tag: 'SET', name: 'a' }],
      [`set taxirank.holder =default`, { tag: 'SET', name: '' }],
      [` \t\r\n\v\fSET\n taxirank.holder \t TO \n DEFAULT \r\n ; \n`, { tag: 'SET', name: '' }],
      [`set taxirank.holder = ''`, { tag: 'SET', name: '' }],
      ['RESET taxirank.holder', { tag: 'RESET', name: '' }],
      ['\n reset\ttaxirank.Holder ; ', { tag: 'RESET', name: '' }],
    ]
    for (const [text, is] of expected) assert.deepEqual(naming(text), is, text)
  })

  it('leaves everything else to PostgreSQL', () => {
    const others = [
      '',
      ' ',
      's',
      'set',
      'select 1',
      'reset all',
      'set taxirank.holder',
      'settaxirank.holder = default',
      `set taxirank.holder todefault`,
      `set taxirank.holder = a`,
      `set taxirank.holder = 'a`,
      `set taxirank.holder = 'a''`,
      `set taxirank.holder = 'a' 'b'`,
      `set taxirank.holder = 'a', 'b'`,
      `set taxirank.holder = 'a';;`,
      `set taxirank.holder = 'a'; select 1`,
      `set taxirank.holder = 'a'; --`,
      `/* x */ set taxirank.holder = 'a'`,
      `set local taxirank.holder = 'a'`,
      `set session taxirank.holder = 'a'`,
      `set taxirank.holder = E'a'`,
      `set taxirank.holder = $$a$$`,
      `set taxirank.holders = 'a'`,
      `set taxirank.pooler = 'a'`,
      `set taxirankxholder = 'a'`,
      `set "taxirank.holder" = 'a'`,
      `set\u00a0taxirank.holder = 'a'`,
      `;set taxirank.holder = 'a'`,
      'reset taxirank.holder = default',
      'show taxirank.holder',
      `set taxirank.holder = 'a\0b'`,
      `set taxirank.holder = 'a'\0`,
    ]
    for (const text of others) assert.equal(naming(text), undefined, text)
  })

  it('reads whole Queries only, and those that end as they should', () => {
    const text = `set taxirank.holder = 'a'`
    assert.equal(namingIn(query(text), false), undefined)
    assert.equal(namingIn(message('Q', Buffer.from(text))), undefined)
    assert.equal(namingIn(message('P', Buffer.from(`${text}\0`))), undefined)
    assert.equal(namingIn(message('Q')), undefined)
  })

  it('takes quotes and backslashes as PostgreSQL does by default', () => {
    assert.equal(named(`it''s ''''here''''`), `it's ''here''`)
    assert.equal(named(String.raw`C:\app\a.ts:1\\`), String.raw`C:\app\a.ts:1\\`)
  })

  it('keeps 256 bytes of a name, and whole characters', () => {
    assert.equal(named('x'.repeat(256)), 'x'.repeat(256))
    assert.equal(named('x'.repeat(10_000)), 'x'.repeat(256))
    assert.equal(named('x'.repeat(255) + 'é'), 'x'.repeat(255))
    assert.equal(named('x'.repeat(254) + 'éé'), 'x'.repeat(254) + 'é')
    assert.equal(named('x'.repeat(253) + '🚕🚕'), 'x'.repeat(253))
  })

  it('keeps a name in its line, and all of it in sight', () => {
    assert.equal(named('a\n\tb\u001b[31m\u007fc\u0085\u2028\u202ed'), 'a??b?[31m?c???d')
    assert.equal(named('straße/注文.ts:7 🚕'), 'straße/注文.ts:7 🚕')
    assert.equal(namingIn(query(`set taxirank.holder = 'caf\xe9'`))?.name, 'caf\ufffd')
  })

  it('looks at each byte of a text no more often than at others, however it is made', () => {
    // As often as there are blanks: that would take minutes.
    const blanks = ' '.repeat(500_000)
    const texts = [
      `set taxirank.holder = ''${blanks}x`,
      `set taxirank.holder${blanks}x`,
      `set${blanks}x`,
      `${blanks}x`,
      `set taxirank.holder = '${`''`.repeat(250_000)}`,
      `set taxirank.holder = '${'x'.repeat(500_000)}`,
      `set taxirank.holder = ''${blanks};${blanks}x`,
    ]
    for (const text of texts) assert.equal(naming(text), undefined)
  })
})
