/** A question of the pooler's own while a client holds the server: collects the rows that come back. */

import { Framer } from '../wire/framer.ts'
import { Backend, inquiryRules } from '../wire/messages.ts'
import { readDataRow } from '../wire/read.ts'
import type { ReplyReader } from './reply-reader.ts'

/** Whoever has set more than that is asked in vain. */
const longestAnswer = 1 << 20

export class Inquiry implements ReplyReader {
  readonly id = 0
  readonly isReading = true
  readonly rows: (string | null)[][] = []
  isFailed = false
  readonly #framer = new Framer(inquiryRules)
  readonly #usedUp: (count: number) => void
  #bytes = 0

  /** `usedUp` is told of all that comes. */
  constructor(usedUp: (count: number) => void) {
    this.#usedUp = usedUp
  }

  reply(bytes: Buffer): boolean {
    this.#usedUp(bytes.length)
    this.#bytes += bytes.length
    if (this.#bytes > longestAnswer) this.isFailed = true
    if (this.isFailed) return true
    this.#framer.push(bytes)
    while (this.#framer.next()) {
      if (this.#framer.type === Backend.errorResponse) this.isFailed = true
      if (this.#framer.type === Backend.dataRow) this.rows.push(readDataRow(this.#framer))
    }
    return true
  }
}
