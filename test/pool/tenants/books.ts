/** What is counted over a campaign, and the breaches. */

import { Ledger, type Row } from './ledger.ts'
import { describeError } from './verdict.ts'

/** So many breaches of a kind are told in full. */
const mostTold = 20

export class Books {
  /** The first of each kind in full, and how many there were. */
  readonly breaches = new Map<string, { readonly first: string; times: number }>()
  readonly deeds = new Map<string, number>()
  readonly faults = new Map<string, number>()
  /** What callers were told, by its beginning. */
  readonly errors = new Map<string, number>()
  readonly fates = new Map<string, number>()
  ledger = new Ledger()
  statements = 0
  answered = 0
  callers = 0
  readonly #say: (line: string) => void

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  get breachCount(): number {
    return [...this.breaches.values()].reduce((sum, { times }) => sum + times, 0)
  }

  breach(wrong: string, where = ''): void {
    const kind = simplified(wrong)
    const known = this.breaches.get(kind) ?? { first: where + wrong, times: 0 }
    known.times++
    this.breaches.set(kind, known)
    if (known.times <= mostTold) this.#say(`BREACH ${where}${wrong}`)
  }

  did(deed: string): void {
    add(this.deeds, deed, 1)
  }

  told(error: unknown): void {
    add(this.errors, simplified(describeError(error)), 1)
  }

  happened(fault: string, times = 1): void {
    add(this.faults, fault, times)
  }

  /** Compares what is there with what it should be, and begins anew. */
  close(rows: readonly Row[]): void {
    for (const { id, wrong } of this.ledger.compare(rows)) this.breach(wrong, `${id} `)
    for (const fate of ['kept', 'unknown', 'gone'] as const) add(this.fates, fate, this.ledger.count(fate))
    this.ledger = new Ledger()
  }
}

export function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}

function add(counts: Map<string, number>, what: string, times: number): void {
  counts.set(what, (counts.get(what) ?? 0) + times)
}

/** Without what is different each time. */
function simplified(text: string): string {
  return text.replace(/token-[\d-]+(b-)?|"[^"]*"|'[^']*'/g, '…').slice(0, 80)
}
