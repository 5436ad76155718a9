/** Unix sockets, credentials, options of sockets, attempts that are given up, and what happens when descriptors run out. */

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect, type ConnectOptions } from '../src/net/connect.ts'
import { getOption } from '../src/net/libc.ts'
import { listen, type Listener, type ListenOptions } from '../src/net/listen.ts'
import type { Socket, SocketHandler } from '../src/net/socket.ts'
import type { SocketOptions } from '../src/net/socket-options.ts'
import { systemLookup } from '../src/net/resolve.ts'
import { openDeafPort } from './support/deaf-port.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Answers what it gets. */
const echo = (socket: Socket): SocketHandler => ({
  received: (bytes) => socket.write(bytes),
  blocked: () => undefined,
  drained: () => undefined,
  closed: () => undefined,
  crashed: (error) => {
    throw error
  },
})

/** A connection of ours that says `ping`, and what came back. */
function ask(options: ConnectOptions): Promise<{ socket: Socket; answer: string }> {
  return new Promise((resolve, reject) => {
    connect(
      options,
      (socket) => {
        socket.write(Buffer.from('ping'))
        return { ...echo(socket), received: (bytes) => resolve({ socket, answer: bytes.toString() }), closed: reject }
      },
      reject,
    )
  })
}

/** Both ends of a connection to a listener. */
async function joined(
  listening: ListenOptions,
  options: SocketOptions = {},
): Promise<{ listener: Listener; accepted: Socket; connected: Socket; close: () => void }> {
  let accepted: Socket | undefined
  const listener = listen(listening, (socket) => {
    accepted = socket
    return echo(socket)
  })
  const { host, port } = listener
  const endpoint = 'unix' in listening ? { unix: listening.unix } : { host, port }
  const { socket: connected, answer } = await ask({ ...endpoint, timeoutMs: 5_000, socketOptions: options })
  assert.equal(answer, 'ping')
  const close = (): void => {
    connected.reset()
    accepted?.reset()
    listener.stop()
  }
  return { listener, accepted: accepted as Socket, connected, close }
}

const descriptors = (): number => readdirSync('/proc/self/fd').length

describe('a unix socket', () => {
  let directory: string
  before(() => (directory = mkdtempSync(join(tmpdir(), 'taxirank-net-'))))
  after(() => rmSync(directory, { recursive: true }))
  const path = (name = '.s.PGSQL.5432'): string => join(directory, name)

  it('brings bytes, and tells who is there', async () => {
    const { listener, accepted, connected, close } = await joined({ unix: path() })
    const me = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() }
    assert.deepEqual([listener.host, listener.port], [path(), 0])
    for (const socket of [accepted, connected]) {
      assert.deepEqual([socket.isUnix, socket.remoteAddress, socket.remotePort], [true, 'unix', 0])
      assert.deepEqual(socket.peerCredentials, me)
    }
    close()
    assert.equal(accepted.peerCredentials, undefined)
  })

  it('tells nothing of who is at the other end of TCP', async () => {
    const { accepted, connected, close } = await joined({ host: '127.0.0.1', port: 0 })
    assert.deepEqual([accepted.peerCredentials, connected.peerCredentials], [undefined, undefined])
    close()
  })

  it('has the mode and group that are asked for, and is gone at the end', async () => {
    for (const [mode, expected] of [
      [undefined, 0o777],
      [0o700, 0o700],
      [0o660, 0o660],
    ] as const) {
      const groupId = process.getgid?.() ?? 0
      const { close } = await joined({ unix: path(), groupId, ...(mode !== undefined && { mode }) })
      const stat = statSync(path())
      assert.deepEqual([stat.mode & 0o777, stat.gid, stat.isSocket()], [expected, groupId, true])
      close()
      assert.equal(existsSync(path()), false)
    }
  })

  it('leaves the umask as it was', async () => {
    const umask = process.umask()
    const { close } = await joined({ unix: path() })
    assert.equal(process.umask(), umask)
    close()
    assert.throws(() => listen({ unix: path('none/s') }, echo))
    assert.equal(process.umask(), umask)
  })

  it('whose name begins with @ is no file', async () => {
    const name = `@taxirank-${process.pid}`
    const files = readdirSync('.')
    const { accepted, close } = await joined({ unix: name })
    assert.equal(accepted.remoteAddress, 'unix')
    assert.deepEqual(readdirSync('.'), files)
    assert.throws(() => listen({ unix: name }, echo), {
      code: 'listen_failed',
      message: `cannot listen on ${name}: EADDRINUSE (another program listens there)`,
    })
    close()
  })

  it('takes the place of one that nobody listens at any more', async () => {
    const script = `Bun.listen({ unix: ${JSON.stringify(path('dead'))}, socket: { data() {} } }); process.kill(process.pid, 'SIGKILL')`
    await Bun.spawn([process.execPath, '-e', script]).exited
    assert.ok(statSync(path('dead')).isSocket())
    const { close } = await joined({ unix: path('dead') })
    close()
  })

  it('does not take the place of one where somebody listens', async () => {
    const { close } = await joined({ unix: path('live') })
    assert.throws(() => listen({ unix: path('live') }, echo), {
      code: 'listen_failed',
      message: `cannot listen on ${path('live')}: EADDRINUSE (another program listens there)`,
    })
    const { answer, socket } = await ask({ unix: path('live'), timeoutMs: 1_000 })
    assert.equal(answer, 'ping')
    socket.reset()
    close()
  })

  it('does not take the place of a file that is none', () => {
    writeFileSync(path('file'), 'precious')
    assert.throws(() => listen({ unix: path('file') }, echo), { code: 'listen_failed' })
    assert.equal(readFileSync(path('file'), 'utf8'), 'precious')
  })

  it('with a path that is too long is refused with the lengths', async () => {
    const long = path('x'.repeat(100))
    const message = `the unix socket's path ${long} is too long: ${long.length} bytes, 107 are possible`
    assert.throws(() => listen({ unix: long }, echo), { code: 'bad_configuration', message })
    await assert.rejects(ask({ unix: long, timeoutMs: 1_000 }), { message: `cannot connect to ${long}: ${message}` })
  })

  it('that is not there, or is none, fails to connect with the reason', async () => {
    const fails = (unix: string): Promise<unknown> => assert.rejects(ask({ unix, timeoutMs: 1_000 }), failure(unix))
    const failure = (unix: string) => ({
      code: 'server_connect_failed',
      message: new RegExp(`^cannot connect to ${unix}: (ENOENT|ECONNREFUSED)`),
    })
    await fails(path('none'))
    await Bun.write(path('no-socket'), '')
    await fails(path('no-socket'))
  })
})

describe('options of sockets', () => {
  const options: SocketOptions = {
    keepAliveCount: 3,
    keepAliveIdleS: 33,
    keepAliveIntervalS: 7,
    userTimeoutMs: 12_345,
    bufferBytes: 20_000,
  }
  /** Keep-alive, idle, interval, count, user time-out, the kernel's buffers (it doubles them), no delay. */
  const values = (socket: Socket): (number | undefined)[] => {
    const fd = socket.descriptor
    return (
      [
        [1, 9],
        [6, 4],
        [6, 5],
        [6, 6],
        [6, 18],
        [1, 7],
        [1, 8],
        [6, 1],
      ] as const
    ).map(([level, option]) => getOption(fd, level, option)?.[0])
  }

  it('hold for connections of both kinds', async () => {
    const { accepted, connected, close } = await joined({ host: '127.0.0.1', port: 0, ...options }, options)
    for (const socket of [accepted, connected]) {
      assert.deepEqual(values(socket), [1, 33, 7, 3, 12_345, 40_000, 40_000, 1])
    }
    close()
  })

  it('are the system defaults but for keep-alive, which is on', async () => {
    const { accepted, connected, close } = await joined({ host: '127.0.0.1', port: 0 })
    for (const socket of [accepted, connected]) {
      const [keepAlive, idle, , , userTimeout] = values(socket)
      const system = Number(readFileSync('/proc/sys/net/ipv4/tcp_keepalive_time', 'utf8'))
      assert.deepEqual([keepAlive, idle, userTimeout], [1, system, 0])
    }
    close()
  })

  it('without keep-alive, the rest of it is nothing', async () => {
    const off = { ...options, keepAlive: false }
    const { accepted, connected, close } = await joined({ host: '127.0.0.1', port: 0, ...off }, off)
    for (const socket of [accepted, connected]) assert.equal(values(socket)[0], 0)
    close()
  })

  it('that are changed hold for who is accepted from then on, and 0 is the system again', async () => {
    const all: Socket[] = []
    const listener = listen({ host: '127.0.0.1', port: 0, keepAliveCount: 4 }, (socket) => {
      all.push(socket)
      return echo(socket)
    })
    const accepted = async (): Promise<(number | undefined)[]> => {
      const { socket } = await ask({ host: '127.0.0.1', port: listener.port, timeoutMs: 5_000 })
      socket.reset()
      return values(all.at(-1) as Socket)
    }
    const asked = await accepted()
    listener.retune({ ...options, keepAlive: false })
    assert.deepEqual((await accepted()).slice(0, 5), [0, 33, 7, 3, 12_345])
    listener.retune({ keepAliveCount: 4 })
    assert.deepEqual(await accepted(), asked)
    listener.stop()
    listener.retune(options)
  })

  it('hold for connections by name and through IPv6, which shows IPv4 as what it is', async () => {
    const listening = { host: '::', port: 0, ...options }
    const { listener, accepted, close } = await joined(listening, options)
    assert.equal(accepted.remoteAddress, '::1')
    for (const host of ['localhost', '127.0.0.1', '::1']) {
      const { socket } = await ask({ host, port: listener.port, timeoutMs: 5_000, socketOptions: options })
      assert.deepEqual(values(socket).slice(0, 5), [1, 33, 7, 3, 12_345], host)
      socket.reset()
    }
    close()
  })
})

describe('an attempt to connect', () => {
  it('that is given up or runs out of time leaves no descriptor behind', async () => {
    const deaf = await openDeafPort()
    const before = descriptors()
    const given = Array.from({ length: 20 }, () =>
      connect({ host: '127.0.0.1', port: deaf.port, timeoutMs: 0 }, echo, () => assert.fail('called')),
    )
    assert.equal(descriptors(), before + 20)
    for (const attempt of given) attempt.abandon()
    assert.equal(descriptors(), before)
    await assert.rejects(ask({ host: '127.0.0.1', port: deaf.port, timeoutMs: 30 }), /no answer within 30 ms/)
    assert.equal(descriptors(), before)
    deaf.close()
  })

  it('fails with the reason, at once or later, and leaves no descriptor behind', async () => {
    const before = descriptors()
    for (const [host, reason] of [
      ['127.0.0.1', 'ECONNREFUSED'],
      ['::1', 'ECONNREFUSED'],
      ['255.255.255.255', 'ENETUNREACH|EACCES'],
      ['localhost', 'ECONNREFUSED'],
    ] as const) {
      await assert.rejects(ask({ host, port: 1, timeoutMs: 5_000 }), {
        code: 'server_connect_failed',
        message: new RegExp(`^cannot connect to ${host}:1: (${reason})$`),
      })
    }
    await turn()
    assert.equal(descriptors(), before)
  })

  it('is abandoned in the very turn in which it succeeds, without a trace', async () => {
    const listener = listen({ host: '127.0.0.1', port: 0 }, echo)
    for (let turns = 0; turns < 30; turns++) {
      const attempt = connect({ host: '127.0.0.1', port: listener.port, timeoutMs: 0 }, echo, () =>
        assert.fail('called'),
      )
      for (let waited = 0; waited < turns % 6; waited++) await turn()
      attempt.abandon()
    }
    listener.stop()
  })

  it('gets what a server says first', async () => {
    const listener = listen({ host: '127.0.0.1', port: 0 }, (socket) => {
      socket.write(Buffer.from('hello'))
      return echo(socket)
    })
    for (let tries = 0; tries < 50; tries++) {
      const heard = await new Promise<string>((resolve, reject) => {
        connect(
          { host: '127.0.0.1', port: listener.port, timeoutMs: 5_000 },
          (socket) => ({
            ...echo(socket),
            received: (bytes) => {
              resolve(bytes.toString())
              socket.reset()
            },
          }),
          reject,
        )
      })
      assert.equal(heard, 'hello')
    }
    listener.stop()
  })

  it('is refused when descriptors are short', async () => {
    const listener = listen({ host: '127.0.0.1', port: 0 }, echo)
    for (const host of ['127.0.0.1', 'localhost']) {
      await assert.rejects(ask({ host, port: listener.port, timeoutMs: 5_000, maxDescriptor: 3 }), /: EMFILE$/)
    }
    listener.stop()
  })
})

describe('a name', () => {
  it('is looked up by the system: all addresses, each once, or the reason', async () => {
    const addresses = await systemLookup('localhost')
    assert.ok(addresses.length > 0 && addresses.every((address) => ['127.0.0.1', '::1'].includes(address)))
    assert.equal(new Set(addresses).size, addresses.length)
    await assert.rejects(systemLookup('no-such-name.invalid'), { code: /ENOTFOUND|EAI_AGAIN|ENODATA|ESERVFAIL/ })
  })
})
