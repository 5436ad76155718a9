/** The end of what was said on one connection, kept small: it is written for every chunk and read only after a breach. */

const mostEntries = 40
const mostBytes = 600

interface Entry {
  readonly atMs: number
  readonly what: string
  readonly bytes: Buffer | undefined
  readonly length: number
}

export class Transcript {
  readonly #entries: Entry[] = []
  #next = 0

  /** `what` happened; `bytes` may be kept in part. */
  add(what: string, bytes?: Buffer): void {
    const kept = bytes && bytes.length > mostBytes ? Buffer.from(bytes.subarray(0, mostBytes)) : bytes
    this.#entries[this.#next % mostEntries] = { atMs: performance.now(), what, bytes: kept, length: bytes?.length ?? 0 }
    this.#next++
  }

  /** Oldest first. */
  lines(): string[] {
    const oldest = Math.max(0, this.#next - mostEntries)
    const kept = Array.from(
      { length: this.#next - oldest },
      (_, i) => this.#entries[(oldest + i) % mostEntries] as Entry,
    )
    return kept.map(({ atMs, what, bytes, length }) => {
      const text = bytes ? `${length} bytes: ${printable(bytes)}${length > bytes.length ? '…' : ''}` : ''
      return `${atMs.toFixed(1)} ${what} ${text}`
    })
  }
}

function printable(bytes: Buffer): string {
  return bytes.toString('latin1').replaceAll(/[^ -~]+/g, '·')
}
