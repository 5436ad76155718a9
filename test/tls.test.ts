/** An encrypted connection behaves as a plain one does; and what can go wrong while it becomes one. */

import assert from 'node:assert/strict'
import { connect as connectPlain } from 'node:net'
import { describe, it } from 'node:test'
import { connect } from '../src/net/connect.ts'
import { listen } from '../src/net/listen.ts'
import { acceptingTls, connectingTls } from '../src/net/tls.ts'
import type { TlsRole, TlsSession } from '../src/net/tls-handshake.ts'
import { issue } from './support/certificates.ts'
import { connectPeer, listenForPeers } from './support/net-peer.ts'
import { acceptForeign, type Ends, joinEnds, TlsEnd } from './support/tls-ends.ts'

const ca = issue({ name: 'Test CA', isAuthority: true })
const server = issue({ name: 'db', names: ['localhost', '127.0.0.1'], issuer: ca })
const alice = issue({ name: 'alice', names: ['alice.example', 'a.example'], issuer: ca })

const accept: TlsRole = {
  tls: acceptingTls({ mode: 'prefer', certificate: server.certificate, key: server.key }),
}
const acceptVerified: TlsRole = {
  tls: acceptingTls({ mode: 'verify-ca', certificate: server.certificate, key: server.key, ca: ca.certificate }),
}
const open: TlsRole = { tls: connectingTls({ mode: 'verify-full', ca: ca.certificate }), host: 'localhost' }

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const big = Buffer.alloc(16 * 2 ** 20)
for (let at = 0; at < big.length; at += 4) big.writeUInt32BE(at, at)

async function withEnds(run: (ends: Ends) => Promise<void>, roles = [accept, open] as const): Promise<void> {
  const ends = await joinEnds(...roles)
  try {
    await ends.accepted.secured
    await ends.connected.secured
    await run(ends)
  } finally {
    ends.close()
  }
}

const sizeOf = (end: TlsEnd): number => end.chunks.reduce((sum, { length }) => sum + length, 0)

/** As both ends of a connection: whatever holds for the one that accepted must hold for the other. */
function forBoth(name: string, run: (one: TlsEnd, other: TlsEnd) => Promise<void>): void {
  it(`${name} (accepted)`, () => withEnds(({ accepted, connected }) => run(accepted, connected)))
  it(`${name} (connected)`, () => withEnds(({ accepted, connected }) => run(connected, accepted)))
}

describe('an encrypted connection', () => {
  forBoth('brings bytes', async (one, other) => {
    one.socket.write(Buffer.from('ping'))
    await other.until(() => other.text === 'ping')
  })

  forBoth('still knows its peer', async (one, other) => {
    assert.equal(one.socket.remoteAddress, '127.0.0.1')
    assert.ok(one.socket.remotePort > 0 && one.socket.remotePort !== other.socket.remotePort)
  })

  forBoth('is blocked by a peer that does not read, and delivers everything once it does', async (one, other) => {
    other.socket.pause()
    one.socket.write(big)
    await one.until(() => one.events.includes('blocked'))
    assert.ok(one.socket.isBlocked && one.socket.pendingBytes > 0)
    const pending = one.socket.pendingBytes
    for (let turns = 0; turns < 20; turns++) await turn()
    assert.equal(one.socket.pendingBytes, pending)
    other.socket.resume()
    await one.until(() => one.events.includes('drained'))
    await other.until(() => sizeOf(other) === big.length)
    assert.ok(Buffer.concat(other.chunks).equals(big))
    assert.deepEqual([one.socket.isBlocked, one.socket.pendingBytes], [false, 0])
    assert.deepEqual(one.events, ['secured', 'blocked', 'drained'])
  })

  forBoth('hands out at most what is under way while it is paused, and everything after', async (one, other) => {
    one.onReceived = () => one.socket.pause()
    other.socket.write(big)
    await one.until(() => one.events.includes('received'))
    for (let turns = 0; turns < 50; turns++) await turn()
    assert.equal(one.chunks.length, 1)
    one.onReceived = () => undefined
    one.socket.resume()
    await one.until(() => sizeOf(one) === big.length)
    assert.ok(Buffer.concat(one.chunks).equals(big))
  })

  forBoth('carries much in both directions at once', async (one, other) => {
    one.socket.write(big)
    other.socket.write(big)
    await one.until(() => sizeOf(one) === big.length)
    await other.until(() => sizeOf(other) === big.length)
    assert.ok(Buffer.concat(one.chunks).equals(big) && Buffer.concat(other.chunks).equals(big))
  })

  forBoth('ends with everything that is queued', async (one, other) => {
    one.socket.write(big)
    one.socket.write(Buffer.from('last words'))
    one.socket.end()
    assert.equal(await other.over, undefined)
    assert.ok(Buffer.concat(other.chunks).equals(Buffer.concat([big, Buffer.from('last words')])))
    assert.equal(await one.over, undefined)
  })

  forBoth('ends though the peer goes on sending', async (one, other) => {
    other.socket.write(big)
    await one.until(() => one.events.includes('received'))
    one.socket.write(Buffer.from('enough'))
    one.socket.end()
    await other.over
    assert.equal(other.text, 'enough')
    await one.over
  })

  forBoth('closes', async (one, other) => {
    one.socket.close()
    assert.deepEqual([await one.over, await other.over], [undefined, undefined])
  })

  forBoth('closes with everything that is queued', async (one, other) => {
    one.socket.write(big)
    one.socket.close()
    assert.equal(await other.over, undefined)
    assert.ok(Buffer.concat(other.chunks).equals(big))
  })

  forBoth('is reset at once, for both, with the cause that is given', async (one, other) => {
    one.socket.write(Buffer.from('x'))
    one.socket.reset(new Error('because'))
    assert.equal((await one.over)?.message, 'because')
    assert.equal(((await other.over) as NodeJS.ErrnoException).code, 'ECONNRESET')
  })

  forBoth('is reset if its handler throws', async (one, other) => {
    one.onReceived = () => {
      throw new Error('bug')
    }
    other.socket.write(Buffer.from('x'))
    assert.equal((await one.over)?.message, 'bug')
    assert.deepEqual(one.events, ['secured', 'crashed bug', 'closed'])
    await other.over
  })

  forBoth('does nothing once it is closed', async (one) => {
    one.socket.reset()
    await one.over
    const before = [...one.events]
    for (const call of ['reset', 'end', 'close', 'pause', 'resume', 'flush'] as const) one.socket[call]()
    one.socket.write(Buffer.from('x'))
    await turn()
    assert.deepEqual([one.events, one.socket.pendingBytes], [before, 0])
  })

  it('knows version, cipher and the name in the certificate of its peer', async () => {
    const own: TlsRole = {
      tls: connectingTls({ mode: 'require', certificate: alice.certificate, key: alice.key }),
      host: 'localhost',
    }
    await withEnds(
      async ({ accepted, connected }) => {
        const there = (await accepted.secured) as TlsSession
        const here = (await connected.secured) as TlsSession
        assert.deepEqual(
          [there.peerName, there.peerAlternativeNames, here.peerName, here.peerAlternativeNames],
          ['alice', ['alice.example', 'a.example'], 'db', ['localhost']],
        )
        assert.equal(here.protocol, 'TLSv1.3')
        assert.match(here.cipher, /^TLS_AES_(128|256)_GCM_SHA(256|384)$/)
        assert.deepEqual([there.protocol, there.cipher], [here.protocol, here.cipher])
      },
      [acceptVerified, own],
    )
  })

  it('knows nothing of a peer without a certificate', () =>
    withEnds(async ({ accepted }) => {
      const { peerName, peerAlternativeNames } = (await accepted.secured) as TlsSession
      assert.deepEqual([peerName, peerAlternativeNames], [undefined, []])
    }))
})

/** Our end that accepts, and a plain peer that has read `S`. */
async function untilHandshake(run: (end: TlsEnd, peer: Awaited<ReturnType<typeof connectPeer>>) => Promise<void>) {
  let end: TlsEnd | undefined
  const listener = listen({ host: '127.0.0.1', port: 0 }, (socket) => (end = new TlsEnd(socket, accept)))
  const peer = await connectPeer(listener.port)
  try {
    peer.socket.write('?')
    await peer.until(1)
    assert.equal(peer.received.toString(), 'S', 'the answer leaves before the handshake')
    await run(end as TlsEnd, peer)
  } finally {
    listener.stop()
    end?.socket.reset()
    peer.socket.destroy()
  }
}

describe('a handshake', () => {
  it('can be reset, and then is not told of', () =>
    untilHandshake(async (end, peer) => {
      end.socket.reset(new Error('too slow'))
      assert.equal((await end.over)?.message, 'too slow')
      assert.deepEqual([end.events, await peer.ended], [['closed'], 'ECONNRESET'])
    }))

  for (const how of ['end', 'close'] as const) {
    it(`is broken off by ${how}: nothing could be said in it`, () =>
      untilHandshake(async (end, peer) => {
        end.socket.write(Buffer.from('not in the clear'))
        end.socket[how]()
        assert.equal(await end.over, undefined)
        assert.deepEqual([await peer.ended, peer.received.toString()], ['ECONNRESET', 'S'])
      }))
  }

  it('says so if the peer ends it', () =>
    untilHandshake(async (end, peer) => {
      peer.socket.end()
      const cause = await end.over
      assert.match(cause?.message ?? '', /^TLS: (the peer closed during|the handshake failed: the peer broke)/)
    }))

  it('says so if the peer resets it', () =>
    untilHandshake(async (end, peer) => {
      peer.socket.resetAndDestroy()
      assert.match((await end.over)?.message ?? '', /^TLS: |ECONNRESET/)
    }))

  it('never delivers what is sent in the clear instead of it, however it is cut', async () => {
    const bytes = Buffer.from('Q\0\0\0\x0dselect 1\0')
    for (let cut = 0; cut <= bytes.length; cut++) {
      await untilHandshake(async (end, peer) => {
        peer.socket.write(bytes.subarray(0, cut))
        await turn()
        peer.socket.write(bytes.subarray(cut))
        assert.match((await end.over)?.message ?? '', /^TLS: the handshake failed/)
        assert.deepEqual([end.text, end.events], ['', ['closed']])
        assert.notEqual(await peer.ended, 'close')
      })
    }
  })

  it('does nothing on a connection that is about to end', async () => {
    const peers = await listenForPeers()
    const events: string[] = []
    connect(
      { host: '127.0.0.1', port: peers.port, timeoutMs: 5_000 },
      (socket) => {
        socket.end()
        socket.startTls(open, () => events.push('secured'))
        return new TlsEnd(socket, accept)
      },
      (error) => assert.fail(error),
    )
    const peer = await peers.next()
    assert.equal(await peer.ended, 'end')
    assert.deepEqual([events, peer.received.length], [[], 0])
    peer.socket.destroy()
    peers.close()
  })

  it('that throws in secured resets the connection', async () => {
    const ends = await joinEnds(accept, open, (end) => {
      end.onSecured = () => {
        throw new Error('bug')
      }
    })
    await Promise.all([ends.accepted.over, ends.connected.over])
    assert.ok(ends.connected.events.includes('crashed bug'))
    ends.close()
  })

  it('of a client whose certificate is refused only afterwards, ends the connection with the reason', async () => {
    const foreign = await acceptForeign({
      cert: server.certificate,
      key: server.key,
      ca: ca.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    })
    const end = await new Promise<TlsEnd>((resolve, reject) => {
      connect(
        { host: '127.0.0.1', port: foreign.port, timeoutMs: 5_000 },
        (socket) => {
          const made = new TlsEnd(socket, open)
          resolve(made)
          return made
        },
        reject,
      )
    })
    const cause = await end.over
    assert.match(cause?.message ?? '', /^TLS failed: TLSV1_ALERT_CERTIFICATE_REQUIRED$/)
    foreign.close()
  })
})

describe('the name that is indicated', () => {
  for (const [host, expected] of [
    ['localhost', 'localhost'],
    ['127.0.0.1', 'none'],
    ['::1', 'none'],
  ] as const) {
    for (const mode of ['require', 'verify-ca'] as const) {
      it(`for ${host} is ${expected}, under ${mode}`, async () => {
        const names: (string | false | null)[] = []
        const foreign = await acceptForeign({
          cert: server.certificate,
          key: server.key,
          SNICallback: (name, answer) => {
            names.push(name)
            answer(null)
          },
        })
        await new Promise<void>((resolve, reject) => {
          connect(
            { host: '127.0.0.1', port: foreign.port, timeoutMs: 5_000 },
            (socket) => {
              const end = new TlsEnd(socket, { tls: connectingTls({ mode, ca: ca.certificate }), host })
              void end.secured.then((session) => {
                assert.equal(typeof session, 'object')
                socket.reset()
                resolve()
              })
              return end
            },
            reject,
          )
        })
        foreign.close()
        assert.deepEqual(names, expected === 'none' ? [] : [expected])
      })
    }
  }
})

describe('many handshakes', () => {
  it('in the middle of which the peers vanish leave no descriptor behind', async () => {
    const { readdirSync } = await import('node:fs')
    const count = (): number => readdirSync('/proc/self/fd').length
    const before = count()
    const ends: TlsEnd[] = []
    const listener = listen({ host: '127.0.0.1', port: 0 }, (socket) => {
      const end = new TlsEnd(socket, accept)
      ends.push(end)
      return end
    })
    const peers = Array.from({ length: 50 }, () => connectPlain(listener.port, '127.0.0.1'))
    for (const peer of peers) {
      peer.on('error', () => undefined)
      peer.write('?')
      peer.once('data', () => {
        peer.write(Buffer.from('1603010200010001fc0303', 'hex'))
        peer.end()
      })
    }
    while (ends.length < peers.length) await turn()
    await Promise.all(ends.map((end) => end.over))
    for (const peer of peers) peer.destroy()
    listener.stop()
    for (let turns = 0; turns < 200 && count() > before; turns++) await turn()
    assert.ok(count() <= before, `${count()} descriptors, ${before} before`)
  })
})
