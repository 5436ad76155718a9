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
  serverDestroyed: 17,
  serverClosed: 18,
  cancelReceived: 19,
  cancelSent: 20,
  cancelDone: 21,
  end: 22,
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
    if (this.#isDamaged) return
    if (this.#have + chunk.length < this.#need) {
      this.#keep(chunk, 0)
      return
    }
    const bytes = this.#have === 0 ? chunk : Buffer.concat([...this.#pieces, chunk])
    this.#pieces = []
    this.#have = 0
    const used = this.#read(bytes)
    if (used < bytes.length && !this.#isDamaged) this.#keep(bytes, used)
  }

  #keep(bytes: Buffer, from: number): void {
    this.#pieces.push(Buffer.from(bytes.subarray(from)))
    this.#have += bytes.length - from
  }

  #read(bytes: Buffer): number {
    let at = 0
    if (!this.#hasMagic) {
      if (bytes.length < magic.length) return 0
      if (bytes.toString('latin1', 0, magic.length) !== magic) return this.#stop(`does not begin with ${magic}`)
      this.#hasMagic = true
      at = magic.length
    }
    for (;;) {
      this.#need = sizeField
      if (bytes.length - at < sizeField) return at
      const size = bytes.readUInt32LE(at)
      if (size < fixedPart || size > largestRecord) return this.#stop(`record of ${size} bytes`)
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
