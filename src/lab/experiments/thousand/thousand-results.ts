/** What was found of a thousand clients, and what of it is said more than once. */

import { percentile } from '../../../metrics/statistics.ts'
import { medianOf } from '../../measurement.ts'
import type { Rig } from '../../rig.ts'
import type { CrowdPlan, CrowdResult } from './thousand-measure.ts'

export interface Thousand {
  readonly rig: Rig
  readonly plan: CrowdPlan
  readonly results: readonly CrowdResult[]
}

/** The way to a server that has a connection for each client. */
export const roomForAll = 'direct, room for all'

export function wayOf(results: readonly CrowdResult[], name: string): CrowdResult {
  const found = results.find((result) => result.name === name)
  if (!found) throw new Error(`taxirank bug: ${name} was not measured`)
  return found
}

/** The way straight to a server by which most were let in. */
export function mostDirect(results: readonly CrowdResult[]): CrowdResult {
  const direct = results.filter(({ name }) => name.startsWith('direct'))
  return direct.reduce((one, other) => (other.connected > one.connected ? other : one))
}

export function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}

export function latencyOf({ windows }: CrowdResult, percent: number): number {
  return medianOf(latenciesOf(windows, percent))
}

export function latenciesOf(windows: CrowdResult['windows'], percent: number): number[] {
  return windows.map((window) =>
    window.latenciesMs.length === 0 ? Number.NaN : percentile(window.latenciesMs, percent),
  )
}

/** All backends, with their part of what is shared, and the pooler. */
export function memoryOfAll({ proportionalBytes, poolerBytes }: CrowdResult): number {
  return proportionalBytes + (Number.isNaN(poolerBytes) ? 0 : poolerBytes)
}

/** In each window. */
export function perSecondOf({ windows }: CrowdResult): number[] {
  return windows.map(({ latenciesMs, seconds }) => latenciesMs.length / seconds)
}
