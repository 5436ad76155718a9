/** Every kind of fault that a soak must have seen, and how often each has happened. */

import type { Relay } from '../../src/relay/relay.ts'
import type { Canary } from '../canary/canary.ts'

export interface FaultSources {
  readonly canary: Canary
  readonly clientRelay: Relay
  readonly serverRelay: Relay
  /** How many backends were killed. */
  readonly killed: number
}

export function countFaults({ canary, clientRelay, serverRelay, killed }: FaultSources): Map<string, number> {
  const counts = new Map<string, number>()
  for (const [place, { faults }] of [
    ['client', clientRelay],
    ['server', serverRelay],
  ] as const) {
    for (const kind of ['delay', 'split', 'cut', 'reset'] as const) counts.set(`${place} ${kind}`, faults[kind])
  }
  for (const [where, count] of Object.entries(canary.vanished)) counts.set(`client vanished ${where}`, count)
  counts.set('cancel of a running request', canary.canceled.running)
  counts.set('cancel of a queued request', canary.canceled.queued)
  counts.set('backend killed', killed)
  return counts
}

export const sumOf = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0)

export const missing = (counts: ReadonlyMap<string, number>): string[] =>
  [...counts].filter(([, count]) => count === 0).map(([kind]) => kind)
