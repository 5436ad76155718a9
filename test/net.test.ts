import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import * as fc from 'fast-check'
import type { TaxirankError } from '../src/errors.ts'
import { connect } from '../src/net/connect.ts'
import { listen, type Listener } from '../src/net/listen.ts'
import { bulkBytes } from '../src/net/reading-turns.ts'
import { rawHandlers, Socket, type SocketHandler } from '../src/net/socket.ts'
import { now } from '../src/net/turn.ts'
import { openDeafPort } from './support/deaf-port.ts'
import { connectPeer, listenForPeers, type Peer } from './support/net-peer.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Notes what happens to a socket. */
class Notes implements SocketHandler {
  readonly events: string[] = []
  readonly chunks: Buffer[] = []
  readonly isClosed: Promise<void>
  onReceived: (bytes: Buffer) => void = () => undefined
  onBlocked: () => void = () => undefined
  onDrained: () => void = () => undefined
  onClosed: () => void = () => undefined
  #close: () => void = () => undefined
  readonly #watchers: { readonly event: string; readonly wake: () => void }[] = []

  constructor() {
    this.isClosed = new Promise((resolve) => (this.#close = resolve))
  }

  /** Already, or as soon as it happens. */
  async until(event: string): Promise<void> {
    if (this.events.includes(event)) return
    await new Promise<void>((wake) => this.#watchers.push({ event, wake }))
  }

  received(bytes: Buffer): void {
    this.chunks.push(bytes)
    this.#note('received')
    this.onReceived(bytes)
  }

  blocked(): void {
    this.#note('blocked')
    this.onBlocked()
  }

  drained(): void {
    this.#note('drained')
    this.onDrained()
  }

  closed(cause: Error | undefined): void {
    this.#note(`closed ${cause ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : 'cleanly'}`)
    this.#close()
    this.onClosed()
  }

  crashed(error: unknown): void {
    this.#note(`crashed ${(error as Error).message}`)
  }

  #note(event: string): void {
    if (event !== this.events.at(-1)) this.events.push(event)
    for (const { wake } of this.#watchers.filter((watcher) => watcher.event === event)) wake()
  }
}

/** A runtime socket that takes as many bytes of each write as it is told to; behind those, all. */
class FakeRaw {
  data: Socket | undefined
  readonly writes: Uint8Array[] = []
  readonly taken: Buffer[] = []
  readonly calls: string[] = []
  readonly #accepts: number[]

  constructor(...accepts: number[]) {
    this.#accepts = accepts
  }

  write(bytes: Uint8Array): number {
    const accepted = Math.min(this.#accepts.shift() ?? Infinity, bytes.length)
    this.writes.push(bytes)
    if (accepted > 0) this.taken.push(Buffer.from(bytes.subarray(0, accepted)))
    return accepted
  }

  pause(): void {
    this.calls.push('pause')
  }

  resume(): void {
    this.calls.push('resume')
  }

  terminate(): void {}

  shutdown(): void {
    this.calls.push('shutdown')
  }
}

function fakeSocket(...accepts: number[]): { raw: FakeRaw; socket: Socket; notes: Notes } {
  const raw = new FakeRaw(...accepts)
  const socket = new Socket(raw as unknown as Bun.Socket<Socket>)
  raw.data = socket
  const notes = new Notes()
  socket.handler = notes
  return { raw, socket, notes }
}

const asRaw = (raw: FakeRaw): Bun.Socket<Socket> => raw as unknown as Bun.Socket<Socket>

describe('writing', () => {
  it('sends what one callback queues as one write per socket, when the callback returns', () => {
    const [from, one, other] = [fakeSocket(), fakeSocket(), fakeSocket()]
    from.notes.onReceived = () => {
      for (const text of ['a', 'b', 'c']) {
        one.socket.write(Buffer.from(text))
        other.socket.write(Buffer.from(text.toUpperCase()))
      }
      assert.deepEqual([one.raw.writes, other.raw.writes], [[], []])
    }
    rawHandlers.data(asRaw(from.raw), Buffer.from('x'))
    assert.deepEqual(one.raw.writes.map(String), ['abc'])
    assert.deepEqual(other.raw.writes.map(String), ['ABC'])
    assert.deepEqual([one.notes.events, other.notes.events], [[], []])
  })

  it('sends what is written behind a reset in the middle of a flush', async () => {
    const [from, reset, other] = [fakeSocket(), fakeSocket(0), fakeSocket()]
    reset.raw.terminate = () => rawHandlers.close(asRaw(reset.raw))
    reset.notes.onBlocked = () => {
      reset.socket.reset()
      other.socket.write(Buffer.from('told'))
    }
    from.notes.onReceived = () => reset.socket.write(Buffer.from('x'))
    rawHandlers.data(asRaw(from.raw), Buffer.from('go'))
    await turn()
    other.socket.write(Buffer.from('again'))
    await turn()
    assert.deepEqual(other.raw.writes.map(String), ['told', 'again'])
  })

  it('sends what is queued outside of a callback as one write at the end of the turn', async () => {
    const { raw, socket } = fakeSocket()
    for (const text of ['a', 'b', 'c']) socket.write(Buffer.from(text))
    await Promise.resolve()
    assert.deepEqual(raw.writes, [])
    await turn()
    assert.deepEqual(raw.writes.map(String), ['abc'])
  })

  it('flushes in a callback what was queued outside before, and nothing twice', async () => {
    const [from, to] = [fakeSocket(), fakeSocket()]
    to.socket.write(Buffer.from('a'))
    rawHandlers.data(asRaw(from.raw), Buffer.from('x'))
    assert.deepEqual(to.raw.writes.map(String), ['a'])
    await turn()
    assert.deepEqual(to.raw.writes.map(String), ['a'])
  })

  it('copies nothing when much is queued', () => {
    const [from, to] = [fakeSocket(), fakeSocket()]
    const buffers = [40_000, 40_000, 10].map((size) => Buffer.alloc(size, 'x'))
    from.notes.onReceived = () => {
      for (const bytes of buffers) to.socket.write(bytes)
    }
    rawHandlers.data(asRaw(from.raw), Buffer.from('x'))
    assert.equal(to.raw.writes[0], buffers[0])
    assert.deepEqual(
      to.raw.writes.map(({ length }) => length),
      [40_000, 40_010],
    )
  })

  it('keeps what is not taken, says so once, and goes on when there is room', () => {
    const { raw, socket, notes } = fakeSocket(4, 0, 1)
    notes.onReceived = (bytes) => socket.write(bytes)
    rawHandlers.data(asRaw(raw), Buffer.from('abcdef'))
    assert.deepEqual([notes.events, socket.pendingBytes, socket.isBlocked], [['received', 'blocked'], 2, true])
    socket.write(Buffer.from('gh'))
    rawHandlers.drain(asRaw(raw))
    rawHandlers.drain(asRaw(raw))
    assert.deepEqual([notes.events, socket.pendingBytes, socket.isBlocked], [['received', 'blocked'], 3, true])
    rawHandlers.drain(asRaw(raw))
    const events = ['received', 'blocked', 'drained']
    assert.deepEqual([notes.events, socket.pendingBytes, socket.isBlocked], [events, 0, false])
    assert.equal(Buffer.concat(raw.taken).toString(), 'abcdefgh')
  })

  it('keeps the order of the bytes, whatever the kernel takes and when', () => {
    const step = fc.record({ write: fc.nat({ max: 300 }), accept: fc.option(fc.nat({ max: 400 })) })
    const property = fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const { raw, socket } = fakeSocket(...steps.map(({ accept }) => accept ?? Infinity))
      const sent: Buffer[] = []
      for (const [index, { write }] of steps.entries()) {
        const bytes = Buffer.alloc(write, index + 1)
        sent.push(bytes)
        socket.write(bytes)
        if (index % 2 === 0) rawHandlers.drain(asRaw(raw))
        if (index % 3 === 0) socket.flush()
      }
      for (let tries = 0; tries < 100 && socket.pendingBytes > 0; tries++) {
        socket.flush()
        rawHandlers.drain(asRaw(raw))
      }
      assert.deepEqual(Buffer.concat(raw.taken), Buffer.concat(sent))
      assert.deepEqual([socket.pendingBytes, socket.isBlocked], [0, false])
    })
    fc.assert(property)
  })

  it('reads on when it ends, to see the end of the peer', () => {
    const { raw, socket } = fakeSocket()
    socket.pause()
    socket.end()
    socket.flush()
    rawHandlers.close(asRaw(raw))
    assert.deepEqual(raw.calls, ['pause', 'resume', 'shutdown'])
  })

  it('forgets everything when the socket turns out to be closed', () => {
    const { raw, socket, notes } = fakeSocket(-1)
    socket.write(Buffer.from('lost'))
    socket.flush()
    assert.deepEqual([socket.pendingBytes, raw.writes.length, notes.events], [0, 1, []])
  })

  it('reads on when the socket turns out to be closed, whoever pauses it, to be told of its end', () => {
    const { raw, socket, notes } = fakeSocket(3, -1)
    socket.write(Buffer.from('lost'))
    socket.flush()
    socket.pause()
    socket.rawDrained()
    socket.flush()
    socket.pause()
    socket.write(Buffer.from('more'))
    socket.rawReceived(Buffer.from('last words'))
    socket.rawClosed(undefined)
    assert.deepEqual([raw.calls, raw.writes.length], [['pause', 'resume'], 2])
    assert.deepEqual(notes.events, ['blocked', 'received', 'closed cleanly'])
  })

  for (const how of ['end', 'close'] as const) {
    it(`resets a socket that turned out to be closed on ${how}: nobody waits for its peer`, () => {
      const { raw, socket } = fakeSocket(-1)
      let isTerminated = false
      raw.terminate = () => (isTerminated = true)
      socket.write(Buffer.from('lost'))
      socket.flush()
      socket[how]()
      assert.equal(isTerminated, true)
    })
  }

  it('goes on, and so does time, when a handler throws even at being told of its bug', async () => {
    const [broken, waiting, other] = [fakeSocket(), fakeSocket(), fakeSocket()]
    broken.notes.onReceived = () => {
      waiting.socket.write(Buffer.from('before'))
      throw new Error('bug')
    }
    broken.notes.crashed = () => {
      throw new Error('another')
    }
    assert.throws(() => rawHandlers.data(asRaw(broken.raw), Buffer.from('x')), /another/)
    const then = now()
    await Bun.sleep(5)
    assert.ok(now() > then)
    other.notes.onReceived = () => other.socket.write(Buffer.from('pong'))
    rawHandlers.data(asRaw(other.raw), Buffer.from('ping'))
    assert.deepEqual([waiting.raw.writes.map(String), other.raw.writes.map(String)], [['before'], ['pong']])
  })
})

describe('a connection', () => {
  let listener: Listener
  let accepted: { socket: Socket; notes: Notes }[]
  let peers: Peer[]
  /** What becomes of the handler of the next connection. */
  let prepare: (notes: Notes, socket: Socket) => void

  beforeEach(() => {
    accepted = []
    peers = []
    prepare = () => undefined
    listener = listen({ host: '127.0.0.1', port: 0 }, (socket) => {
      const notes = new Notes()
      prepare(notes, socket)
      accepted.push({ socket, notes })
      return notes
    })
  })

  afterEach(() => {
    listener.stop()
    for (const { socket } of accepted) socket.reset()
    for (const { socket } of peers) socket.destroy()
  })

  /** A peer and our end of its connection. */
  type Joined = { peer: Peer; socket: Socket; notes: Notes }

  async function join(isReading = true): Promise<Joined> {
    const known = accepted.length
    const peer = await connectPeer(listener.port, isReading)
    peers.push(peer)
    while (accepted.length === known) await turn()
    return { peer, ...(accepted[known] as { socket: Socket; notes: Notes }) }
  }

  /** One after the other: so it is known which end belongs to which. */
  async function joinAll(count: number): Promise<Joined[]> {
    const all: Joined[] = []
    while (all.length < count) all.push(await join())
    return all
  }

  const lengthOf = (chunks: readonly Buffer[]): number => chunks.reduce((sum, { length }) => sum + length, 0)

  const big = Buffer.alloc(8 * 2 ** 20)
  for (let at = 0; at < big.length; at += 4) big.writeUInt32BE(at, at)

  it('brings bytes both ways and names its peer', async () => {
    const { peer, socket, notes } = await join()
    assert.deepEqual([socket.remoteAddress, socket.remotePort], ['127.0.0.1', peer.socket.localPort])
    peer.socket.write('ping')
    await notes.until('received')
    assert.equal(Buffer.concat(notes.chunks).toString(), 'ping')
    socket.write(Buffer.from('pong'))
    await peer.until(4)
    assert.equal(peer.received.toString(), 'pong')
  })

  it('delivers what is written in a turn as one chunk', async () => {
    const { peer, socket } = await join()
    for (let written = 0; written < 100; written++) socket.write(Buffer.from('0123456789'))
    await peer.until(1_000)
    assert.deepEqual(
      peer.chunks.map(({ length }) => length),
      [1_000],
    )
  })

  it('is blocked by a peer that does not read, and delivers everything once it does', async () => {
    const { peer, socket, notes } = await join(false)
    socket.write(big)
    socket.write(big)
    await notes.until('blocked')
    assert.ok(socket.isBlocked && socket.pendingBytes > 0 && socket.pendingBytes < 2 * big.length)
    const pending = socket.pendingBytes
    await turn()
    assert.deepEqual([socket.pendingBytes, notes.events], [pending, ['blocked']])
    peer.read()
    await peer.until(2 * big.length)
    await notes.until('drained')
    assert.ok(peer.received.equals(Buffer.concat([big, big])))
    assert.deepEqual([notes.events, socket.pendingBytes, socket.isBlocked], [['blocked', 'drained'], 0, false])
  })

  it('hands out nothing while it is paused, and everything after', async () => {
    const { peer, socket, notes } = await join()
    socket.pause()
    socket.pause()
    peer.socket.write('ping')
    const other = await join()
    other.peer.socket.write('x')
    await other.notes.until('received')
    assert.deepEqual(notes.events, [])
    socket.resume()
    await notes.until('received')
    assert.equal(Buffer.concat(notes.chunks).toString(), 'ping')
  })

  it('paused inside of received, hands out no second chunk', async () => {
    const { peer, socket, notes } = await join()
    notes.onReceived = () => socket.pause()
    peer.socket.write(big)
    await notes.until('received')
    for (let turns = 0; turns < 20; turns++) await turn()
    assert.equal(notes.chunks.length, 1)
    notes.onReceived = () => undefined
    socket.resume()
    let total = 0
    while (total < big.length) {
      await turn()
      total = lengthOf(notes.chunks)
    }
    assert.ok(Buffer.concat(notes.chunks).equals(big))
  })

  it('of many that read in bulk, two do so in a turn once they are known; all get everything, who reads little as well', async () => {
    const bulky = await joinAll(12)
    const small = await join()
    const known = new Set<Notes>()
    let inTurn = 0
    let most = 0
    for (const { notes } of bulky) {
      notes.onReceived = ({ length }) => {
        // Who comes by the rest of a buffer reads little, and waits for nobody.
        if (length < bulkBytes) known.delete(notes)
        else if (known.has(notes)) most = Math.max(most, ++inTurn)
        else known.add(notes)
      }
    }
    for (const { peer } of bulky) peer.socket.write(big)
    const total = (): number => bulky.reduce((sum, { notes }) => sum + lengthOf(notes.chunks), 0)
    const whole = bulky.length * big.length
    let asked = 0
    let turns = 0
    while (total() < whole) {
      if (lengthOf(small.notes.chunks) === asked && total() < whole / 2) {
        small.peer.socket.write('?')
        asked++
      }
      await turn()
      inTurn = 0
      turns++
    }
    assert.equal(most, 2)
    assert.ok(asked > 5, `${asked} small reads in ${turns} turns`)
    for (const { notes } of bulky) assert.ok(Buffer.concat(notes.chunks).equals(big))
  })

  it('whose turn it is not is paused, resumed and reset by its owner all the same', async () => {
    const bulky = await joinAll(6)
    for (const { peer } of bulky) peer.socket.write(big)
    const [paused, ended, gone] = bulky as [Joined, Joined, Joined]
    while (bulky.some(({ notes }) => notes.chunks.length === 0)) await turn()
    paused.socket.pause()
    ended.socket.end()
    gone.socket.reset()
    await Promise.all([ended.notes.isClosed, gone.notes.isClosed])
    const others = bulky.slice(3)
    while (others.some(({ notes }) => lengthOf(notes.chunks) < big.length)) await turn()
    assert.ok(lengthOf(paused.notes.chunks) < big.length)
    paused.socket.resume()
    while (lengthOf(paused.notes.chunks) < big.length) await turn()
    assert.ok(Buffer.concat(paused.notes.chunks).equals(big))
  })

  describe('ends', () => {
    it('cleanly when the peer ends it', async () => {
      const { peer, notes } = await join()
      peer.socket.end()
      await notes.isClosed
      assert.deepEqual(notes.events, ['closed cleanly'])
    })

    it('with the reset when the peer resets it', async () => {
      const { peer, notes } = await join()
      peer.socket.resetAndDestroy()
      await notes.isClosed
      assert.deepEqual(notes.events, ['closed ECONNRESET'])
    })

    it('by end with everything that is queued, then FIN, also 8 MB', async () => {
      const { peer, socket, notes } = await join()
      socket.write(big)
      socket.write(Buffer.from('last words'))
      socket.end()
      assert.equal(await peer.ended, 'end')
      assert.ok(peer.received.equals(Buffer.concat([big, Buffer.from('last words')])))
      peer.socket.end()
      await notes.isClosed
      assert.equal(notes.events.at(-1), 'closed cleanly')
    })

    it('by end without a reset, though the peer goes on sending', async () => {
      const { peer, socket, notes } = await join()
      peer.socket.write(big)
      await notes.until('received')
      socket.write(Buffer.from('enough'))
      socket.end()
      const seen = notes.chunks.length
      assert.equal(await peer.ended, 'end')
      assert.equal(peer.received.toString(), 'enough')
      peer.socket.end()
      await notes.isClosed
      assert.deepEqual([notes.events.at(-1), notes.chunks.length], ['closed cleanly', seen])
    })

    it('by end also while it is paused', async () => {
      const { peer, socket, notes } = await join()
      socket.pause()
      peer.socket.write(big)
      socket.write(Buffer.from('enough'))
      socket.end()
      assert.equal(await peer.ended, 'end')
      peer.socket.end()
      await notes.isClosed
      assert.equal(notes.events.at(-1), 'closed cleanly')
    })

    it('by itself if the peer does not end its side within 2 s', async () => {
      const { peer, socket, notes } = await join()
      const before = performance.now()
      socket.end()
      assert.equal(await peer.ended, 'end')
      await notes.isClosed
      const waitedMs = performance.now() - before
      assert.ok(waitedMs > 1_900 && waitedMs < 10_000, `${waitedMs} ms`)
    })

    it('by close with FIN', async () => {
      const { peer, socket, notes } = await join()
      socket.close()
      assert.equal(await peer.ended, 'end')
      await notes.isClosed
      assert.deepEqual(notes.events, ['closed cleanly'])
    })

    it('by close with everything that is queued', async () => {
      const { peer, socket, notes } = await join()
      socket.write(big)
      socket.close()
      assert.equal(await peer.ended, 'end')
      assert.ok(peer.received.equals(big))
      peer.socket.end()
      await notes.isClosed
      assert.equal(notes.events.at(-1), 'closed cleanly')
    })

    it('by reset at once, for both, with the cause that is given', async () => {
      const { peer, socket, notes } = await join()
      socket.reset(new Error('because'))
      assert.equal(await peer.ended, 'ECONNRESET')
      await notes.isClosed
      assert.deepEqual(notes.events, ['closed because'])
    })

    it('once, and what is called afterwards does nothing', async () => {
      const { socket, notes } = await join()
      socket.reset()
      await notes.isClosed
      for (const call of ['reset', 'end', 'close', 'pause', 'resume', 'flush'] as const) socket[call]()
      socket.write(Buffer.from('x'))
      await turn()
      assert.deepEqual([notes.events, socket.pendingBytes], [['closed cleanly'], 0])
    })

    it('taking no more once it is ending', async () => {
      const { peer, socket } = await join()
      socket.write(Buffer.from('before'))
      socket.end()
      socket.write(Buffer.from('after'))
      assert.equal(await peer.ended, 'end')
      assert.equal(peer.received.toString(), 'before')
    })
  })

  describe('whose handler throws', () => {
    const bug = (): never => {
      throw new Error('bug')
    }

    /** Another connection still works. */
    async function assertOthersLive(): Promise<void> {
      const { peer, socket, notes } = await join()
      peer.socket.write('ping')
      await notes.until('received')
      socket.write(Buffer.from('pong'))
      await peer.until(4)
    }

    it('in received is reset, and no other', async () => {
      const other = await join()
      const { peer, notes } = await join()
      notes.onReceived = bug
      peer.socket.write('x')
      assert.equal(await peer.ended, 'ECONNRESET')
      await notes.isClosed
      assert.deepEqual(notes.events, ['received', 'crashed bug', 'closed bug'])
      other.peer.socket.write('x')
      await other.notes.until('received')
      assert.deepEqual(other.notes.events, ['received'])
      await assertOthersLive()
    })

    it('in blocked is reset, and no other', async () => {
      const { peer, socket, notes } = await join(false)
      notes.onBlocked = bug
      socket.write(big)
      socket.write(big)
      await notes.isClosed
      assert.deepEqual(notes.events, ['blocked', 'crashed bug', 'closed bug'])
      peer.read()
      assert.notEqual(await peer.ended, 'end')
      await assertOthersLive()
    })

    it('in drained is reset, and no other', async () => {
      const { peer, socket, notes } = await join(false)
      notes.onDrained = bug
      socket.write(big)
      socket.write(big)
      await notes.until('blocked')
      peer.read()
      await notes.isClosed
      assert.deepEqual(notes.events, ['blocked', 'drained', 'crashed bug', 'closed bug'])
      await assertOthersLive()
    })

    it('in closed does no harm', async () => {
      const { peer, notes } = await join()
      notes.onClosed = bug
      peer.socket.end()
      await notes.until('crashed bug')
      assert.deepEqual(notes.events, ['closed cleanly', 'crashed bug'])
      await assertOthersLive()
    })

    it('when it is accepted is reset, and the listener goes on', async () => {
      prepare = bug
      const peer = await connectPeer(listener.port)
      peers.push(peer)
      assert.equal(await peer.ended, 'ECONNRESET')
      prepare = () => undefined
      await assertOthersLive()
    })
  })

  describe('is listened for', () => {
    it('on a free port if none is asked for, until told to stop', async () => {
      assert.ok(listener.port > 0)
      const { peer, socket, notes } = await join()
      listener.stop()
      await assert.rejects(connectPeer(listener.port), { code: 'ECONNREFUSED' })
      peer.socket.write('ping')
      await notes.until('received')
      socket.write(Buffer.from('pong'))
      await peer.until(4)
    })

    it('on one port by one listener', () => {
      assert.throws(
        () => listen({ host: '127.0.0.1', port: listener.port }, () => new Notes()),
        (error: TaxirankError) => {
          const text = `cannot listen on 127.0.0.1:${listener.port}: EADDRINUSE (another program has this port)`
          assert.deepEqual([error.code, error.message], ['listen_failed', text])
          return true
        },
      )
    })
  })
})

describe('connecting', () => {
  /** Begins to connect, and notes which callback is called. */
  function start(port: number, timeoutMs = 5_000) {
    const notes = new Notes()
    const events: string[] = []
    let happened: () => void = () => undefined
    const settled = new Promise<void>((resolve) => (happened = resolve))
    const note = (event: string): void => {
      events.push(event)
      happened()
    }
    const connecting = connect(
      { host: '127.0.0.1', port, timeoutMs },
      () => {
        note('connected')
        return notes
      },
      (error) => note(`${error.code}: ${error.message}`),
    )
    assert.equal(events.length, 0, 'nothing is called before it returns')
    return { connecting, events, settled, notes }
  }

  async function withPeers(run: (peers: Awaited<ReturnType<typeof listenForPeers>>) => Promise<void>): Promise<void> {
    const peers = await listenForPeers()
    try {
      await run(peers)
    } finally {
      peers.close()
    }
  }

  it('gives a socket', () =>
    withPeers(async (peers) => {
      const { events, settled, notes } = start(peers.port)
      const peer = await peers.next()
      await settled
      peer.socket.write('hello')
      await notes.until('received')
      peer.socket.end()
      await notes.isClosed
      assert.deepEqual([events, notes.events], [['connected'], ['received', 'closed cleanly']])
    }))

  it('sends what is written by the handler it has just been given', () =>
    withPeers(async (peers) => {
      connect(
        { host: '127.0.0.1', port: peers.port, timeoutMs: 5_000 },
        (socket) => {
          socket.write(Buffer.from('first'))
          socket.write(Buffer.from(' words'))
          socket.end()
          return new Notes()
        },
        (error) => assert.fail(error),
      )
      const peer = await peers.next()
      assert.equal(await peer.ended, 'end')
      assert.equal(peer.received.toString(), 'first words')
      peer.socket.end()
    }))

  it('fails with the reason when nobody listens, once', async () => {
    let port = 0
    await withPeers((peers) => Promise.resolve(void (port = peers.port)))
    const { events, settled } = start(port)
    await settled
    await turn()
    const text = `server_connect_failed: cannot connect to 127.0.0.1:${port}: ECONNREFUSED`
    assert.deepEqual(events, [text])
  })

  it('fails when its time is up', async () => {
    const deaf = await openDeafPort()
    try {
      const { events, settled, notes } = start(deaf.port, 50)
      await settled
      const text = `server_connect_failed: cannot connect to 127.0.0.1:${deaf.port}: no answer within 50 ms`
      assert.deepEqual([events, notes.events], [[text], []])
    } finally {
      deaf.close()
    }
  })

  it('calls nobody once it is abandoned, and resets what comes about later', () =>
    withPeers(async (peers) => {
      const { connecting, events } = start(peers.port)
      connecting.abandon()
      connecting.abandon()
      const peer = await peers.next()
      assert.equal(await peer.ended, 'ECONNRESET')
      assert.deepEqual(events, [])
    }))

  it('calls nobody once it is abandoned, though it fails', async () => {
    let port = 0
    await withPeers((peers) => Promise.resolve(void (port = peers.port)))
    const { connecting, events } = start(port)
    connecting.abandon()
    const witness = start(port)
    await witness.settled
    await turn()
    assert.deepEqual([events, witness.events.length], [[], 1])
  })
})
