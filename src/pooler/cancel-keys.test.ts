import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CancelKeys } from './cancel-keys.ts'
import type { PooledClient } from './pooled-client.ts'

const clientNamed = (id: number): PooledClient => ({ id }) as unknown as PooledClient

describe('CancelKeys', () => {
  it('finds the client that a key was given to', () => {
    const keys = new CancelKeys()
    const holders = [1, 2, 3].map(clientNamed)
    const issued = holders.map((client) => keys.issue(client, 4))
    assert.deepEqual(
      issued.map(({ processId, secret }) => keys.find(processId, Buffer.from(secret))),
      holders,
    )
  })

  it('finds nobody for a wrong secret, one of another length, or a process id that nobody has', () => {
    const keys = new CancelKeys()
    const [one, other] = [keys.issue(clientNamed(1), 4), keys.issue(clientNamed(2), 4)]
    const wrong = Buffer.from(one.secret)
    wrong[3] = (wrong[3] as number) ^ 1
    const secrets = [wrong, other.secret, Buffer.alloc(0), one.secret.subarray(1), Buffer.concat([one.secret, wrong])]
    assert.deepEqual(
      secrets.map((secret) => keys.find(one.processId, secret)),
      secrets.map(() => undefined),
    )
    assert.equal(keys.find(0, one.secret), undefined)
  })

  it('finds nobody once a key is revoked', () => {
    const keys = new CancelKeys()
    const key = keys.issue(clientNamed(1), 4)
    keys.revoke(key)
    assert.equal(keys.find(key.processId, key.secret), undefined)
  })

  it('gives every client a positive process id and a secret of its own', () => {
    const keys = new CancelKeys()
    const issued = Array.from({ length: 2_000 }, (_, index) => keys.issue(clientNamed(index), 4))
    assert.equal(new Set(issued.map(({ processId }) => processId)).size, 2_000)
    assert.equal(new Set(issued.map(({ secret }) => secret.toString('hex'))).size, 2_000)
    assert.ok(issued.every(({ processId, secret }) => processId > 0 && processId < 2 ** 31 && secret.length === 4))
  })

  it('gives secrets of the length asked for, of which no two have bytes in common', () => {
    const keys = new CancelKeys()
    const secrets = Array.from({ length: 300 }, (_, index) => keys.issue(clientNamed(index), index % 2 ? 32 : 4).secret)
    assert.ok(secrets.every((secret, index) => secret.length === (index % 2 ? 32 : 4)))
    assert.equal(new Set(secrets.map((secret) => secret.toString('hex', 0, 4))).size, 300)
  })

  it('keeps the others of a bucket when one is revoked, first or last, and revokes a key once', () => {
    const keys = new CancelKeys()
    const many = Array.from({ length: 20_000 }, (_, index) => keys.issue(clientNamed(index), 4))
    const isRevoked = (index: number): boolean => index % 3 !== 1
    for (const [index, key] of many.entries()) if (isRevoked(index)) keys.revoke(key)
    for (const key of many.slice(0, 10)) if (isRevoked(many.indexOf(key))) keys.revoke(key)
    const found = many.map(({ processId, secret }) => keys.find(processId, secret)?.id)
    assert.deepEqual(
      found,
      many.map((_, index) => (isRevoked(index) ? undefined : index)),
    )
  })
})
