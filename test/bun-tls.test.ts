/**
 * What src/net relies on of Bun's TLS, its unix sockets and its descriptors, and no type or document promises: a new version
 * of Bun must not change it unnoticed.
 */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { createSecureContext } from 'node:tls'
import { getOption, inProgress, openStream, setOption } from '../src/net/libc.ts'
import { descriptorOf } from '../src/net/socket.ts'
import { inetAddress } from '../src/net/socket-address.ts'
import { issue } from './support/certificates.ts'
import { openDeafPort } from './support/deaf-port.ts'

type Raw = Bun.Socket<Notes>

/** What happened to a socket. */
class Notes {
  readonly events: string[] = []
  #wake: () => void = () => undefined

  note(event: string): void {
    this.events.push(event)
    this.#wake()
  }

  async until(event: RegExp): Promise<void> {
    while (!this.events.some((one) => event.test(one))) await new Promise<void>((resolve) => (this.#wake = resolve))
  }
}

const ca = issue({ name: 'CA', isAuthority: true })
const own = issue({ name: 'db', names: ['localhost', '127.0.0.1'], issuer: ca })
const elsewhere = issue({ name: 'db', names: ['other.example'], issuer: ca })
const stranger = issue({ name: 'db', names: ['localhost'] })
const numbers = { minVersion: 0x303, maxVersion: 0x304 }

const handlers = {
  binaryType: 'buffer' as const,
  open: (raw: Raw) => raw.data.note('open'),
  data: (raw: Raw, bytes: Buffer) => raw.data.note(`data ${bytes.length > 20 ? 'long' : bytes.toString()}`),
  drain: (raw: Raw) => raw.data.note('drain'),
  close: (raw: Raw, error?: NodeJS.ErrnoException) => raw.data.note(`close ${error?.code}`),
  error: (raw: Raw, error: NodeJS.ErrnoException) => raw.data.note(`error ${error.code}`),
  handshake: (raw: Raw, isOk: boolean, error: NodeJS.ErrnoException | null) =>
    raw.data.note(`handshake ${isOk} ${raw.authorized} ${error?.code}`),
}

/** A plain connection inside of this process. */
async function plain(): Promise<{ accepted: Raw; connected: Raw; listener: Bun.TCPSocketListener<Notes> }> {
  const opened = Promise.withResolvers<Raw>()
  const listener = Bun.listen<Notes>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      ...handlers,
      open(raw) {
        raw.data = new Notes()
        opened.resolve(raw)
      },
    },
  })
  const connected = await Bun.connect<Notes>({
    hostname: '127.0.0.1',
    port: listener.port,
    data: new Notes(),
    socket: handlers,
  })
  return { accepted: await opened.promise, connected, listener }
}

function upgrade(raw: Raw, isServer: boolean, tls: object): { below: Raw; above: Raw; notes: Notes } {
  const notes = new Notes()
  const options = { isServer, data: notes, tls, socket: handlers }
  const [below, above] = raw.upgradeTLS(options)
  return { below, above, notes }
}

/** A drain may come at any time. */
const withoutDrain = (notes: Notes): string[] => notes.events.filter((event) => event !== 'drain')

describe("Bun's TLS", () => {
  const listeners: Bun.TCPSocketListener<Notes>[] = []
  afterEach(() => {
    for (const listener of listeners.splice(0)) listener.stop(true)
  })

  async function secured(server: object, client: object) {
    const { accepted, connected, listener } = await plain()
    listeners.push(listener)
    const here = upgrade(connected, false, client)
    const there = upgrade(accepted, true, server)
    return { here, there, accepted }
  }

  const cert = (one: typeof own): object => ({
    cert: one.certificate,
    key: one.key,
    ...numbers,
    rejectUnauthorized: false,
  })

  it('gives the ciphertext to the old socket, whose data can be exchanged, and the rest to the new one', async () => {
    const { here, there, accepted } = await secured(cert(own), { ca: ca.certificate, serverName: 'localhost' })
    const sink = new Notes()
    there.below.data = sink
    await there.notes.until(/^handshake/)
    here.above.write(Buffer.from('hello'))
    await there.notes.until(/^data/)
    here.above.end()
    await there.notes.until(/^close/)
    assert.deepEqual(withoutDrain(there.notes), [
      'open',
      'handshake true false UNABLE_TO_GET_ISSUER_CERT',
      'data hello',
      'close undefined',
    ])
    assert.ok(sink.events.includes('data long') && sink.events.includes('close undefined'))
    assert.equal(descriptorOf(accepted), -1)
  })

  it('tells of a chain before it tells of a name, and of a name also where it does not reject', async () => {
    for (const [one, expected] of [
      [own, 'handshake true true undefined'],
      [elsewhere, 'handshake false false ERR_TLS_CERT_ALTNAME_INVALID'],
      [stranger, 'handshake true false DEPTH_ZERO_SELF_SIGNED_CERT'],
    ] as const) {
      const client = { ca: ca.certificate, serverName: 'localhost', rejectUnauthorized: false, ...numbers }
      const { here } = await secured(cert(one), client)
      await here.notes.until(/^handshake/)
      assert.equal(here.notes.events.at(-1), expected)
      here.above.terminate()
    }
  })

  it('shows the certificate of the peer in the handshake, indicates a name, and none if it is empty', async () => {
    for (const serverName of ['localhost', '']) {
      const client = { ca: ca.certificate, serverName, rejectUnauthorized: false, ...numbers }
      const { here, there } = await secured(cert(own), client)
      await here.notes.until(/^handshake/)
      await there.notes.until(/^handshake/)
      const { subject, subjectaltname, raw } = here.above.getPeerCertificate()
      assert.deepEqual([subject.CN, subjectaltname], ['db', 'DNS:localhost, IP Address:127.0.0.1'])
      assert.ok(raw.length > 100)
      assert.equal((there.above.getServername() as string | undefined) ?? '', serverName)
      assert.equal(here.above.getTLSVersion(), 'TLSv1.3')
      here.above.terminate()
    }
  })

  it('says that the handshake of a client with an untrusted certificate is good, but not authorized, and then closes', async () => {
    const server = { ...cert(own), ca: ca.certificate, requestCert: true, rejectUnauthorized: true }
    const client = {
      cert: stranger.certificate,
      key: stranger.key,
      serverName: '',
      rejectUnauthorized: false,
      ...numbers,
    }
    const { here, there } = await secured(server, client)
    here.above.write(Buffer.from('early'))
    await there.notes.until(/^close/)
    assert.deepEqual(there.notes.events, [
      'open',
      'handshake true false DEPTH_ZERO_SELF_SIGNED_CERT',
      'close undefined',
    ])
  })

  it('fails a handshake with EPROTO if the peer speaks something else', async () => {
    const { accepted, connected, listener } = await plain()
    listeners.push(listener)
    const there = upgrade(accepted, true, cert(own))
    connected.write(Buffer.from('Q\0\0\0\x0dselect 1\0'))
    await there.notes.until(/^close/)
    assert.deepEqual(withoutDrain(there.notes), ['open', 'handshake false false EPROTO', 'close undefined'])
  })

  it('calls close from inside of terminate, and answers -1 to a write afterwards', async () => {
    const { here, there } = await secured(cert(own), { rejectUnauthorized: false, serverName: '', ...numbers })
    await here.notes.until(/^handshake/)
    here.above.terminate()
    assert.equal(here.notes.events.at(-1), 'close undefined')
    assert.equal(here.above.write(Buffer.from('x')), -1)
    await there.notes.until(/^close ECONNRESET/)
  })

  it('wants numbers for versions where it upgrades', async () => {
    const { connected, listener } = await plain()
    listeners.push(listener)
    assert.throws(() => upgrade(connected, true, { ...cert(own), minVersion: 'TLSv1.2' }))
  })

  it('finds bad certificates, keys, ciphers and curves when a context is made', () => {
    const { certificate, key } = own
    createSecureContext({ cert: certificate, key })
    assert.throws(() => createSecureContext({ cert: certificate, key: stranger.key }), /KEY_VALUES_MISMATCH/)
    assert.throws(() => createSecureContext({ cert: 'x', key }), /NO_START_LINE/)
    assert.throws(() => createSecureContext({ ciphers: 'NO-SUCH' }), { code: 'ERR_SSL_NO_CIPHER_MATCH' })
    assert.throws(() => createSecureContext({ ecdhCurve: 'nonsense' }), /ECDH/)
  })
})

describe("Bun's descriptors", () => {
  it('are those of the kernel, the lowest that is free', async () => {
    const { accepted, connected, listener } = await plain()
    const fd = Math.max(descriptorOf(accepted), descriptorOf(connected))
    const isOpen = Array.from({ length: fd + 1 }, (_, number) => existsSync(`/proc/self/fd/${number}`))
    assert.deepEqual(
      isOpen,
      Array.from({ length: fd + 1 }, () => true),
    )
    accepted.terminate()
    connected.terminate()
    assert.equal(descriptorOf(accepted), -1)
    listener.stop(true)
  })

  it('of a listener have options that its connections have, too', async () => {
    const opened = Promise.withResolvers<Raw>()
    const listener = Bun.listen<Notes>({
      hostname: '127.0.0.1',
      port: 0,
      data: new Notes(),
      socket: { ...handlers, open: opened.resolve },
    })
    setOption(descriptorOf(listener), 1, 9, 1)
    setOption(descriptorOf(listener), 6, 4, 33)
    const connected = await Bun.connect<Notes>({
      hostname: '127.0.0.1',
      port: listener.port,
      data: new Notes(),
      socket: handlers,
    })
    const fd = descriptorOf(await opened.promise)
    assert.deepEqual([getOption(fd, 1, 9)?.[0], getOption(fd, 6, 4)?.[0]], [1, 33])
    connected.terminate()
    listener.stop(true)
  })

  function adopt(host: string, port: number): { raw: Raw; notes: Notes } {
    const address = inetAddress(host, port)
    assert.ok(address)
    const stream = openStream(address)
    assert.equal(stream?.error, inProgress)
    const notes = new Notes()
    let raw: Raw | undefined
    const socket = {
      ...handlers,
      open: (opened: Raw) => {
        raw = opened
        handlers.open(opened)
      },
    }
    const options = { fd: stream.fd, data: notes, socket } as unknown as Bun.TCPSocketConnectOptions<Notes>
    Bun.connect<Notes>(options).catch(() => undefined)
    assert.ok(raw, 'open is called before connect returns')
    assert.equal(descriptorOf(raw), stream.fd)
    return { raw, notes }
  }

  it('can be sockets that connect: drain says that it did, close that it could not', async () => {
    const listener = Bun.listen<Notes>({ hostname: '127.0.0.1', port: 0, data: new Notes(), socket: handlers })
    const good = adopt('127.0.0.1', listener.port)
    await good.notes.until(/^drain/)
    assert.deepEqual(good.notes.events, ['open', 'drain'])
    good.raw.terminate()
    listener.stop(true)
    const bad = adopt('127.0.0.1', 1)
    await bad.notes.until(/^close/)
    assert.deepEqual(bad.notes.events, ['open', 'close ECONNREFUSED'])
  })

  it('of a socket that connects can be freed by terminate', async () => {
    const deaf = await openDeafPort()
    const { raw, notes } = adopt('127.0.0.1', deaf.port)
    const path = `/proc/self/fd/${descriptorOf(raw)}`
    assert.ok(existsSync(path))
    raw.terminate()
    assert.equal(existsSync(path), false)
    assert.deepEqual(notes.events, ['open', 'close undefined'])
    deaf.close()
  })

  it('of sockets that were connected have their own handlers, which reload exchanges', async () => {
    const { accepted, connected, listener } = await plain()
    const events: string[] = []
    connected.reload({ socket: { data: (_raw, bytes) => void events.push(bytes.toString()) } })
    accepted.write(Buffer.from('x'))
    while (events.length === 0) await new Promise((resolve) => setImmediate(resolve))
    connected.write(Buffer.from('y'))
    await accepted.data.until(/^data y/)
    assert.deepEqual(connected.data.events.includes('data x'), false)
    connected.terminate()
    listener.stop(true)
  })
})

describe("Bun's unix sockets", () => {
  const path = joinPath(tmpdir(), `taxirank-bun-${process.pid}`)
  before(() => assert.equal(existsSync(path), false))
  after(() => assert.equal(existsSync(path), false))

  it('have a descriptor and no address; one that exists is in use; the file is gone after stop', async () => {
    const opened = Promise.withResolvers<Raw>()
    const options = { unix: path, data: new Notes(), socket: { ...handlers, open: opened.resolve } }
    const listener = Bun.listen<Notes>(options)
    assert.throws(() => Bun.listen<Notes>(options), { code: 'EADDRINUSE' })
    const connected = await Bun.connect<Notes>({ unix: path, data: new Notes(), socket: handlers })
    const accepted = await opened.promise
    assert.deepEqual([accepted.remoteAddress as unknown, connected.remoteAddress as unknown], [undefined, undefined])
    assert.ok(descriptorOf(accepted) > 0 && descriptorOf(listener) > 0)
    connected.terminate()
    listener.stop()
    assert.equal(existsSync(path), false)
  })

  it('are abstract if their name begins with a zero byte', async () => {
    const name = `\0taxirank-bun-${process.pid}`
    const listener = Bun.listen<Notes>({ unix: name, data: new Notes(), socket: handlers })
    const connected = await Bun.connect<Notes>({ unix: name, data: new Notes(), socket: handlers })
    connected.terminate()
    listener.stop(true)
  })
})
