/** The columns of a recording's bytes (docs/recording.md): all arrivals, then all waits, all holds and all lanes. */

/** One caller. Times in milliseconds. */
export interface RecordingEntry {
  /** When it asked, by the engine's clock. */
  readonly arrivalMs: number
  /** Until it got a lease, or gave up. Kept to 24 bits. */
  readonly waitMs: number
  /** From grant to release, kept to 24 bits. NaN: it never got a lease. */
  readonly holdMs: number
  /** Its class: an index into the names of lanes. */
  readonly lane: number
}

/** Arrival f64, wait f32, hold f32, lane u16. */
export const bytesPerEntry = 18

/** A view on `count` entries from byte `start` on; there are as many bytes as that takes. */
export class RecordingColumns {
  readonly #view: DataView
  readonly #waits: number
  readonly #holds: number
  readonly #lanes: number

  constructor({ buffer, byteOffset }: Uint8Array, start: number, count: number) {
    this.#view = new DataView(buffer, byteOffset + start, count * bytesPerEntry)
    this.#waits = count * 8
    this.#holds = count * 12
    this.#lanes = count * 16
  }

  write(index: number, { arrivalMs, waitMs, holdMs, lane }: RecordingEntry): void {
    this.#view.setFloat64(index * 8, arrivalMs, true)
    this.#view.setFloat32(this.#waits + index * 4, waitMs, true)
    this.#view.setFloat32(this.#holds + index * 4, holdMs, true)
    this.#view.setUint16(this.#lanes + index * 2, lane, true)
  }

  read(index: number): RecordingEntry {
    return {
      arrivalMs: this.#view.getFloat64(index * 8, true),
      waitMs: this.#view.getFloat32(this.#waits + index * 4, true),
      holdMs: this.#view.getFloat32(this.#holds + index * 4, true),
      lane: this.#view.getUint16(this.#lanes + index * 2, true),
    }
  }
}
