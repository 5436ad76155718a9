import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { issue } from '../../test/support/certificates.ts'
import { acceptingTls, connectingTls } from './tls.ts'

const ca = issue({ name: 'CA', isAuthority: true })
const notAfter = new Date('2040-05-06T07:08:09Z')
const own = issue({ name: 'db', names: ['localhost'], issuer: ca, notAfter })
const other = issue({ name: 'db', issuer: ca })
const rsa = issue({ name: 'db', issuer: ca, keyKind: 'rsa' })
const { certificate, key } = own
const good = { mode: 'prefer', certificate, key } as const
const encryptedKey = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' },
}).privateKey

describe('a TLS set-up', () => {
  it('for accepting asks for a certificate from verify-ca on, and knows when its own ends', () => {
    for (const [mode, isVerifying] of [
      ['allow', false],
      ['prefer', false],
      ['require', false],
      ['verify-ca', true],
      ['verify-full', true],
    ] as const) {
      const tls = acceptingTls({ ...good, mode, ca: ca.certificate })
      assert.deepEqual(
        [tls.mode, tls.isVerifying, tls.expires, tls.options.requestCert, tls.options.rejectUnauthorized],
        [mode, isVerifying, notAfter, isVerifying, isVerifying],
      )
      assert.ok(Object.isFrozen(tls) && Object.isFrozen(tls.options))
    }
  })

  it('for connecting needs no certificate, and checks the name under verify-full', () => {
    const checks = (['allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const).map((mode) => {
      const { isVerifying, isNameChecked, expires } = connectingTls({ mode })
      return [isVerifying, isNameChecked, expires]
    })
    const any = [false, false, undefined]
    assert.deepEqual(checks, [any, any, any, [true, false, undefined], [true, true, undefined]])
  })

  it('takes a chain, RSA keys, words and lists for ciphers, curves by either name', () => {
    acceptingTls({ ...good, certificate: certificate + ca.certificate })
    acceptingTls({ mode: 'require', certificate: rsa.certificate, key: rsa.key })
    for (const ciphers of [
      'default',
      'SECURE',
      'fast',
      'normal',
      'all',
      'HIGH:!aNULL',
      'ECDHE-RSA-AES128-GCM-SHA256',
    ]) {
      acceptingTls({ ...good, ciphers })
      connectingTls({ mode: 'prefer', ciphers })
    }
    for (const ecdhCurve of ['auto', 'prime256v1', 'P-384', 'X25519:P-256']) acceptingTls({ ...good, ecdhCurve })
    connectingTls({ mode: 'verify-full', certificate, key, ca: ca.certificate + other.certificate })
  })

  const bad: [string, () => unknown, RegExp][] = [
    [
      'no certificate',
      () => acceptingTls({ ...good, certificate: 'x' }),
      /certificate file holds no certificate in PEM/,
    ],
    ['no key', () => acceptingTls({ ...good, key: 'x' }), /key file holds no private key in PEM form/],
    ['half a key', () => acceptingTls({ ...good, key: key.slice(0, 80) }), /key file holds no private key in PEM form/],
    ['a certificate for a key', () => acceptingTls({ ...good, key: certificate }), /holds no private key in PEM form/],
    ['a key with a passphrase', () => acceptingTls({ ...good, key: encryptedKey }), /encrypted with a passphrase/],
    ['the key of another', () => acceptingTls({ ...good, key: other.key }), /key does not belong to the certificate/],
    ['a key of another kind', () => acceptingTls({ ...good, key: rsa.key }), /key does not belong to the certificate/],
    ['an empty CA', () => acceptingTls({ ...good, ca: '' }), /the CA file holds no certificate in PEM form/],
    ['a bad CA', () => connectingTls({ mode: 'verify-ca', ca: 'x' }), /the CA file holds no certificate in PEM form/],
    [
      'a certificate alone',
      () => connectingTls({ mode: 'prefer', certificate }),
      /a TLS certificate, but no key for it/,
    ],
    ['a key alone', () => connectingTls({ mode: 'prefer', key }), /a TLS key, but no certificate for it/],
    ['unknown ciphers', () => acceptingTls({ ...good, ciphers: 'NO-SUCH' }), /^no such TLS ciphers: NO-SUCH$/],
    ['ciphers of TLS 1.3', () => acceptingTls({ ...good, ciphers: 'TLS_AES_256_GCM_SHA384' }), /can't be chosen/],
    ['an unknown curve', () => acceptingTls({ ...good, ecdhCurve: 'nonsense' }), /^no such curve for TLS: nonsense$/],
    ['no curve', () => acceptingTls({ ...good, ecdhCurve: 'none' }), /TLS without ECDH is not possible/],
    ['unknown protocols', () => connectingTls({ mode: 'prefer', protocols: 'ssl' }), /"ssl" is no TLS protocol/],
  ]
  for (const [what, make, message] of bad) {
    it(`is refused with ${what}, and without a word of the key`, () => {
      assert.throws(make, (error: Error & { code: string }) => {
        assert.equal(error.code, 'bad_configuration')
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /BEGIN/)
        return true
      })
    })
  }
})
