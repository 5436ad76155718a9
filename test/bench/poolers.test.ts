import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configurationText } from '../../bench/poolers.ts'

describe('configurationText', () => {
  it('differs between the poolers by port and file names only', () => {
    const ofOne = configurationText(6001, 5432, 'one.users')
    const ofOther = configurationText(6002, 5432, 'other.users')
    assert.equal(ofOne.replace('6001', '6002').replace('one.users', 'other.users'), ofOther)
    assert.match(ofOne, /^\[databases\]\npostgres = host=127\.0\.0\.1 port=5432 dbname=postgres\n\[pgbouncer\]\n/)
    assert.match(ofOne, /^pool_mode = transaction$/m)
    assert.match(ofOne, /^default_pool_size = 20$/m)
  })
})
