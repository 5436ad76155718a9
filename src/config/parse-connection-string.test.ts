import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConnectionString } from './parse-connection-string.ts'

/** The pairs as `[key, value]`, a problem as `[problem]`. */
function parse(text: string): string[][] {
  return Array.from(parseConnectionString(text), (pair) =>
    'problem' in pair ? [pair.problem] : [pair.key, pair.value],
  )
}

describe('parseConnectionString', () => {
  it('takes pairs separated by blanks', () => {
    assert.deepEqual(parse(' host=a  port=5432\tuser=u '), [
      ['host', 'a'],
      ['port', '5432'],
      ['user', 'u'],
    ])
  })

  it('takes nothing from an empty string', () => {
    assert.deepEqual(parse('  '), [])
  })

  it('takes blanks around the equals sign', () => {
    assert.deepEqual(parse('host = a port= 1'), [
      ['host', 'a'],
      ['port', '1'],
    ])
  })

  it('takes quoted values, a doubled quote as one', () => {
    assert.deepEqual(parse(`a='x y' b='it''s' c='='`), [
      ['a', 'x y'],
      ['b', "it's"],
      ['c', '='],
    ])
  })

  it('takes quotes and equals signs inside an unquoted value as they are', () => {
    assert.deepEqual(parse(`a=x'y=z`), [['a', "x'y=z"]])
  })

  it('stops at what is no pair, and does not repeat what may be a secret', () => {
    const syntax = (at: string): string[] => [`syntax error at "${at}"; allowed: key=value key='other value' …`]
    assert.deepEqual(parse('a=1 b'), [['a', '1'], syntax('b')])
    assert.deepEqual(parse(`a='secret`), [syntax('a=')])
    assert.deepEqual(parse(`a='secret'b=1`), [syntax('a=')])
    assert.deepEqual(parse('=secret'), [syntax('=')])
    assert.deepEqual(parse('a='), [syntax('a=')])
  })

  it('shows nothing that stands behind a password, or holds the word', () => {
    for (const text of ['password=two words', 'host=a password:word', `password=two a='x' word`]) {
      assert.deepEqual(parse(text).at(-1), [
        `syntax error at or behind the password; allowed: key=value key='other value' …`,
      ])
    }
    assert.deepEqual(parse(`password=a word=''`).at(-1), [
      'what stands behind the password has an empty value; leave it out instead',
    ])
    assert.deepEqual(parse(`password=''`), [['password has an empty value; leave it out instead']])
  })

  it('refuses an empty value', () => {
    assert.deepEqual(parse(`a='' b=1`), [['a has an empty value; leave it out instead']])
  })
})
