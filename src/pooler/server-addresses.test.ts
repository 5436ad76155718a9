import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ServerAddresses } from './server-addresses.ts'

const [one, two, three] = [1, 2, 3].map((port) => ({ host: 'db', port })) as [Address, Address, Address]
type Address = { host: string; port: number }

describe('ServerAddresses', () => {
  it('sends each new server to the next address, whatever has failed', () => {
    const addresses = new ServerAddresses([one, two, three], 'round-robin')
    const taken = [addresses.take(), addresses.take()]
    addresses.failed(two)
    assert.deepEqual([...taken, addresses.take(), addresses.take()], [one, two, three, one])
  })

  it('sends all to one until that fails, if balancing is disabled', () => {
    const addresses = new ServerAddresses([one, two], 'disable')
    assert.deepEqual([addresses.take(), addresses.take()], [one, one])
    addresses.failed(one)
    addresses.failed(one)
    assert.deepEqual([addresses.take(), addresses.take()], [two, two])
    addresses.failed(two)
    assert.equal(addresses.take(), one)
  })
})
