import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { afterEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { deadNetwork, faultKinds, type FaultKind, type Faults } from '../src/relay/faults.ts'
import type { Random } from '../src/random.ts'
import { startRelay, type Relay } from '../src/relay/relay.ts'

/** One end of a connection, with all that happened to it. */
interface End {
  received: Buffer[]
  /** The other side's FIN has come. */
  hasHeardEnd: boolean
  closed: 'open' | 'fin' | 'reset'
  socket: Bun.Socket<End>
}

const bytesOf = (end: End | undefined): Buffer => Buffer.concat(end?.received ?? [])
const handlers = (opened: (end: End) => void): Bun.SocketHandler<End> => ({
  end: (socket) => void (socket.data.hasHeardEnd = true),
  open(socket) {
    socket.data = { received: [], hasHeardEnd: false, closed: 'open', socket }
    opened(socket.data)
  },
  data: (socket, bytes) => void socket.data.received.push(Buffer.from(bytes)),
  close: (socket, error) => void (socket.data.closed = error ? 'reset' : 'fin'),
})

const noFaults = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>

async function until(what: string, holds: () => boolean): Promise<void> {
  const start = performance.now()
  while (!holds()) {
    assert.ok(performance.now() - start < 4000, `not within 4 s: ${what}`)
    await sleep(5)
  }
}

describe('a relay', () => {
  const cleanups: (() => void)[] = []
  afterEach(() => {
    for (const cleanup of cleanups.splice(0)) cleanup()
  })

  async function join(plan: (number: number, random: Random) => Faults, { seed = 1, allowHalfOpen = false } = {}) {
    const targets: End[] = []
    const listener = Bun.listen<End>({
      hostname: '127.0.0.1',
      port: 0,
      allowHalfOpen,
      socket: handlers((end) => targets.push(end)),
    })
    const relay: Relay = startRelay({ target: { host: '127.0.0.1', port: listener.port }, plan, seed })
    cleanups.push(
      () => listener.stop(true),
      () => relay.stop(),
    )
    const open = async (): Promise<End> => {
      const socket = await Bun.connect<End>({
        hostname: '127.0.0.1',
        port: relay.port,
        allowHalfOpen,
        socket: handlers(() => undefined),
      })
      return socket.data
    }
    const client = await open()
    await until('the target is connected', () => targets.length === 1)
    return { relay, client, open, targets, target: targets[0] as End }
  }

  it('is a way of some length: chunks arrive so much later, many at once, and the end behind them', async () => {
    const { relay, client, target } = await join(() => ({ fromClient: { latencyMs: 120 } }))
    const begun = performance.now()
    for (let n = 0; n < 10; n++) {
      client.socket.write(`${n}`)
      await sleep(5)
    }
    client.socket.end()
    const sentForMs = performance.now() - begun
    await sleep(115 - sentForMs)
    assert.equal(bytesOf(target).toString(), '')
    await until('all has arrived', () => target.hasHeardEnd || target.closed !== 'open')
    const tookMs = performance.now() - begun
    assert.ok(tookMs >= sentForMs + 115, `the end came after ${tookMs} ms, sent after ${sentForMs}`)
    assert.ok(tookMs < 10 * 120, `ten chunks took ${tookMs} ms, one after the other`)
    assert.deepEqual([bytesOf(target).toString(), relay.faults], ['0123456789', { ...noFaults, latency: 1 }])
  })

  it('passes bytes both ways unchanged, and FIN behind the last of them', async () => {
    const { relay, client, target } = await join(() => ({}))
    client.socket.write('to the target')
    target.socket.write('to the client')
    client.socket.end()
    await until('both are closed', () => client.closed !== 'open' && target.closed !== 'open')
    assert.equal(bytesOf(target).toString(), 'to the target')
    assert.equal(target.closed, 'fin')
    await until('nothing is left', () => relay.connections === 0)
    assert.deepEqual(relay.faults, noFaults)
  })

  it('counts what it forwards in each direction, and not what it loses', async () => {
    const { relay, client, target } = await join(() => ({ fromClient: { halfCloseAtByte: 7 } }))
    target.socket.write('to the client')
    client.socket.write('to the target')
    await until('both have come', () => bytesOf(target).length === 7 && bytesOf(client).length === 13)
    assert.deepEqual(relay.forwardedBytes, { fromClient: 7, fromTarget: 13 })
  })

  it('passes a reset on as a reset', async () => {
    const { client, target } = await join(() => ({}))
    client.socket.terminate()
    await until('the target is closed', () => target.closed !== 'open')
    assert.equal(target.closed, 'reset')
  })

  it('forwards what a client sent before it ended, even when the target was not connected yet', async () => {
    const { open, targets } = await join(() => ({}))
    const second = await open()
    second.socket.write('cancel')
    second.socket.end()
    await until('it arrived', () => targets[1]?.closed === 'fin')
    assert.equal(bytesOf(targets[1]).toString(), 'cancel')
  })

  it('keeps order and content when it delays, splits and throttles', async () => {
    const { relay, client, target } = await join(() => ({
      fromClient: { delayMs: 10, splitBytes: 7 },
      fromTarget: { bytesPerSecond: 100_000, splitBytes: 3000 },
    }))
    const sent = Array.from({ length: 40 }, (_, n) => `chunk ${n};`)
    for (const text of sent) {
      client.socket.write(text)
      await sleep(1)
    }
    target.socket.write(Buffer.alloc(20_000, 'x'))
    const start = performance.now()
    await until(
      'all arrived',
      () => bytesOf(target).length === sent.join('').length && bytesOf(client).length === 20_000,
    )
    assert.equal(bytesOf(target).toString(), sent.join(''))
    assert.ok(target.received.length > 40, `${target.received.length} pieces`)
    assert.ok(performance.now() - start > 100, 'throttled')
    assert.deepEqual(relay.faults, { ...noFaults, delay: 1, split: 2, throttle: 1 })
  })

  it('carries megabytes through a target that reads slowly, and holds only a bounded part of them', async () => {
    const { client, target } = await join(() => ({ fromClient: { splitBytes: 60_000 } }))
    const bytes = randomBytes(24_000_000)
    target.socket.pause()
    let sent = 0
    for (let stalledTurns = 0; stalledTurns < 40 && sent < bytes.length; stalledTurns++) {
      const taken = client.socket.write(bytes.subarray(sent))
      if (taken > 0) stalledTurns = 0
      sent += taken
      await sleep(5)
    }
    assert.ok(sent < bytes.length, 'the relay stopped reading')
    target.socket.resume()
    while (sent < bytes.length) {
      sent += client.socket.write(bytes.subarray(sent))
      await sleep(2)
    }
    await until('all arrived', () => target.received.reduce((sum, { length }) => sum + length, 0) === bytes.length)
    const digest = (content: Buffer): string => createHash('sha1').update(content).digest('hex')
    assert.equal(digest(bytesOf(target)), digest(bytes))
  })

  for (const side of ['fromClient', 'fromTarget'] as const) {
    it(`cuts ${side} at the planned byte, with FIN on both sides`, async () => {
      const { relay, client, target } = await join(() => ({ [side]: { cutAtByte: 5, splitBytes: 3 } }))
      ;(side === 'fromClient' ? client : target).socket.write('0123456789')
      await until('both are closed', () => client.closed !== 'open' && target.closed !== 'open')
      assert.equal(bytesOf(side === 'fromClient' ? target : client).toString(), '01234')
      assert.deepEqual([client.closed, target.closed, relay.faults.cut], ['fin', 'fin', 1])
    })

    it(`resets ${side} at the planned byte`, async () => {
      const { relay, client, target } = await join(() => ({ [side]: { resetAtByte: 5 } }))
      ;(side === 'fromClient' ? client : target).socket.write('0123456789')
      await until('both are closed', () => client.closed !== 'open' && target.closed !== 'open')
      assert.equal(bytesOf(side === 'fromClient' ? target : client).toString(), '01234')
      assert.deepEqual([client.closed, target.closed, relay.faults.reset], ['reset', 'reset', 1])
    })
  }

  it('resets one side only, if told', async () => {
    const { client, target } = await join(() => ({ fromClient: { resetAtByte: 1, resetSide: 'target' } }))
    client.socket.write('x')
    await until('both are closed', () => client.closed !== 'open' && target.closed !== 'open')
    assert.deepEqual([client.closed, target.closed], ['fin', 'reset'])
  })

  it('swallows everything after the byte of a blackhole, the end too', async () => {
    const { relay, client, target } = await join(() => ({ fromClient: { blackholeAtByte: 2 } }))
    client.socket.write('0123456789')
    await until('it took effect', () => relay.faults.blackhole === 1)
    client.socket.end()
    await sleep(50)
    assert.deepEqual([bytesOf(target).toString(), target.closed], ['01', 'open'])
    relay.replan()
    await until('replan gives it up', () => target.closed !== 'open')
  })

  it('swallows both ways on a dead network, whatever ends there, until it is replanned', async () => {
    const { relay, client, target } = await join(() => deadNetwork)
    client.socket.write('to the target')
    target.socket.write('to the client')
    await sleep(30)
    client.socket.end()
    await sleep(30)
    assert.deepEqual([bytesOf(target).length, bytesOf(client).length, target.closed], [0, 0, 'open'])
    assert.equal(relay.faults.blackhole, 2)
  })

  it('refuses new connections and leaves the open ones alone, until it accepts again', async () => {
    const { relay, client, target, open, targets } = await join(() => ({}))
    relay.refuse()
    await assert.rejects(open(), /ECONNREFUSED|Failed to connect/)
    client.socket.write('still here')
    await until('it arrived', () => bytesOf(target).toString() === 'still here')
    relay.accept()
    await open()
    await until('the target is connected again', () => targets.length === 2)
  })

  it('passes on the end of one direction alone, while the other goes on', async () => {
    const { relay, client, target } = await join(() => ({}), { allowHalfOpen: true })
    client.socket.write('a question')
    client.socket.shutdown()
    await until('the target has heard the end', () => target.hasHeardEnd)
    assert.equal(bytesOf(target).toString(), 'a question')
    target.socket.write('an answer')
    await until('the answer came', () => bytesOf(client).toString() === 'an answer')
    assert.deepEqual([client.hasHeardEnd, client.closed, target.closed], [false, 'open', 'open'])
    target.socket.end()
    await until('both are closed', () => client.closed === 'fin' && target.closed === 'fin')
    await until('nothing is left', () => relay.connections === 0)
  })

  it('ends one direction at the planned byte, and leaves the other alone', async () => {
    const { relay, client, target } = await join(() => ({ fromClient: { halfCloseAtByte: 4 } }), {
      allowHalfOpen: true,
    })
    client.socket.write('0123456789')
    await until('the target has heard the end', () => target.hasHeardEnd)
    target.socket.write('an answer')
    await until('the answer came', () => bytesOf(client).toString() === 'an answer')
    assert.deepEqual([bytesOf(target).toString(), client.hasHeardEnd, client.closed], ['0123', false, 'open'])
    assert.deepEqual(relay.faults, { ...noFaults, halfClose: 1 })
  })

  it('holds an end back until the plan changes', async () => {
    let faults: Faults = { fromClient: { holdsEnd: true } }
    const { relay, client, target } = await join(() => faults)
    client.socket.write('last words')
    client.socket.end()
    await until('it took effect', () => relay.faults.holdEnd === 1)
    await sleep(30)
    assert.deepEqual([bytesOf(target).toString(), target.hasHeardEnd], ['last words', false])
    faults = {}
    relay.replan()
    await until('the target has heard the end', () => target.hasHeardEnd)
  })

  it('delivers the chunk of the planned byte twice, and no other', async () => {
    const { relay, client, target } = await join(() => ({ fromClient: { duplicateAtByte: 3 } }))
    for (const text of ['ab', 'cd', 'ef']) {
      client.socket.write(text)
      const wanted = { ab: 2, cd: 6, ef: 8 }[text]
      await until(`${text} arrived`, () => bytesOf(target).length === wanted)
    }
    assert.equal(bytesOf(target).toString(), 'abcdcdef')
    assert.deepEqual(relay.faults, { ...noFaults, duplicate: 1 })
  })

  it('throttles each direction by itself, in steps', async () => {
    const { client, target } = await join(() => ({ fromTarget: { bytesPerSecond: 100_000 } }))
    client.socket.write(Buffer.alloc(200_000, 'x'))
    target.socket.write(Buffer.alloc(30_000, 'y'))
    const start = performance.now()
    await until('the free direction is done', () => bytesOf(target).length === 200_000)
    assert.ok(bytesOf(client).length < 30_000, `${bytesOf(client).length} bytes`)
    await until('the other is too', () => bytesOf(client).length === 30_000)
    const elapsedMs = performance.now() - start
    assert.ok(elapsedMs > 250, `${elapsedMs} ms`)
    assert.ok(client.received.length >= 10, `${client.received.length} steps`)
  })

  it('disarms or arms open connections when the plan changes', async () => {
    let faults: Faults = { fromClient: { cutAtByte: 10, delayMs: 60_000 } }
    const { relay, client, target } = await join(() => faults)
    client.socket.write('delayed')
    await sleep(20)
    faults = {}
    relay.replan()
    client.socket.write(', then not')
    await until('all arrived', () => bytesOf(target).toString() === 'delayed, then not')
    faults = { fromClient: { cutAtByte: 3 } }
    relay.replan()
    client.socket.write('abcdef')
    await until('both are closed', () => client.closed !== 'open' && target.closed !== 'open')
    assert.equal(bytesOf(target).toString(), 'delayed, then notabc')
  })

  it('closes the client when the target refuses', async () => {
    const relay = startRelay({ target: { host: '127.0.0.1', port: 1 }, plan: () => ({}), seed: 1 })
    cleanups.push(() => relay.stop())
    const socket = await Bun.connect<End>({
      hostname: '127.0.0.1',
      port: relay.port,
      socket: handlers(() => undefined),
    })
    await until('closed', () => socket.data.closed !== 'open')
    await until('nothing is left', () => relay.connections === 0)
  })

  it('plans the same for the same seed', async () => {
    const draws = async (seed: number): Promise<number[]> => {
      const drawn: number[] = []
      const { open } = await join((number, random) => (drawn.push(number, random.uint32()), {}), { seed })
      await open()
      await until('two plans', () => drawn.length === 4)
      return drawn
    }
    assert.deepEqual(await draws(5), await draws(5))
    assert.notDeepEqual(await draws(5), await draws(6))
  })
})
