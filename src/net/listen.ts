/** Accepting connections, of TCP and through unix sockets. */

import { TaxirankError } from '../errors.ts'
import { changeKeepAlive, readKeepAlive, setListenerOptions } from './socket-options.ts'
import type { ListenerOptions, SocketOptions } from './socket-options.ts'
import { detached, descriptorOf, rawHandlers, Socket, type SocketHandler } from './socket.ts'
import { isSomebodyListening, removeSocketFile, setAccess, unixAddress } from './unix-path.ts'

export interface Listener {
  /** An address, or the path of a unix socket. */
  readonly host: string
  /** The port it got, also when port 0 was asked for; of a unix socket 0. */
  readonly port: number
  /** How many connections were reset at once because descriptors were short. */
  readonly shedCount: number
  /** What is asked of silent peers, for TCP connections that are accepted from now on; buffers stay as they were. */
  retune(options: SocketOptions): void
  /** Accepts no more, and removes the file of a unix socket. Connections already accepted go on. */
  stop(): void
}

interface Common extends ListenerOptions {
  /**
   * A connection with this descriptor or a higher one is reset at once. The kernel gives the lowest that is free, so that
   * this says how many are in use: below the process's limit there must be some left for the runtime to accept with, or
   * it would try again and again without a pause.
   */
  readonly maxDescriptor?: number
}

export interface TcpListenOptions extends Common {
  readonly host: string
  /** 0: a free one. */
  readonly port: number
}

export interface UnixListenOptions extends Common {
  /** A file's path, or with `@` in front a name in the kernel. */
  readonly unix: string
  /** Of the file; absent: 0o777. */
  readonly mode?: number
  /** Of the file, as a number; absent: the process's. */
  readonly groupId?: number
}

export type ListenOptions = TcpListenOptions | UnixListenOptions

type Accepted = (socket: Socket) => SocketHandler

/** Accepts connections. `accepted` is called for each and gives its handler. Throws `listen_failed`. */
export function listen(options: ListenOptions, accepted: Accepted): Listener {
  return 'unix' in options ? listenUnix(options, accepted) : listenTcp(options, accepted)
}

function listenTcp(options: TcpListenOptions, accepted: Accepted): Listener {
  const { host, port } = options
  const intake = new Intake(options, accepted, false)
  try {
    const listener = Bun.listen<Socket>({ hostname: host, port, socket: intake.handlers })
    const fd = descriptorOf(listener)
    let isOpen = true
    const system = readKeepAlive(fd)
    setListenerOptions(fd, options, true)
    return intake.listener({
      host,
      port: listener.port,
      retune: (next) => {
        if (isOpen) changeKeepAlive(fd, next, system)
      },
      stop: () => {
        isOpen = false
        listener.stop()
      },
    })
  } catch (cause) {
    throw listenFailed(`${host}:${port}`, cause, 'another program has this port')
  }
}

/** A file that nobody listens at any more is replaced. It is nobody else's until mode and group are set. */
function listenUnix(options: UnixListenOptions, accepted: Accepted): Listener {
  const { unix: path, mode = 0o777, groupId } = options
  const address = unixAddress(path)
  const isFile = !path.startsWith('@')
  const intake = new Intake(options, accepted, true)
  const umask = process.umask(0o177)
  try {
    if (isFile && !isSomebodyListening(address)) removeSocketFile(path)
    const listener = Bun.listen<Socket>({ unix: address, socket: intake.handlers })
    setListenerOptions(descriptorOf(listener), options, false)
    const stop = (): void => {
      listener.stop()
      if (isFile) removeSocketFile(path)
    }
    try {
      if (isFile) setAccess(path, mode, groupId)
    } catch (cause) {
      stop()
      throw cause
    }
    return intake.listener({ host: path, port: 0, retune: () => undefined, stop })
  } catch (cause) {
    throw listenFailed(path, cause, 'another program listens there')
  } finally {
    process.umask(umask)
  }
}

function listenFailed(where: string, cause: unknown, inUse: string): TaxirankError {
  const { code = (cause as Error).message } = cause as { code?: string }
  const explanation = code === 'EADDRINUSE' ? ` (${inUse})` : ''
  return new TaxirankError('listen_failed', `cannot listen on ${where}: ${code}${explanation}`, { cause })
}

/** What one listener does with each connection. */
class Intake {
  readonly #accepted: Accepted
  readonly #maxDescriptor: number
  readonly #isUnix: boolean
  #shedCount = 0

  constructor(options: Common, accepted: Accepted, isUnix: boolean) {
    this.#accepted = accepted
    this.#maxDescriptor = options.maxDescriptor ?? Infinity
    this.#isUnix = isUnix
  }

  get handlers(): Bun.SocketHandler<Socket> {
    return { ...rawHandlers, open: (raw) => this.#open(raw) }
  }

  #open(raw: Bun.Socket<Socket>): void {
    if (descriptorOf(raw) >= this.#maxDescriptor) {
      this.#shedCount++
      raw.data = detached
      raw.terminate()
      return
    }
    const socket = new Socket(raw, this.#isUnix)
    raw.data = socket
    socket.handler = this.#accepted(socket)
  }

  listener(parts: Omit<Listener, 'shedCount'>): Listener {
    const shedCount = (): number => this.#shedCount
    return {
      ...parts,
      get shedCount() {
        return shedCount()
      },
    }
  }
}
