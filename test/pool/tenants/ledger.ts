/** What callers have written, and what has become of it as far as they know: compared at the end with what is there. */

import type { Wants } from './wants.ts'

/** Committed for certain; perhaps; not. */
export type Fate = 'kept' | 'unknown' | 'gone'

export interface Row {
  readonly id: string
  readonly tenant: string
  readonly role: string
}

/** An entry that is not as it must be. */
export interface Wrong {
  readonly id: string
  readonly wrong: string
}

interface Entry {
  fate: Fate
  readonly wants: Wants
  /** Who has written it, by what. */
  readonly what: string
}

export class Ledger {
  readonly #entries = new Map<string, Entry>()

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
  compare(rows: readonly Row[]): Wrong[] {
    const found = new Map<string, Row[]>()
    for (const row of rows) found.set(row.id, [...(found.get(row.id) ?? []), row])
    const strangers = [...found.keys()].filter((id) => !this.#entries.has(id))
    return [
      ...strangers.map((id) => ({ id, wrong: 'was written by nobody' })),
      ...[...this.#entries].flatMap(([id, entry]) =>
        wrongWith(entry, found.get(id) ?? []).map((wrong) => ({ id: `${id} ${entry.what}`, wrong })),
      ),
    ]
  }
}

function wrongWith({ fate, wants }: Entry, rows: readonly Row[]): string[] {
  if (rows.length > 1) return [`was written ${rows.length} times`]
  if (rows.length === 1 && fate === 'gone') return ['is there, and was not committed']
  if (rows.length === 0 && fate === 'kept') return ['was committed, and is not there']
  return rows
    .filter(({ tenant, role }) => tenant !== wants.tenant || role !== wants.role)
    .map(({ tenant, role }) => `was written as ${role} for '${tenant}', and wanted ${wants.role}, '${wants.tenant}'`)
}
