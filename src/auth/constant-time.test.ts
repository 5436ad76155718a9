import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { areEqual } from './constant-time.ts'

describe('areEqual', () => {
  it('sees any difference, also of length', () => {
    const secret = Buffer.from('secret')
    assert.ok(areEqual(secret, Buffer.from('secret')))
    assert.ok(areEqual(Buffer.alloc(0), Buffer.alloc(0)))
    const lastBytes = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== secret[5])
    const others = lastBytes.map((byte) => Buffer.from([...secret.subarray(0, 5), byte]))
    const different = [...others, secret.subarray(1), Buffer.from('secret\0'), Buffer.from('Secret'), Buffer.alloc(0)]
    for (const other of different) assert.ok(!areEqual(secret, other), other.toString())
  })
})
