/** Cancels that PostgreSQL takes and does not end, by every way to it; and requests with keys that nobody has. */

import assert from 'node:assert/strict'
import { createServer, connect as connectTo, type Socket as NetSocket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { connectingTls } from '../src/net/tls.ts'
import { cancelBackend } from '../src/server/cancel.ts'
import { Network } from '../src/server/network.ts'
import { ProtocolVersion, type ServerEncryption } from '../src/server/target.ts'
import { NoSecret } from '../src/auth/secret.ts'
import { Deadlines } from '../src/time.ts'
import { issue } from './support/certificates.ts'
import { plainNetwork, TestPoolers } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'
import { TLSSocket } from 'node:tls'

const own = issue({ name: 'db', names: ['127.0.0.1'] })

/** Answers an SSLRequest with this, takes whatever else comes, and never ends a connection. */
async function holding(answer: 'S' | 'N' | ''): Promise<{ port: number; close(): void }> {
  const sockets: NetSocket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    if (answer === '') return void socket.resume()
    socket.once('data', () => {
      socket.write(answer)
      if (answer === 'N') return void socket.resume()
      const tls = new TLSSocket(socket, { isServer: true, cert: own.certificate, key: own.key })
      tls.on('error', () => undefined)
      tls.resume()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = (): void => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { port: (server.address() as AddressInfo).port, close }
}

describe('a cancel that is not ended in time', () => {
  const ways: Readonly<Record<string, [ServerEncryption, 'S' | 'N' | '']>> = {
    'without TLS': [{ mode: 'disable' }, ''],
    'where TLS is preferred and not to be had': [connectingTls({ mode: 'prefer' }), 'N'],
    'by TLS': [connectingTls({ mode: 'require' }), 'S'],
  }
  for (const [way, [encryption, answer]] of Object.entries(ways)) {
    it(`may still be on its way: ${way}`, async () => {
      const postgres = await holding(answer)
      const now = (): number => performance.now()
      const deadlines = new Deadlines(now())
      const ticker = setInterval(() => deadlines.advance(now()), 5)
      const target = {
        network: new Network(plainNetwork, now, () => undefined),
        address: { host: '127.0.0.1', port: postgres.port },
        encryption,
        startup: new Map(),
        credentials: () => new NoSecret('none'),
        protocol: new ProtocolVersion(),
      }
      const outcomes: string[] = []
      await new Promise<void>((resolve) => {
        cancelBackend({ target, key: Buffer.alloc(8), timeoutMs: 300, deadlines, now }, (outcome) => {
          outcomes.push(outcome)
          setTimeout(resolve, 50)
        })
      })
      clearInterval(ticker)
      postgres.close()
      assert.deepEqual(outcomes, ['unknown'])
    })
  }
})

describe('cancel requests with keys that nobody has', () => {
  let postgres: TestPostgres
  let poolers: TestPoolers

  before(async () => {
    postgres = await startTestPostgres()
    poolers = new TestPoolers(() => postgres.port)
  })

  after(async () => {
    await poolers.remove()
    await postgres.remove()
  })

  it('keep no place from those who log in', async () => {
    const pooler = await poolers.start({ maxClients: 4 })
    const sockets = Array.from({ length: 200 }, () =>
      connectTo({ host: '127.0.0.1', port: pooler.port, allowHalfOpen: true }),
    )
    const answered = sockets.map((socket) => {
      socket.on('error', () => undefined).on('connect', () => socket.write(raw.cancelRequest(Buffer.alloc(8, 7))))
      return new Promise((resolve) => socket.resume().on('end', resolve).on('close', resolve))
    })
    await Promise.all(answered)
    // None of them has closed its side, and nobody waits for that.
    assert.equal(pooler.figures.lists().loggingIn, 0)
    const client = await RawClient.login(pooler.port)
    assert.equal(await client.value('select 1'), '1')
    client.leave()
    for (const socket of sockets) socket.destroy()
  })
})
