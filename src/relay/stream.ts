/**
 * One direction of a relayed connection: a queue between the socket that receives and the socket that sends. Without
 * faults a chunk passes straight through. With them it waits its time, is cut into pieces, and may be the last one.
 * What is waiting is bounded: beyond `mostQueuedBytes` the receiving side is paused.
 */

import type { EndPoint } from './end-point.ts'
import type { Ending, FaultKind, StreamFaults } from './faults.ts'
import { firstEnding } from './faults.ts'
import type { Random } from '../random.ts'

const mostQueuedBytes = 1_048_576
/** A throttled direction goes in steps, not in chunks followed by a long pause. */
const throttleStepsPerSecond = 50

export interface StreamOwner {
  /** A fault took effect: at most once for each kind and plan. */
  happened(kind: FaultKind): void
  /** So many more bytes were handed to the sending socket. */
  forwarded(bytes: number): void
  /** The planned byte was reached; what was to be forwarded has been handed to the sending socket. */
  ended(kind: 'cut' | 'reset'): void
}

interface Chunk {
  bytes: Buffer
  readonly dueMs: number
}

export class Stream {
  readonly #source: EndPoint
  readonly #random: Random
  readonly #owner: StreamOwner
  #sink: EndPoint | undefined
  #faults: StreamFaults = {}
  #ending: Ending | undefined
  #counted = new Set<FaultKind>()
  #forwardedBytes = 0
  #queue: Chunk[] = []
  #queuedBytes = 0
  #isSinkBlocked = false
  #isSourceEnded = false
  #endDueMs = 0
  #phase: 'forwarding' | 'blackhole' | 'finished' | 'stopped' = 'forwarding'
  #wake: (() => void) | undefined

  constructor(source: EndPoint, random: Random, owner: StreamOwner) {
    this.#source = source
    this.#random = random
    this.#owner = owner
  }

  /** Bytes were swallowed: forwarding can never go on. */
  get isBlackhole(): boolean {
    return this.#phase === 'blackhole'
  }

  /** Counts bytes from zero again, forgets the old plan, and lets go of what it had delayed. */
  plan(faults: StreamFaults): void {
    this.#faults = faults
    this.#ending = firstEnding(faults)
    this.#counted = new Set()
    this.#forwardedBytes = 0
    this.#queue = this.#queue.map(({ bytes }) => ({ bytes, dueMs: 0 }))
    this.#endDueMs = 0
    this.#stopWaiting()
    if (this.#phase === 'forwarding' && faults.blackholeAtByte === 0) this.#becomeBlackhole()
    this.#pump()
  }

  /** Forwarding starts. Until then chunks are kept. */
  connected(sink: EndPoint): void {
    this.#sink = sink
    this.#pump()
  }

  received(bytes: Buffer): void {
    if (this.#phase !== 'forwarding') return
    this.#queue.push({ bytes, dueMs: this.#dueMs() })
    this.#queuedBytes += bytes.length
    this.#pump()
    this.#regulate()
  }

  /** The receiving side ended in order: the sending side will, behind what is queued. */
  sourceEnded(): void {
    this.#isSourceEnded = true
    this.#endDueMs = this.#arrivalMs()
    this.#pump()
  }

  sinkBlocked(): void {
    this.#isSinkBlocked = true
    this.#regulate()
  }

  sinkDrained(): void {
    this.#isSinkBlocked = false
    this.#pump()
    this.#regulate()
  }

  /** Nothing is forwarded any more; what arrives is discarded. */
  stop(): void {
    this.#phase = 'stopped'
    this.#discardQueue()
  }

  #dueMs(): number {
    const { delayMs } = this.#faults
    if (!delayMs) return this.#arrivalMs()
    this.#count('delay')
    return (this.#arrivalMs() || performance.now()) + this.#random.integer(0, delayMs)
  }

  /** When the far end hears what is said now. 0: at once. */
  #arrivalMs(): number {
    const { latencyMs } = this.#faults
    if (!latencyMs) return 0
    this.#count('latency')
    return performance.now() + latencyMs
  }

  #pump(): void {
    while (this.#phase === 'forwarding' && this.#sink && !this.#wake && !this.#isSinkBlocked) {
      const chunk = this.#queue[0]
      if (!chunk && !this.#isSourceEnded) return
      const dueMs = chunk ? chunk.dueMs : this.#endDueMs
      const waitMs = dueMs === 0 ? 0 : dueMs - performance.now()
      if (waitMs > 0) this.#waitFor(waitMs)
      else if (chunk) this.#forward(this.#sink, this.#takePiece(chunk))
      else return this.#passEnd(this.#sink)
    }
  }

  #passEnd(sink: EndPoint): void {
    if (this.#faults.holdsEnd) return this.#count('holdEnd')
    this.#phase = 'finished'
    sink.finish()
  }

  #takePiece(chunk: Chunk): Buffer {
    const { splitBytes, bytesPerSecond } = this.#faults
    const most = bytesPerSecond ? Math.ceil(bytesPerSecond / throttleStepsPerSecond) : Infinity
    const size = Math.min(splitBytes ? this.#random.integer(1, splitBytes) : chunk.bytes.length, most)
    if (size >= chunk.bytes.length) {
      this.#queue.shift()
      this.#queuedBytes -= chunk.bytes.length
      return chunk.bytes
    }
    if (splitBytes) this.#count('split')
    const piece = chunk.bytes.subarray(0, size)
    chunk.bytes = chunk.bytes.subarray(size)
    this.#queuedBytes -= size
    return piece
  }

  #forward(sink: EndPoint, piece: Buffer): void {
    const ending = this.#ending
    if (ending && this.#forwardedBytes + piece.length >= ending.atByte) {
      const last = piece.subarray(0, ending.atByte - this.#forwardedBytes)
      this.#owner.forwarded(last.length)
      sink.write(last)
      this.#end(ending.kind, sink)
      return
    }
    this.#owner.forwarded(piece.length)
    sink.write(piece)
    const { bytesPerSecond, splitBytes, duplicateAtByte } = this.#faults
    if (duplicateAtByte !== undefined && this.#holds(piece, duplicateAtByte)) {
      this.#count('duplicate')
      sink.write(piece)
    }
    this.#forwardedBytes += piece.length
    if (bytesPerSecond) {
      this.#count('throttle')
      this.#waitFor((piece.length * 1000) / bytesPerSecond)
    } else if (splitBytes) this.#waitForNextTurn()
    this.#regulate()
  }

  /** Whether the next piece to be counted holds this byte. */
  #holds(piece: Buffer, byte: number): boolean {
    return byte >= this.#forwardedBytes && byte < this.#forwardedBytes + piece.length
  }

  #end(kind: Ending['kind'], sink: EndPoint): void {
    if (kind === 'blackhole') return this.#becomeBlackhole()
    this.#count(kind)
    if (kind === 'cut' || kind === 'reset') {
      this.stop()
      this.#owner.ended(kind)
      return
    }
    this.#phase = 'finished'
    this.#discardQueue()
    sink.finish()
  }

  #becomeBlackhole(): void {
    this.#count('blackhole')
    this.#phase = 'blackhole'
    this.#discardQueue()
  }

  #discardQueue(): void {
    this.#queue = []
    this.#queuedBytes = 0
    this.#stopWaiting()
    this.#source.resume()
  }

  #regulate(): void {
    if (this.#isSinkBlocked || this.#queuedBytes > mostQueuedBytes) this.#source.pause()
    else this.#source.resume()
  }

  #count(kind: FaultKind): void {
    if (this.#counted.has(kind)) return
    this.#counted.add(kind)
    this.#owner.happened(kind)
  }

  #waitFor(milliseconds: number): void {
    const timer = setTimeout(() => this.#awake(), milliseconds)
    this.#wake = () => clearTimeout(timer)
  }

  #waitForNextTurn(): void {
    const immediate = setImmediate(() => this.#awake())
    this.#wake = () => clearImmediate(immediate)
  }

  #awake(): void {
    this.#wake = undefined
    this.#pump()
  }

  #stopWaiting(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
