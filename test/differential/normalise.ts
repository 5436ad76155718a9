/**
 * What PostgreSQL itself would not say twice: the process id of whoever notifies, and the OIDs of tables that a conversation
 * makes; which message it was that met a failed transaction, since the pooler may prepare ahead; and in which order parameters are reported that an
 * error or a rollback has changed, since that is the one in which the session has set them, ever. And the two things that the pooler says of its own: which it is, and that its client is pinned. Nothing else.
 */

import type { Message } from '../support/raw-messages.ts'

const kinds = [
  'temporary objects',
  'advisory locks',
  'WITH HOLD cursors',
  'SQL PREPARE',
  'LISTEN',
  'parameters',
  'another user',
  'indelible state',
].join('|')
const pinned = new RegExp(
  `^SNOTICE\0VNOTICE\0C00000\0Mthis connection keeps a server of the pool beyond its transaction: (${kinds})(, (${kinds}))*\0\0$`,
)

export function isPinNotice({ type, body }: Message): boolean {
  return type === 'N' && pinned.test(body.toString('latin1'))
}

/** The one parameter that the pooler reports and PostgreSQL doesn't. It comes at the login, which is in no conversation. */
export const announcedName = 'taxirank.pooler'

/** File, line and routine. */
const place = /\0F[^\0]*\0L[^\0]*\0R[^\0]*/

/** Reports behind one another are put in order. */
export function reportsInOrder(messages: readonly string[]): string[] {
  const ordered = [...messages]
  for (let at = 0; at < ordered.length; at++) {
    let end = at
    while (ordered[end]?.startsWith('S ')) end++
    if (end > at + 1) ordered.splice(at, end - at, ...ordered.slice(at, end).sort())
    at = end
  }
  return ordered
}

/** Of one play of one conversation. */
export class Normaliser {
  readonly #lastGroundOid: number
  readonly #made = new Map<number, number>()

  /** Objects up to that OID are the same in every play. */
  constructor(lastGroundOid: number) {
    this.#lastGroundOid = lastGroundOid
  }

  /** A message in full, as text. */
  normalise({ type, body }: Message): string {
    if (type === 'A') return `A ${body.toString('latin1', 4)}`
    if (type === 'E' && body.includes('\0C25P02\0')) return `E ${body.toString('latin1').replace(place, '')}`
    return `${type} ${(type === 'T' ? this.#withoutOids(body) : body).toString('latin1')}`
  }

  /** Tables, and types of columns, that were made in this play are numbered as they come. */
  #withoutOids(body: Buffer): Buffer {
    const columns = Buffer.from(body)
    let at = 2
    for (let left = columns.readInt16BE(0); left > 0; left--) {
      const end = columns.indexOf(0, at) + 1
      this.#number(columns, end)
      this.#number(columns, end + 6)
      at = end + 18
    }
    return columns
  }

  #number(columns: Buffer, at: number): void {
    const oid = columns.readUInt32BE(at)
    if (oid <= this.#lastGroundOid) return
    if (!this.#made.has(oid)) this.#made.set(oid, this.#made.size + 1)
    columns.writeUInt32BE(0xffff_0000 + (this.#made.get(oid) as number), at)
  }
}
