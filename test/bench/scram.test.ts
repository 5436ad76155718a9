import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { scramSecret } from '../../bench/scram.ts'

describe('scramSecret', () => {
  it('has the form of PostgreSQL, and differs by password', () => {
    assert.match(scramSecret('a'), /^SCRAM-SHA-256\$1:[\w+/=]+\$[\w+/]{43}=:[\w+/]{43}=$/)
    assert.notEqual(scramSecret('a'), scramSecret('b'))
  })
})
