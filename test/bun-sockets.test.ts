/** What src/net relies on and no type or document of Bun promises: a new version of Bun must not change it unnoticed. */

import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { connectPeer, type Peer } from './support/net-peer.ts'

type Raw = Bun.Socket<Hooks>

/** What a test wants to happen in the callbacks of one connection. */
interface Hooks {
  data?: (bytes: Buffer) => void
  drain?: () => void
  end?: () => void
  close?: (error?: Error) => void
  error?: (error: Error) => void
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A promise, and the function that settles it. */
function signal<T = void>(): { promise: Promise<T>; fire: (value: T) => void } {
  let fire: (value: T) => void = () => undefined
  const promise = new Promise<T>((resolve) => (fire = resolve))
  return { promise, fire }
}

const codeOf = (error: NodeJS.ErrnoException | undefined): string | undefined => error?.code

describe("Bun's sockets", () => {
  let listener: Bun.TCPSocketListener<Hooks>
  let raws: Raw[]
  let peers: Peer[]

  beforeEach(() => {
    raws = []
    peers = []
    listener = Bun.listen<Hooks>({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        binaryType: 'buffer',
        open(raw) {
          raw.data = {}
          raws.push(raw)
        },
        data: (raw, bytes) => raw.data.data?.(bytes),
        drain: (raw) => raw.data.drain?.(),
        end: (raw) => raw.data.end?.(),
        close: (raw, error) => raw.data.close?.(error),
        error: (raw, error) => raw.data.error?.(error),
      },
    })
  })

  afterEach(() => {
    for (const raw of raws) raw.terminate()
    for (const { socket } of peers) socket.destroy()
    listener.stop(true)
  })

  async function join(isReading = true): Promise<{ raw: Raw; hooks: Hooks; peer: Peer }> {
    const known = raws.length
    const peer = await connectPeer(listener.port, isReading)
    peers.push(peer)
    while (raws.length === known) await turn()
    const raw = raws[known] as Raw
    return { raw, hooks: raw.data, peer }
  }

  const big = Buffer.alloc(32 * 2 ** 20, 'x')

  it('write takes what the kernel takes, then 0, buffers nothing, and drain says when there is room', async () => {
    const { raw, hooks, peer } = await join(false)
    const drained = signal()
    hooks.drain = () => drained.fire()
    const taken = raw.write(big)
    assert.ok(taken > 0 && taken < big.length, `${taken} of ${big.length}`)
    assert.equal(raw.write(big), 0)
    peer.read()
    await drained.promise
    assert.ok(raw.write(Buffer.from('y')) > 0)
    raw.end()
    assert.equal(await peer.ended, 'end')
    assert.equal(peer.received.length, taken + 1)
  })

  it('write, pause, resume, shutdown, end and terminate are harmless on a closed socket; write answers -1', async () => {
    const { raw, hooks } = await join()
    const closed = signal<Error | undefined>()
    hooks.close = closed.fire
    raw.terminate()
    await closed.promise
    assert.equal(raw.write(Buffer.from('x')), -1)
    raw.pause()
    raw.resume()
    raw.shutdown()
    raw.end()
    raw.terminate()
  })

  it('setImmediate runs after all callbacks of a turn, microtasks after each', async () => {
    const joined = await Promise.all(Array.from({ length: 8 }, () => join()))
    const order: string[] = []
    const done = signal()
    for (const { hooks } of joined) {
      hooks.data = () => {
        if (order.length === 0) setImmediate(done.fire)
        order.push('data')
        queueMicrotask(() => order.push('microtask'))
      }
    }
    const sent = joined.map(({ peer }) => new Promise((resolve) => peer.socket.write('x', resolve)))
    await Promise.all(sent)
    await done.promise
    const pairs = order.length / 2
    assert.deepEqual(order, Array.from({ length: pairs }, () => ['data', 'microtask']).flat())
  })

  it('pause inside of data is immediate, and resume brings the rest', async () => {
    const { raw, hooks, peer } = await join()
    let received = 0
    let calls = 0
    const first = signal()
    hooks.data = (bytes) => {
      calls++
      received += bytes.length
      raw.pause()
      first.fire()
    }
    peer.socket.write(big)
    await first.promise
    for (let turns = 0; turns < 20; turns++) await turn()
    assert.equal(calls, 1)
    const rest = signal()
    hooks.data = (bytes) => {
      received += bytes.length
      if (received === big.length) rest.fire()
    }
    raw.resume()
    await rest.promise
  })

  it('a chunk belongs to whoever gets it: later ones do not overwrite it', async () => {
    const { hooks, peer } = await join()
    const chunks: Buffer[] = []
    let next = signal()
    hooks.data = (bytes) => {
      chunks.push(bytes)
      next.fire()
    }
    for (const text of ['first', 'other']) {
      peer.socket.write(text)
      await next.promise
      next = signal()
    }
    assert.deepEqual(chunks.map(String), ['first', 'other'])
    assert.equal(chunks[0]?.byteOffset, 0)
  })

  it('FIN is end, then close without an error', async () => {
    const { hooks, peer } = await join()
    const events: string[] = []
    const closed = signal()
    hooks.end = () => events.push('end')
    hooks.close = (error) => {
      events.push(`close ${codeOf(error)}`)
      closed.fire()
    }
    peer.socket.end()
    await closed.promise
    assert.deepEqual(events, ['end', 'close undefined'])
  })

  it('a reset is close with ECONNRESET, also while paused', async () => {
    for (const isPaused of [false, true]) {
      const { raw, hooks, peer } = await join()
      const closed = signal<Error | undefined>()
      hooks.close = closed.fire
      if (isPaused) raw.pause()
      peer.socket.resetAndDestroy()
      assert.equal(codeOf(await closed.promise), 'ECONNRESET')
    }
  })

  it('terminate resets, end and close send FIN', async () => {
    for (const [call, expected] of [
      ['terminate', 'ECONNRESET'],
      ['end', 'end'],
      ['close', 'end'],
    ] as const) {
      const { raw, peer } = await join()
      raw[call]()
      assert.equal(await peer.ended, expected, call)
    }
  })

  it('shutdown sends FIN and goes on reading; the FIN of the peer is then close without an end', async () => {
    const { raw, hooks, peer } = await join()
    const events: string[] = []
    const closed = signal()
    const received = signal()
    hooks.data = (bytes) => {
      events.push(String(bytes))
      received.fire()
    }
    hooks.end = () => events.push('end')
    hooks.close = (error) => {
      events.push(`close ${codeOf(error)}`)
      closed.fire()
    }
    raw.write(Buffer.from('last'))
    raw.shutdown()
    assert.equal(await peer.ended, 'end')
    peer.socket.write('late')
    await received.promise
    peer.socket.end()
    await closed.promise
    assert.deepEqual([peer.received.toString(), events], ['last', ['late', 'close undefined']])
  })

  it('an exception in a callback goes to error, and the connection lives on', async () => {
    const { raw, hooks, peer } = await join()
    const failed = signal<Error>()
    hooks.error = failed.fire
    hooks.data = () => {
      throw new Error('bug')
    }
    peer.socket.write('x')
    assert.equal((await failed.promise).message, 'bug')
    raw.write(Buffer.from('alive'))
    await peer.until(5)
  })

  it('close is called from inside of terminate', async () => {
    const { raw, hooks } = await join()
    const events: string[] = []
    hooks.close = () => events.push('close')
    raw.terminate()
    events.push('terminate returns')
    await turn()
    assert.deepEqual(events, ['close', 'terminate returns'])
  })
})
