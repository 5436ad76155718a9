/**
 * Who arrived when, waited how long and held how long: what sizing and the simulator start from. A bounded ring of the
 * newest entries, 18 bytes each, in columns. Bytes for a file are 'TXRREC02', count, lanes, overwritten, what its pool was
 * like, the names of the lanes, then the columns, little endian; docs/recording.md has the layout. No SQL, no values, no
 * names of users.
 */

import { assert } from '../assert.ts'
import type { RecordedPool } from './recorded-pool.ts'
import { bytesPerEntry, RecordingColumns, type RecordingEntry } from './recording-columns.ts'
import { badRecording, readHeader, writeHeader } from './recording-header.ts'

export type { RecordingEntry }

export interface ReadRecording {
  readonly recording: Recording
  readonly laneNames: readonly string[]
  /** Undefined: it is of version 01, which does not say. */
  readonly about: RecordedPool | undefined
}

export const maxCapacity = 10_000_000

/** The newest `capacity` entries (1 to 10,000,000); 18 bytes for each are taken at once. */
export class Recording {
  readonly #arrivals: Float64Array
  readonly #waits: Float32Array
  readonly #holds: Float32Array
  readonly #lanes: Uint16Array
  /** Where the next entry goes: behind the newest, which is where the oldest stands once the ring is full. */
  #next = 0
  #size = 0
  #overwritten = 0

  constructor(capacity: number) {
    assert(
      Number.isInteger(capacity) && capacity >= 1 && capacity <= maxCapacity,
      `a recording has room for 1 to ${maxCapacity} entries, not ${capacity}`,
    )
    this.#arrivals = new Float64Array(capacity)
    this.#waits = new Float32Array(capacity)
    this.#holds = new Float32Array(capacity)
    this.#lanes = new Uint16Array(capacity)
  }

  get capacity(): number {
    return this.#arrivals.length
  }

  get size(): number {
    return this.#size
  }

  /** How many entries have been lost because newer ones took their place. */
  get overwritten(): number {
    return this.#overwritten
  }

  /**
   * Hot path: nothing is allocated, and a full ring loses its oldest entry. Times are finite, negative ones count as 0;
   * `holdMs` NaN says that there was no lease. `lane` is 0 to 65,535.
   */
  add(arrivalMs: number, waitMs: number, holdMs: number, lane: number): void {
    const at = this.#next
    this.#arrivals[at] = arrivalMs
    this.#waits[at] = waitMs > 0 ? waitMs : 0
    this.#holds[at] = holdMs < 0 ? 0 : holdMs
    this.#lanes[at] = lane
    this.#next = at + 1 === this.#arrivals.length ? 0 : at + 1
    if (this.#size < this.#arrivals.length) this.#size++
    else this.#overwritten++
  }

  /** Oldest first, in the order of adding. Not to be added to meanwhile. */
  *entries(): Generator<RecordingEntry, void, void> {
    for (let age = 0; age < this.#size; age++) yield this.#entryOf(age)
  }

  /** Forgets everything, also what was overwritten. */
  clear(): void {
    this.#next = this.#size = this.#overwritten = 0
  }

  /**
   * The format of docs/recording.md. Every lane that was added has a name; a name has less than 64 KiB in UTF-8. `about`: the
   * pool as it is now.
   */
  toBytes(laneNames: readonly string[], about: RecordedPool): Uint8Array {
    const header = writeHeader({ count: this.#size, overwritten: this.#overwritten, laneNames, about })
    const bytes = new Uint8Array(header.length + this.#size * bytesPerEntry)
    bytes.set(header)
    const columns = new RecordingColumns(bytes, header.length, this.#size)
    // Not by `entries`, which takes three times as long: a pooler stands still meanwhile.
    for (let age = 0; age < this.#size; age++) {
      const entry = this.#entryOf(age)
      assert(entry.lane < laneNames.length, `lane ${entry.lane} was recorded, but only ${laneNames.length} have a name`)
      columns.write(age, entry)
    }
    return bytes
  }

  /**
   * A recording that has just the entries of `bytes`, which are not kept, and is full unless there are none. Throws
   * `bad_recording`, which says what is wrong and where.
   */
  static fromBytes(bytes: Uint8Array): ReadRecording {
    const { count, overwritten, laneNames, about, columnsAt } = readHeader(bytes)
    if (count > maxCapacity) throw badRecording(`byte 8 promises ${count} entries, and ${maxCapacity} is the maximum`)
    const columns = new RecordingColumns(bytes, columnsAt, count)
    const recording = new Recording(Math.max(1, count))
    for (let index = 0; index < count; index++) {
      const entry = columns.read(index)
      const flaw = flawOf(entry, laneNames.length)
      if (flaw) throw badRecording(`entry ${index} of ${count} ${flaw}`)
      recording.add(entry.arrivalMs, entry.waitMs, entry.holdMs, entry.lane)
    }
    recording.#overwritten = overwritten
    return { recording, laneNames, about }
  }

  /** `age`: 0 is the oldest. */
  #entryOf(age: number): RecordingEntry {
    const { capacity } = this
    const at = (this.#next - this.#size + capacity + age) % capacity
    return {
      arrivalMs: this.#arrivals[at] as number,
      waitMs: this.#waits[at] as number,
      holdMs: this.#holds[at] as number,
      lane: this.#lanes[at] as number,
    }
  }
}

/** What no entry can be, or undefined. */
function flawOf({ arrivalMs, waitMs, holdMs, lane }: RecordingEntry, lanes: number): string | undefined {
  if (!Number.isFinite(arrivalMs)) return `arrived at ${arrivalMs} ms`
  if (!isDuration(waitMs)) return `waited ${waitMs} ms`
  if (!isDuration(holdMs) && !Number.isNaN(holdMs)) return `held a lease for ${holdMs} ms`
  return lane < lanes ? undefined : `is of lane ${lane}, but only ${lanes} have a name`
}

function isDuration(ms: number): boolean {
  return ms >= 0 && ms < Infinity
}
