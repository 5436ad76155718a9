/**
 * One connection, of TCP or through a unix socket, from either side. Writes are queued and leave together (turn.ts says when); what the kernel doesn't
 * take stays here and the owner is told (`blocked`, later `drained`), so that it can pause the other side. Nothing here
 * knows of PostgreSQL.
 */

import { bulkBytes, type Reader, readAgain, readLittle, readMuch } from './reading-turns.ts'
import { type PeerCredentials, readPeerCredentials } from './socket-options.ts'
import {
  describeSession,
  describeTlsError,
  encrypted,
  judgePeer,
  type RawSocket,
  type TlsRole,
  type TlsSession,
} from './tls-handshake.ts'
import { callbackBegan, callbackEnded, flushSoon, type Flushable } from './turn.ts'

/** What happens to a socket. Calls never overlap, and nothing follows `closed`. */
export interface SocketHandler {
  /** Bytes arrived. The buffer belongs to the handler from now on. May come a last time while paused. */
  received(bytes: Buffer): void
  /** The kernel takes no more for now: stop whatever feeds this socket. */
  blocked(): void
  /** Everything queued has been taken after a `blocked`. */
  drained(): void
  /** Exactly once: `undefined` for an orderly end by either side, else the reset or error. */
  closed(cause: Error | undefined): void
  /** A handler of ours threw: our own bug. The socket is reset afterwards, `closed` follows. */
  crashed(error: unknown): void
}

/** Gathering more than this into one buffer costs more than a second write. */
const gatherBytes = 65_536
/** How long the peer of a socket that we ended may take nothing, or leave it open. */
const lingerMs = 2_000
/** The queue of every socket that has none: most never need one. Nothing is ever put into it. */
const nothing: Uint8Array[] = []
const mappedPrefix = '::ffff:'

/** A handshake that goes on: as who, and who wants to know of its end. */
interface Handshake {
  readonly role: TlsRole
  readonly secured: (session: TlsSession) => void
}

export class Socket implements Flushable, Reader {
  handler: SocketHandler
  readonly isUnix: boolean
  #raw: RawSocket
  /** What is to be sent next; `#queue` follows it. */
  #first: Uint8Array | undefined
  #queue = nothing
  #queuedBytes = 0
  /**
   * securing: a TLS handshake goes on, and nothing else leaves or arrives. lost: the peer takes nothing any more, and
   * what it has said is still read.
   */
  #phase: 'open' | 'securing' | 'lost' | 'ending' | 'lingering' | 'closed' = 'open'
  #isDirty = false
  #isBlocked = false
  /** By its owner. */
  #isPaused = false
  /** Its last read was in bulk. */
  #isBulky = false
  /** Others read in bulk, and it is not this one's turn. */
  #isResting = false
  #linger: ReturnType<typeof setTimeout> | undefined
  #resetCause: Error | undefined
  #handshake: Handshake | undefined
  #remoteAddress: string | undefined

  /** For `listen` and `connect`. */
  constructor(raw: RawSocket, isUnix = false) {
    this.#raw = raw
    this.isUnix = isUnix
    this.handler = nobody
  }

  /** `unix` through a unix socket. Known after the end only if it was asked for before. */
  get remoteAddress(): string {
    return (this.#remoteAddress ??= this.isUnix ? 'unix' : readAddress(this.#raw))
  }

  /** 0 through a unix socket. */
  get remotePort(): number {
    return this.isUnix ? 0 : this.#raw.remotePort
  }

  /** Empty through a unix socket. */
  get localAddress(): string {
    return this.isUnix ? '' : this.#raw.localAddress
  }

  get localPort(): number {
    return this.isUnix ? 0 : this.#raw.localPort
  }

  /** -1 once it is closed. */
  get descriptor(): number {
    return descriptorOf(this.#raw)
  }

  /** Of the process at the other end of a unix socket. */
  get peerCredentials(): PeerCredentials | undefined {
    return this.isUnix ? readPeerCredentials(this.descriptor) : undefined
  }

  /**
   * Sends what is queued, and from then on the connection is encrypted: as who accepted it, or who opened it to `host`
   * (a name is told to the peer, verify-full checks name or address). Call it when the peer has sent all that it may
   * send in the clear, and nothing is left of that. Until `secured` nothing is received and what is written is ignored; if
   * the handshake fails, `closed` says why instead, and nothing of what the peer sent is delivered. There is no limit
   * of time: the owner resets. Nothing happens if the connection is about to end.
   */
  startTls(role: TlsRole, secured: (session: TlsSession) => void): void {
    this.flush()
    if (this.#phase !== 'open') return
    if (this.#first) return this.reset(new Error('the peer does not take the last bytes before TLS'))
    this.#readToTheEnd()
    this.#phase = 'securing'
    this.#handshake = { role, secured }
    try {
      this.#raw = encrypted(this.#raw, role, this, detached, tlsHandlers)
    } catch (cause) {
      this.reset(new Error(`TLS could not be started: ${(cause as Error).message}`, { cause }))
    }
  }

  /** Queued bytes that the kernel has not taken yet. */
  get pendingBytes(): number {
    return this.#queuedBytes
  }

  /** The kernel takes no more for now. */
  get isBlocked(): boolean {
    return this.#isBlocked
  }

  /** Hot path. Queues bytes; they must not be changed afterwards. Ignored once ending. */
  write(bytes: Uint8Array): void {
    if (this.#phase !== 'open') return
    if (this.#first) this.#enqueue(bytes)
    else this.#first = bytes
    this.#queuedBytes += bytes.length
    if (!this.#isDirty && !this.#isBlocked) this.#markDirty()
  }

  #enqueue(bytes: Uint8Array): void {
    if (this.#queue === nothing) this.#queue = [bytes]
    else this.#queue.push(bytes)
  }

  /**
   * No more `received` until `resume`, but for one that may be under way. The peer's FIN goes unnoticed meanwhile. Does
   * nothing once a write has shown that the peer is lost.
   */
  pause(): void {
    if (this.#isPaused || this.#phase === 'lost' || this.#phase === 'closed') return
    this.#isPaused = true
    if (!this.#isResting) this.#raw.pause()
    if (!this.#isBulky) return
    readLittle(this)
    this.#isResting = false
  }

  resume(): void {
    if (!this.#isPaused || this.#phase === 'closed') return
    this.#isPaused = false
    if (this.#isBulky) this.#isResting = !readAgain(this)
    if (!this.#isResting) this.#raw.resume()
  }

  /** For reading-turns.ts. */
  rest(): void {
    if (this.#isResting || this.#phase !== 'open') return
    this.#isResting = true
    if (!this.#isPaused) this.#raw.pause()
  }

  readOn(): void {
    if (!this.#isResting || this.#phase === 'closed') return
    this.#isResting = false
    if (!this.#isPaused) this.#raw.resume()
  }

  #readMuch(): void {
    this.#isBulky = true
    readMuch(this)
  }

  #readLittle(): void {
    this.#isBulky = false
    readLittle(this)
    this.readOn()
  }

  /** Whoever paused it: the end must not be missed. */
  #readToTheEnd(): void {
    this.resume()
    this.readOn()
  }

  /**
   * Sends what is queued, then FIN, and waits briefly for the peer's own end while discarding what it still sends
   * (closing at once would turn unread bytes into a reset that can overtake our last message).
   */
  end(): void {
    if (this.#phase === 'lost' || this.#phase === 'securing') return this.reset()
    if (this.#phase !== 'open') return
    this.#phase = 'ending'
    this.#readToTheEnd()
    this.#startLinger()
    if (!this.#isDirty && !this.#isBlocked) this.#markDirty()
  }

  /** FIN and closed, at once if nothing is queued: for a peer that sends no more and expects nothing. */
  close(): void {
    if (this.#first || this.#phase === 'lost' || this.#phase === 'securing') return this.end()
    if (this.#phase !== 'open') return
    this.#phase = 'ending'
    this.#raw.close()
  }

  /** RST, at once: what is queued is lost, and the peer knows that it is. */
  reset(cause?: Error): void {
    if (this.#phase === 'closed') return
    this.#resetCause = cause
    this.#forgetQueue()
    if (this.#phase === 'open' || this.#phase === 'securing' || this.#phase === 'lost') this.#phase = 'ending'
    this.#raw.terminate()
  }

  /** For turn.ts. Hot path: as a rule one buffer is queued, and the kernel takes it whole. */
  flush(): void {
    this.#isDirty = false
    const bytes = this.#first
    if (bytes === undefined || bytes.length < this.#queuedBytes || this.#isBlocked || this.#phase !== 'open') {
      return this.#flushRest()
    }
    const taken = this.#raw.write(bytes)
    if (taken < bytes.length) return this.#tookPart(bytes, taken)
    this.#first = undefined
    this.#queuedBytes = 0
  }

  #flushRest(): void {
    if (this.#phase === 'closed' || this.#phase === 'lingering') return
    if (this.#first) this.#send()
    if (this.#phase === 'ending' && !this.#first) this.#shutdown()
  }

  #markDirty(): void {
    this.#isDirty = true
    flushSoon(this)
  }

  #send(): void {
    while (this.#first) {
      const bytes = this.#queue.length === 0 ? this.#first : this.#gathered(this.#first)
      const taken = this.#raw.write(bytes)
      if (taken < bytes.length) return this.#tookPart(bytes, taken)
      this.#queuedBytes -= taken
      this.#first = this.#queue.length === 0 ? undefined : this.#queue.shift()
    }
    if (this.#isBlocked) {
      this.#isBlocked = false
      if (this.#phase === 'open') this.#guarded(() => this.handler.drained())
    }
  }

  /** The kernel is full; or, where it took less than nothing, the connection is gone. */
  #tookPart(bytes: Uint8Array, taken: number): void {
    if (taken < 0) return this.#lose()
    this.#queuedBytes -= taken
    this.#first = bytes.subarray(taken)
    if (this.#phase === 'ending' && taken > 0) this.#startLinger()
    this.#becomeBlocked()
  }

  /**
   * The runtime tells of the end only when it reads on: a socket that stayed paused would be held for ever, and with it
   * whatever its owner holds.
   */
  #lose(): void {
    this.#forgetQueue()
    if (this.#phase === 'open') this.#phase = 'lost'
    this.#readToTheEnd()
  }

  /** What to write next: everything that is queued, if it is small enough to be copied together. */
  #gathered(first: Uint8Array): Uint8Array {
    if (this.#queuedBytes > gatherBytes) return first
    const bytes = Buffer.concat([first, ...this.#queue], this.#queuedBytes)
    this.#queue = nothing
    return bytes
  }

  #forgetQueue(): void {
    this.#first = undefined
    this.#queue = nothing
    this.#queuedBytes = 0
  }

  #becomeBlocked(): void {
    if (this.#isBlocked) return
    this.#isBlocked = true
    if (this.#phase === 'open') this.#guarded(() => this.handler.blocked())
  }

  /** The peer's time begins anew whenever it has taken something. */
  #startLinger(): void {
    clearTimeout(this.#linger)
    this.#linger = setTimeout(() => this.#raw.terminate(), lingerMs)
  }

  #shutdown(): void {
    this.#phase = 'lingering'
    this.#startLinger()
    this.#raw.shutdown()
  }

  #guarded(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.handlerThrew(error)
    }
  }

  /** From the runtime's callbacks below, and from nowhere else. */
  handlerThrew(error: unknown): void {
    try {
      this.handler.crashed(error)
    } finally {
      this.reset(error instanceof Error ? error : new Error(String(error)))
    }
  }

  rawReceived(bytes: Buffer): void {
    if (this.#phase !== 'open' && this.#phase !== 'lost') return
    if (bytes.length >= bulkBytes) this.#readMuch()
    else if (this.#isBulky) this.#readLittle()
    try {
      this.handler.received(bytes)
    } catch (error) {
      this.handlerThrew(error)
    }
  }

  rawHandshaken(raw: RawSocket, isOk: boolean, error: Error | null): void {
    if (this.#phase !== 'securing' || !this.#handshake) return
    const { role, secured } = this.#handshake
    const objection = judgePeer(raw, role, isOk, error)
    if (objection !== undefined) return this.#refuse(new Error(`TLS: ${objection}`))
    this.#handshake = undefined
    this.#phase = 'open'
    this.#guarded(() => secured(describeSession(raw)))
  }

  /** The end of a connection whose peer is not who it should be. An alert may be on its way, which a reset would lose. */
  #refuse(cause: Error): void {
    this.#resetCause = cause
    this.#phase = 'ending'
    this.#startLinger()
    this.#raw.close()
  }

  /** TLS broke; the runtime closes the connection. */
  rawBroken(error: Error): void {
    this.#resetCause ??= new Error(describeTlsError(error), { cause: error })
  }

  rawDrained(): void {
    if (this.#isBlocked && !this.#isDirty) this.#markDirty()
  }

  rawClosed(error: Error | undefined): void {
    if (this.#phase === 'closed') return
    if (this.#phase === 'securing') this.#resetCause ??= error ?? new Error('TLS: the peer closed during the handshake')
    this.#phase = 'closed'
    if (this.#isBulky) readLittle(this)
    this.#forgetQueue()
    clearTimeout(this.#linger)
    this.#guarded(() => this.handler.closed(this.#resetCause ?? error))
  }
}

/** Does nothing. */
export const nobody: SocketHandler = {
  received: () => undefined,
  blocked: () => undefined,
  drained: () => undefined,
  closed: () => undefined,
  crashed: () => undefined,
}

/** The callbacks that listeners and outgoing connections have in common. */
export const rawHandlers = {
  binaryType: 'buffer' as const,
  data(raw: RawSocket, bytes: Buffer) {
    callbackBegan()
    try {
      raw.data.rawReceived(bytes)
    } finally {
      callbackEnded()
    }
  },
  drain(raw: RawSocket) {
    callbackBegan()
    try {
      raw.data.rawDrained()
    } finally {
      callbackEnded()
    }
  },
  close(raw: RawSocket, error?: Error) {
    callbackBegan()
    try {
      raw.data.rawClosed(error)
    } finally {
      callbackEnded()
    }
  },
  error: (raw: RawSocket, error: Error) => raw.data.handlerThrew(error),
}

/** The same for an encrypted connection. Nothing of ours throws in there, so that an error is one of TLS. */
const tlsHandlers = {
  ...rawHandlers,
  handshake(raw: RawSocket, isOk: boolean, error: Error | null) {
    callbackBegan()
    try {
      raw.data.rawHandshaken(raw, isOk, error)
    } finally {
      callbackEnded()
    }
  },
  error: (raw: RawSocket, error: Error) => raw.data.rawBroken(error),
}

/** Takes what the runtime still tells of a socket that is none of ours any more: it is closed, and does nothing. */
export const detached = closedSocket()

function closedSocket(): Socket {
  const socket = new Socket({} as RawSocket)
  socket.rawClosed(undefined)
  return socket
}

/** The runtime has it; its types don't. -1 once it is closed. */
export function descriptorOf(raw: object): number {
  return (raw as { fd: number }).fd
}

/** An IPv4 address is one also at a socket that takes IPv6, too. */
function readAddress(raw: RawSocket): string {
  const address = (raw.remoteAddress as string | undefined) ?? 'unknown'
  return address.startsWith(mappedPrefix) ? address.slice(mappedPrefix.length) : address
}
