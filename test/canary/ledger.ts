/**
 * What clients know about the rows they wrote. The outcome of a row is at all times what the client knows of it: nothing
 * has asked for it to be committed (`absent`), something has and no answer came yet (`unknown`), or the answer is here.
 */

import type { Breach } from './breach.ts'

export type Outcome = 'absent' | 'unknown' | 'committed'

export interface Line {
  readonly token: string
  readonly client: number
  /** What the client was doing. */
  readonly scenario: string
  outcome: Outcome
}

export class Ledger {
  readonly #lines = new Map<string, Line[]>()

  /** A row that a client is going to write to the table of this database. */
  line(database: string, client: number, scenario: string, token: string): Line {
    const line: Line = { token, client, scenario, outcome: 'absent' }
    const lines = this.#lines.get(database)
    if (lines) lines.push(line)
    else this.#lines.set(database, [line])
    return line
  }

  get databases(): string[] {
    return [...this.#lines.keys()]
  }

  /** How many lines have each outcome. */
  totals(): Record<Outcome, number> {
    const totals = { absent: 0, unknown: 0, committed: 0 }
    for (const lines of this.#lines.values()) for (const { outcome } of lines) totals[outcome]++
    return totals
  }

  /** Compares with what the table holds: committed exactly once, absent never, unknown at most once. */
  compare(database: string, rows: readonly string[]): Breach[] {
    const counts = new Map<string, number>()
    for (const token of rows) counts.set(token, (counts.get(token) ?? 0) + 1)
    const breaches: Breach[] = []
    for (const line of this.#lines.get(database) ?? []) {
      const count = counts.get(line.token) ?? 0
      counts.delete(line.token)
      if (!isRight(line.outcome, count)) breaches.push(wrong(database, line, count))
    }
    for (const [token, count] of counts) breaches.push(wrong(database, { ...nobody, token }, count))
    return breaches
  }
}

const nobody = { client: 0, scenario: 'nothing known', outcome: 'absent' } as const

function isRight(outcome: Outcome, count: number): boolean {
  if (outcome === 'unknown') return count <= 1
  return count === (outcome === 'committed' ? 1 : 0)
}

function wrong(database: string, line: Line, count: number): Breach {
  const known = `its client knows it as ${line.outcome} (${line.scenario})`
  const message = `${line.token} stands ${count} times in ${database}'s table, ${known}`
  return { kind: 'wrong effect', client: line.client, message, transcript: [] }
}
