import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { Deadlines } from '../time.ts'
import { Resolver, type ResolverOptions } from './resolve.ts'

describe('the resolver', () => {
  let nowMs: number
  let deadlines: Deadlines
  let asked: { name: string; answer: (addresses: string[]) => void; fail: (code: string) => void }[]
  let changes: string[]
  let resolver: Resolver

  beforeEach(() => {
    nowMs = 1_000
    deadlines = new Deadlines(nowMs)
    asked = []
    changes = []
    const options: ResolverOptions = {
      maxTtlMs: 15_000,
      nxdomainTtlMs: 5_000,
      timeoutMs: 2_000,
      now: () => nowMs,
      deadlines,
      changed: (name, addresses) => changes.push(`${name} ${addresses.join()}`),
      lookup: (name) =>
        new Promise((resolve, reject) => {
          const fail = (code: string): void => reject(Object.assign(new Error('x'), { code }))
          asked.push({ name, answer: resolve, fail })
        }),
    }
    resolver = new Resolver(options)
  })

  /** Lets promises and deadlines happen. */
  async function pass(ms = 0): Promise<void> {
    nowMs += ms
    deadlines.advance(nowMs)
    for (let turns = 0; turns < 10; turns++) await Promise.resolve()
  }

  /** What becomes of a question: addresses, an error's text, or `waits`. */
  function ask(name = 'db'): { outcome: string } {
    const seen = { outcome: 'waits' }
    resolver.resolve(name).then(
      (addresses) => (seen.outcome = addresses.join()),
      (error: unknown) => (seen.outcome = (error as Error).message),
    )
    return seen
  }

  /** A question that is answered. */
  async function learn(...addresses: string[]): Promise<void> {
    const known = asked.length
    const seen = ask()
    await pass()
    asked[known]?.answer(addresses)
    await pass()
    assert.equal(seen.outcome, addresses.join())
  }

  it('asks nobody for an address', async () => {
    const seen = [ask('127.0.0.1'), ask('::1')]
    await pass()
    assert.deepEqual(
      [seen.map(({ outcome }) => outcome), asked.length, resolver.hosts()],
      [['127.0.0.1', '::1'], 0, []],
    )
  })

  it('asks once for all who want to know at the same time, and gives all addresses', async () => {
    const seen = [ask(), ask(), ask('other')]
    await pass()
    assert.deepEqual(
      asked.map(({ name }) => name),
      ['db', 'other'],
    )
    asked[0]?.answer(['10.0.0.1', '10.0.0.2'])
    await pass()
    assert.deepEqual(
      seen.map(({ outcome }) => outcome),
      ['10.0.0.1,10.0.0.2', '10.0.0.1,10.0.0.2', 'waits'],
    )
  })

  it('asks again when the time is up, and not before', async () => {
    await learn('10.0.0.1')
    await pass(14_999)
    const before = ask()
    await pass()
    assert.deepEqual([before.outcome, asked.length], ['10.0.0.1', 1])
    await pass(1)
    await learn('10.0.0.2')
    assert.equal(asked.length, 2)
  })

  it('says why a name has no address, and does not ask again for a while', async () => {
    const first = ask()
    await pass()
    asked[0]?.fail('ENOTFOUND')
    await pass()
    await pass(4_999)
    const second = ask()
    await pass()
    const message = 'cannot find the address of db: ENOTFOUND'
    assert.deepEqual([first.outcome, second.outcome, asked.length], [message, message, 1])
    await pass(1)
    await learn('10.0.0.1')
  })

  it('takes an empty answer for none', async () => {
    const seen = ask()
    await pass()
    asked[0]?.answer([])
    await pass()
    assert.equal(seen.outcome, 'cannot find the address of db: it has no address')
  })

  it('goes on with the last good answer when the system fails, and asks again after a while', async () => {
    await learn('10.0.0.1')
    await pass(15_000)
    const seen = ask()
    await pass()
    assert.equal(seen.outcome, 'waits')
    asked[1]?.fail('EAI_AGAIN')
    await pass()
    assert.equal(seen.outcome, '10.0.0.1')
    await pass(4_999)
    ask()
    await pass()
    assert.equal(asked.length, 2)
    await pass(1)
    await learn('10.0.0.2')
    assert.equal(asked.length, 3)
  })

  it('gives the last good answer, or an error, when the system does not answer in time', async () => {
    const first = ask()
    await pass(1_999)
    assert.equal(first.outcome, 'waits')
    await pass(1)
    assert.equal(first.outcome, 'cannot find the address of db: no answer within 2000 ms')
    asked[0]?.answer(['10.0.0.1'])
    await pass()
    await pass(15_000)
    const second = ask()
    await pass(2_000)
    assert.equal(second.outcome, '10.0.0.1')
  })

  it('never asks twice at a time: an answer that comes too late still counts', async () => {
    ask()
    await pass(2_000)
    await pass(5_000)
    const again = ask()
    await pass(1_000)
    assert.deepEqual([again.outcome, asked.length], ['waits', 1])
    asked[0]?.answer(['10.0.0.1'])
    await pass()
    assert.deepEqual([again.outcome, deadlines.size], ['10.0.0.1', 0])
  })

  it('says when a name has other addresses than before', async () => {
    await learn('10.0.0.1', '10.0.0.2')
    await pass(15_000)
    await learn('10.0.0.2', '10.0.0.1')
    assert.deepEqual(changes, [])
    await pass(15_000)
    await learn('10.0.0.3')
    assert.deepEqual(changes, ['db 10.0.0.3'])
    await pass(15_000)
    ask()
    await pass()
    asked.at(-1)?.fail('ENOTFOUND')
    await pass()
    assert.deepEqual(changes, ['db 10.0.0.3'])
  })

  it('shows what it knows', async () => {
    await learn('10.0.0.1')
    ask('other')
    await pass(5_000)
    assert.deepEqual(resolver.hosts(), [
      { name: 'db', ttlMs: 10_000, addresses: ['10.0.0.1'] },
      { name: 'other', ttlMs: 5_000, addresses: [] },
    ])
    await pass(20_000)
    assert.deepEqual(resolver.hosts()[0], { name: 'db', ttlMs: 0, addresses: ['10.0.0.1'] })
  })

  it('takes other settings at any time', async () => {
    resolver.settings = { maxTtlMs: 0, nxdomainTtlMs: 0, timeoutMs: 10 }
    await learn('10.0.0.1')
    await learn('10.0.0.2')
    assert.equal(asked.length, 2)
    const seen = ask('other')
    await pass(10)
    assert.match(seen.outcome, /within 10 ms/)
  })
})
