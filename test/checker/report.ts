/** What a check found, and how it is printed. */
import type { About } from './rule.ts'
import type { Counts } from './world.ts'

export interface BreachFound {
  readonly rule: string
  readonly sequence: number
  readonly timeMs: number
  readonly about: About
  readonly expected: string
  readonly seen: string
}

export interface Report {
  /** How many there are; `first` holds at most 20 of them. */
  readonly breaches: number
  readonly first: readonly BreachFound[]
  readonly byRule: ReadonlyMap<string, number>
  readonly counts: Readonly<Counts>
}

export const shown = 20

/** Lines for people. The last one is `N breaches`. */
export function formatReport({ breaches, first, byRule, counts }: Report): string {
  const lines = first.map(formatBreach)
  if (breaches > first.length) lines.push(`… and ${breaches - first.length} more`)
  if (breaches > 0) lines.push(`by rule: ${[...byRule].map(([rule, count]) => `${rule} ${count}`).join(', ')}`)
  lines.push(
    `${counts.records} records, ${counts.clients} clients, ${counts.servers} servers, ${counts.leases} leases, ` +
      `${counts.requests} requests, ${counts.bytes} bytes, ${counts.peerFaults} faults of peers`,
    `${breaches} breaches`,
  )
  return `${lines.join('\n')}\n`
}

function formatBreach({ rule, sequence, timeMs, about, expected, seen }: BreachFound): string {
  const ids = Object.entries(about).map(([kind, id]) => `${kind} ${id}`)
  const place = [`record ${sequence}`, `${timeMs.toFixed(3)} ms`, ...ids].join(', ')
  return `${rule} at ${place}: expected ${expected}; seen: ${seen}`
}
