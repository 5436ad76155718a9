import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import { makeCertificate } from './certificate.ts'

describe('makeCertificate', () => {
  it('is signed by its own key, and holds today', () => {
    const now = new Date('2031-02-03T04:05:06Z')
    const { certificate, key } = makeCertificate(now)
    const parsed = new X509Certificate(certificate)
    assert.equal(parsed.subject, 'CN=localhost')
    assert.ok(parsed.verify(parsed.publicKey))
    assert.ok(parsed.checkPrivateKey(createPrivateKey(key)))
    assert.deepEqual(
      [new Date(parsed.validFrom), new Date(parsed.validTo)],
      [new Date('2031-02-02T04:05:06Z'), new Date('2031-02-04T04:05:06Z')],
    )
  })
})
