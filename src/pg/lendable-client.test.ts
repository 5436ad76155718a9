import { strict as assert } from 'node:assert'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'
import { Slot } from '../engine/slot.ts'
import { Deadline } from '../time.ts'
import { LendableClient } from './lendable-client.ts'
import type { PgClient } from './pg-client.ts'

describe('a client that is lent', () => {
  it('has the getters of all others: with its own it would be a slow object to V8, in all that pg does with it, too', () => {
    const [one, other] = [clientOfAPool(), clientOfAPool()].map((client) =>
      Object.getOwnPropertyDescriptor(client, Symbol.asyncDispose),
    )
    assert.ok(one)
    assert.deepEqual(one, other)
  })

  it('can be made disposable in another way, as applications do with pg’s', () => {
    const client = clientOfAPool() as PgClient & AsyncDisposable
    const dispose = async (): Promise<void> => undefined
    Object.assign(client, { [Symbol.asyncDispose]: dispose })
    assert.equal(client[Symbol.asyncDispose], dispose)
  })

  it('is found again by its client, also through a proxy', () => {
    const client = clientOfAPool()
    const found = LendableClient.of(client)
    assert.equal(found?.client, client)
    assert.equal(LendableClient.of(new Proxy(client as object, {}) as PgClient), found)
  })
})

function clientOfAPool(): PgClient {
  const client = new EventEmitter() as unknown as PgClient
  return new LendableClient(client, new Slot(() => new Deadline(() => undefined))).client
}
