import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { refusalOf } from '../../test/support/refusal.ts'
import { parseTarget, urlOf } from './target.ts'

const plain = { sslMode: 'disable', sslRootFile: undefined, ssl: false }

describe('parseTarget', () => {
  it('reads who, where and which, and shows them without the password', () => {
    assert.deepEqual(parseTarget('postgres://bob:p%40ss@db.example:6000/shop'), {
      host: 'db.example',
      port: 6000,
      user: 'bob',
      password: 'p@ss',
      database: 'shop',
      address: 'postgres://bob@db.example:6000/shop',
      ...plain,
    })
  })

  it('shows an IPv6 address in brackets', () => {
    assert.equal(parseTarget('postgresql://bob@[::1]/shop').address, 'postgres://bob@[::1]:5432/shop')
  })

  it('understands sslmode as psql does', () => {
    const ssl = (mode: string): unknown => parseTarget(`postgres://a@h/d?sslmode=${mode}`).ssl
    const isRefused = { rejectUnauthorized: true }
    assert.deepEqual(
      [ssl('disable'), ssl('require'), ssl('verify-full')],
      [false, { rejectUnauthorized: false }, isRefused],
    )
    assert.ok(typeof (ssl('verify-ca') as { checkServerIdentity: unknown }).checkServerIdentity === 'function')
  })

  it('checks the certificate where it is told whom to trust, as psql does', () => {
    const { sslMode } = parseTarget(`postgres://a@h/d?sslmode=require&sslrootcert=${import.meta.filename}`)
    assert.equal(sslMode, 'verify-ca')
  })

  const refused: Record<string, RegExp> = {
    'mysql://a@h/d': /does not begin with postgres/,
    'postgres://a@h:x/d': /malformed/,
    'postgres://a:half?secret@h/d': /malformed/,
    'postgres://a%0Ab@h/d': /malformed/,
    'postgres://a:secret@h/d?sslmode=prefer': /sslmode is one of disable, require, verify-ca, verify-full/,
    'postgres://a:secret@h/d?options=-c%20x': /nothing with options/,
    'postgres://a:secret@h/d?sslmode=verify-ca&sslrootcert=/nonexistent': /sslrootcert: ENOENT/,
    'postgres://a:secret@%2Fvar%2Frun/d': /unix socket/,
  }
  for (const [url, why] of Object.entries(refused)) {
    it(`refuses ${url}, and keeps the password to itself`, () => {
      const message = refusalOf(() => parseTarget(url))
      assert.match(message, why)
      assert.doesNotMatch(message, /secret/)
    })
  }
})

describe('urlOf', () => {
  const back = (url: string): string => urlOf(parseTarget(url))

  it('is the address that the target was read from', () => {
    const url = 'postgres://shop:secret@db.example.com:6000/orders?sslmode=require'
    assert.equal(back(url), url)
  })

  it('says what was left out', () => {
    assert.equal(
      back('postgres://shop@db.example.com/orders'),
      'postgres://shop@db.example.com:5432/orders?sslmode=disable',
    )
  })

  it('leads to the same target, whatever the names and the password hold', () => {
    const url = 'postgres://a%40b:p%3Aa%2Fs%3F%23%25@[::1]:5433/my%20orders?sslmode=disable'
    assert.deepEqual(parseTarget(back(url)), parseTarget(url))
  })
})
