import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configurationText, delaysMs, setupOf } from '../../bench/poolers.ts'

describe('configurationText', () => {
  it('differs between the poolers by port and file names only', () => {
    const ofOne = configurationText(6001, 5432, 'one.users', setupOf('plain', '/dir'))
    const ofOther = configurationText(6002, 5432, 'other.users', setupOf('plain', '/dir'))
    assert.equal(ofOne.replace('6001', '6002').replace('one.users', 'other.users'), ofOther)
    assert.match(ofOne, /^\[databases\]\npostgres = host=127\.0\.0\.1 port=5432 dbname=postgres\n\[pgbouncer\]\n/)
    assert.match(ofOne, /^pool_mode = transaction$/m)
    assert.match(ofOne, /^default_pool_size = 20$/m)
  })

  it('puts what a row needs in the place of what others have', () => {
    const text = (name: 'tls' | 'scram' | 'many') => configurationText(6001, 5432, 'users', setupOf(name, '/dir'))
    assert.match(
      text('tls'),
      /^client_tls_sslmode = require\nclient_tls_cert_file = \/dir\/.*\nclient_tls_key_file = /m,
    )
    assert.match(text('scram'), /^auth_type = scram-sha-256$/m)
    assert.match(text('many'), /^max_client_conn = 12000$/m)
    for (const name of ['tls', 'scram', 'many'] as const) {
      const names = text(name).match(/^\w+(?= = )/gm) ?? []
      assert.deepEqual(names, [...new Set(names)])
    }
  })
})

describe('what a row needs', () => {
  const text = (name: 'prepared' | 'track') => configurationText(6001, 5432, 'users', setupOf(name, '/dir'))

  it('names the statements that a server keeps, since PgBouncer kept none unless told', () => {
    assert.match(text('prepared'), /^max_prepared_statements = 200$/m)
  })

  it('has few servers where they are far away', () => {
    const settings = configurationText(6001, 5432, 'users', setupOf('parameters', '/dir'))
    assert.deepEqual(settings.match(/^default_pool_size = .*$/gm), ['default_pool_size = 5'])
    assert.deepEqual(delaysMs, { parameters: 1 })
  })

  it('names the policy for session state', () => {
    assert.match(text('track'), /^session_state = track$/m)
  })
})

describe('setupOf', () => {
  it('has a secret where there is a password, and none elsewhere', () => {
    assert.match(setupOf('scram', '/dir').user, /^"postgres" "SCRAM-SHA-256\$1:[^$]+\$[^:]+:[^:]+"$/)
    assert.equal(setupOf('tls', '/dir').user, '"postgres" ""')
  })
})
