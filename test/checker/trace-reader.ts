/** Cuts a trace, handed in as chunks of any size, into records (docs/trace.md). */

export const magic = 'TAXITRC1'

export const kinds = {
  poolDefined: 1,
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
  pinned: 25,
  serverDestroyed: 17,
  serverClosed: 18,
  cancelReceived: 19,
  cancelSent: 20,
  cancelDone: 21,
  end: 22,
  clientReplaced: 23,
  serverReplaced: 24,
} as const

/** One record. The reader fills one and the same object again and again; `bytes` is valid during the call only. */
export interface TraceRecord {
  /** Counted from 1. */
  sequence: number
  kind: number
  detail: number
  a: number
  b: number
  timeMs: number
  /** The payload is `bytes[start, end)`. */
  bytes: Buffer
  start: number
  end: number
}

const sizeField = 4
const fixedPart = 20
/** Far above any read or write of a socket: a greater size means that the trace is damaged. */
const largestRecord = 0x4000_0000

export class TraceReader {
  readonly #take: (record: TraceRecord) => void
  readonly #damaged: (what: string) => void
  readonly #record: TraceRecord
  #hasMagic = false
  #isDamaged = false
  #pieces: Buffer[] = []
  #have = 0
  #need = magic.length

  /** `damaged` is called once; nothing is read after it. */
  constructor(take: (record: TraceRecord) => void, damaged: (what: string) => void) {
    this.#take = take
    this.#damaged = damaged
    const bytes = Buffer.alloc(0)
    this.#record = { sequence: 0, kind: 0, detail: 0, a: 0, b: 0, timeMs: 0, bytes, start: 0, end: 0 }
  }

  /** Bytes of a record, or of the file's first 8 bytes, that has begun and not ended. */
  get unfinishedBytes(): number {
    return this.#have
  }

  /** The chunk may be overwritten after the call. */
  push(chunk: Buffer): void {
    let at = 0
    while (this.#have > 0 && at < chunk.length && !this.#isDamaged) {
      const end = Math.min(chunk.length, at + this.#need - this.#have)
      this.#keep(chunk, at, end)
      at = end
      if (this.#have === this.#need) this.#readKept()
    }
    if (at < chunk.length && !this.#isDamaged) this.#readAndKeep(chunk, at)
  }

  #readKept(): void {
    const bytes = Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#have = 0
    this.#readAndKeep(bytes, 0)
  }

  #readAndKeep(bytes: Buffer, from: number): void {
    const used = this.#read(bytes, from)
    if (used < bytes.length && !this.#isDamaged) this.#keep(bytes, used, bytes.length)
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    this.#pieces.push(Buffer.from(bytes.subarray(start, end)))
    this.#have += end - start
  }

  /** Delivers what is whole. Returns where the first record begins that is not. */
  #read(bytes: Buffer, from: number): number {
    let at = from
    if (!this.#hasMagic) {
      if (bytes.length - at < magic.length) return at
      if (bytes.toString('latin1', at, at + magic.length) !== magic) return this.#stop(`does not begin with ${magic}`)
      this.#hasMagic = true
      at += magic.length
    }
    for (;;) {
      this.#need = sizeField
      if (bytes.length - at < sizeField) return at
      const size = bytes.readUInt32LE(at)
      if (size < fixedPart || size > largestRecord) return this.#stop(`a record of ${size} bytes`)
      this.#need = sizeField + size
      if (bytes.length - at < this.#need) return at
      this.#deliver(bytes, at + sizeField, at + sizeField + size)
      at += sizeField + size
    }
  }

  #deliver(bytes: Buffer, at: number, end: number): void {
    const record = this.#record
    record.sequence++
    record.kind = bytes[at] ?? 0
    record.detail = bytes[at + 1] ?? 0
    record.a = bytes.readUInt32LE(at + 4)
    record.b = bytes.readUInt32LE(at + 8)
    record.timeMs = bytes.readDoubleLE(at + 12)
    record.bytes = bytes
    record.start = at + fixedPart
    record.end = end
    this.#take(record)
  }

  #stop(what: string): number {
    this.#isDamaged = true
    this.#damaged(what)
    return 0
  }
}
