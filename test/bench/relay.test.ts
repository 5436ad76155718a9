import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { after, describe, it } from 'node:test'
import { type DelayingRelay, startDelayingRelay } from '../../bench/relay/relay.ts'

describe('the relay of the benchmark', () => {
  const closing: (() => void)[] = []
  after(() => closing.forEach((close) => close()))

  async function echo(): Promise<Server> {
    const server = createServer((socket) => socket.pipe(socket))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    closing.push(() => server.close())
    return server
  }

  function relayTo(target: Server, delayMs: number): DelayingRelay {
    const relay = startDelayingRelay({ port: 0, targetPort: (target.address() as AddressInfo).port, delayMs })
    closing.push(() => relay.stop())
    return relay
  }

  async function client(relay: DelayingRelay): Promise<Socket> {
    const socket = connect(relay.port, '127.0.0.1')
    await once(socket, 'connect')
    return socket
  }

  it('passes on what comes in, both ways, no sooner than told', async () => {
    const socket = await client(relayTo(await echo(), 20))
    const begunMs = performance.now()
    socket.write('x')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    assert.equal(answer.toString(), 'x')
    assert.ok(performance.now() - begunMs >= 39)
    socket.destroy()
  })

  it('loses nothing, and keeps the order, of more than fits into a socket', async () => {
    const socket = await client(relayTo(await echo(), 1))
    const sent = Buffer.from(Array.from({ length: 4_000_000 }, (_, at) => (at * 31) >> 5))
    const chunks: Buffer[] = []
    const { promise: complete, resolve } = Promise.withResolvers<void>()
    let missing = sent.length
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      missing -= chunk.length
      if (missing === 0) resolve()
    })
    socket.write(sent)
    await complete
    assert.ok(Buffer.concat(chunks).equals(sent))
    socket.destroy()
  })

  it('ends the one side when the other ends, or is not there', async () => {
    const server = await echo()
    const relay = relayTo(server, 1)
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const socket = await client(relay)
    const [far] = await accepted
    far.destroy()
    await once(socket, 'close')
    server.close()
    await once(server, 'close')
    const refused = connect(relay.port, '127.0.0.1').on('error', () => undefined)
    await once(refused, 'close')
  })
})
