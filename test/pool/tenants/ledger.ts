/** What callers have written, and what has become of it as far as they know: compared at the end with what is there. */

import type { Wants } from './wants.ts'

/** Committed for certain; perhaps; not. */
export type Fate = 'kept' | 'unknown' | 'gone'

export interface Row {
  readonly id: string
  readonly tenant: string
  readonly role: string
}

export class Ledger {
  readonly #entries = new Map<string, { fate: Fate; readonly wants: Wants; readonly what: string }>()

  /** Before it is sent: until its writer knows better, it must not be there. */
  begin(id: string, wants: Wants, what: string): void {
    this.#entries.set(id, { fate: 'gone', wants, what })
  }

  end(ids: readonly string[], fate: Fate): void {
    for (const id of ids) {
      const entry = this.#entries.get(id)
      if (entry) entry.fate = fate
    }
  }

  count(fate: Fate): number {
    return [...this.#entries.values()].filter((entry) => entry.fate === fate).length
  }

  /** What is wrong with the rows that are there. */
  compare(rows: readonly Row[]): string[] {
    const found = new Map<string, Row[]>()
    for (const row of rows) found.set(row.id, [...(found.get(row.id) ?? []), row])
    const unasked = [...found.keys()].filter((id) => !this.#entries.has(id)).map((id) => `${id} was written by nobody`)
    const wrong = [...this.#entries].flatMap(([id, { fate, wants, what }]) => {
      const written = found.get(id) ?? []
      if (written.length > 1) return [`${id} ${what} was written ${written.length} times`]
      if (written.length === 1 && fate === 'gone') return [`${id} ${what} is there, and was not committed`]
      if (written.length === 0 && fate === 'kept') return [`${id} ${what} was committed, and is not there`]
      return written
        .filter(({ tenant, role }) => tenant !== wants.tenant || role !== wants.role)
        .map(
          ({ tenant, role }) =>
            `${id} ${what} was written as ${role} for '${tenant}', wanted ${wants.role}, '${wants.tenant}'`,
        )
    })
    return [...unasked, ...wrong]
  }
}
