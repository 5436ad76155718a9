/**
 * Writes a trace (docs/trace.md) to a file or a named pipe. Records are gathered in one buffer and written when it is
 * full, whenever its owner says `flush`, and on `close`. Writing blocks: a trace proves the pooler, and a
 * proof with holes proves nothing. A slow reader of a named pipe therefore slows the pooler down. For the same reason a
 * trace that can't be written any more, because the disk is full or the reader has gone, ends there; the pooler goes on.
 */

import { closeSync, openSync, writeSync } from 'node:fs'
import type { PoolMode } from '../pooler/figures.ts'
import type { Trace, Traffic } from '../pooler/trace.ts'

const magic = 'TAXITRC1'
const headerBytes = 24
const bufferBytes = 1 << 20
const noBytes = new Uint8Array(0)

/** By the detail of record 1. */
const modes: readonly PoolMode[] = ['transaction', 'session', 'statement']

/** Kinds of records, by docs/trace.md. */
const Kind = {
  pool: 1,
  clientAccepted: 2,
  clientBytes: 3,
  clientAuthenticated: 4,
  clientWritten: 5,
  clientClosed: 6,
  clientDiscarded: 7,
  waiterQueued: 8,
  waiterEnded: 9,
  serverOpening: 10,
  serverReady: 11,
  serverBytes: 12,
  serverWritten: 13,
  serverSwallowed: 14,
  leaseGranted: 15,
  leaseReleased: 16,
  serverDestroyed: 17,
  serverClosed: 18,
  cancelReceived: 19,
  cancelSent: 20,
  cancelDone: 21,
  end: 22,
  clientReplaced: 23,
  serverReplaced: 24,
  pinned: 25,
} as const

export class TraceFile implements Trace {
  readonly #now: () => number
  readonly #lost: (reason: string) => void
  /** Undefined once nothing can be written any more. */
  #file: number | undefined
  readonly #buffer = Buffer.alloc(bufferBytes)
  #filled = 0

  /**
   * Opens `path` for writing from its beginning; throws what the file system says. `now` in milliseconds. `lost` is called
   * once, if the trace has to end early.
   */
  constructor(path: string, now: () => number, lost: (reason: string) => void) {
    this.#file = openSync(path, 'w', 0o600)
    this.#now = now
    this.#lost = lost
    this.#filled = this.#buffer.write(magic, 'latin1')
  }

  clientTraffic(client: number): Traffic {
    return this.#traffic(client, {
      read: Kind.clientBytes,
      wrote: Kind.clientWritten,
      usedUp: Kind.clientDiscarded,
      replaced: Kind.clientReplaced,
    })
  }

  serverTraffic(server: number): Traffic {
    return this.#traffic(server, {
      read: Kind.serverBytes,
      wrote: Kind.serverWritten,
      usedUp: Kind.serverSwallowed,
      replaced: Kind.serverReplaced,
    })
  }

  poolDefined(pool: number, maxServers: number, database: string, user: string, mode: PoolMode): void {
    this.#record(Kind.pool, modes.indexOf(mode), pool, maxServers, Buffer.from(`${database}\0${user}`, 'latin1'))
  }

  clientAccepted(client: number): void {
    this.#record(Kind.clientAccepted, 0, client, 0)
  }

  clientAuthenticated(client: number, pool: number): void {
    this.#record(Kind.clientAuthenticated, 0, client, pool)
  }

  clientClosed(client: number, isReset: boolean): void {
    this.#record(Kind.clientClosed, isReset ? 1 : 0, client, 0)
  }

  waiterQueued(client: number, pool: number): void {
    this.#record(Kind.waiterQueued, 0, client, pool)
  }

  waiterEnded(client: number, pool: number, how: number): void {
    this.#record(Kind.waiterEnded, how, client, pool)
  }

  serverOpening(server: number, pool: number): void {
    this.#record(Kind.serverOpening, 0, server, pool)
  }

  serverReady(server: number, pool: number): void {
    this.#record(Kind.serverReady, 0, server, pool)
  }

  serverDestroyed(server: number, reason: string): void {
    this.#record(Kind.serverDestroyed, 0, server, 0, Buffer.from(reason))
  }

  serverClosed(server: number): void {
    this.#record(Kind.serverClosed, 0, server, 0)
  }

  leaseGranted(client: number, server: number): void {
    this.#record(Kind.leaseGranted, 0, client, server)
  }

  leaseReleased(client: number, server: number, isReset: boolean): void {
    this.#record(Kind.leaseReleased, isReset ? 1 : 0, client, server)
  }

  pinned(client: number, server: number, isPinned: boolean): void {
    this.#record(Kind.pinned, isPinned ? 1 : 0, client, server)
  }

  cancelReceived(client: number): void {
    this.#record(Kind.cancelReceived, 0, client, 0)
  }

  cancelSent(client: number, server: number): void {
    this.#record(Kind.cancelSent, 0, client, server)
  }

  cancelDone(client: number, server: number, isFailure: boolean): void {
    this.#record(Kind.cancelDone, isFailure ? 1 : 0, client, server)
  }

  ended(): void {
    this.#record(Kind.end, 0, 0, 0)
  }

  /** Writes what is gathered. */
  flush(): void {
    this.#write(this.#buffer.subarray(0, this.#filled))
    this.#filled = 0
  }

  close(): void {
    this.flush()
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  #traffic(id: number, kinds: Readonly<Record<keyof Traffic, number>>): Traffic {
    return {
      read: (bytes) => this.#record(kinds.read, 0, id, 0, bytes),
      wrote: (bytes, source) => this.#record(kinds.wrote, 0, id, source, bytes),
      replaced: (count, bytes) => this.#record(kinds.replaced, 0, id, count, bytes),
      usedUp: (count, reason) => this.#record(kinds.usedUp, reason, id, count),
    }
  }

  #record(kind: number, detail: number, a: number, b: number, payload: Uint8Array = noBytes): void {
    if (this.#filled + headerBytes + payload.length > bufferBytes) this.flush()
    const buffer = this.#buffer
    const at = this.#filled
    buffer.writeUInt32LE(headerBytes - 4 + payload.length, at)
    buffer[at + 4] = kind
    buffer[at + 5] = detail
    buffer.writeUInt16LE(0, at + 6)
    buffer.writeUInt32LE(a, at + 8)
    buffer.writeUInt32LE(b, at + 12)
    buffer.writeDoubleLE(this.#now(), at + 16)
    this.#filled = at + headerBytes
    if (this.#filled + payload.length <= bufferBytes) {
      buffer.set(payload, this.#filled)
      this.#filled += payload.length
      return
    }
    this.flush()
    this.#write(payload)
  }

  #write(bytes: Uint8Array): void {
    const file = this.#file
    if (file === undefined) return
    try {
      let written = 0
      while (written < bytes.length) written += writeSync(file, bytes, written)
    } catch (error) {
      this.#file = undefined
      closeSync(file)
      this.#lost(error instanceof Error ? error.message : String(error))
    }
  }
}
