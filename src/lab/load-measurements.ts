/** What is measured of every closed load: how long its calls took, how many there were, how many failed. */

import { failed, latencyMs, type Load, perSecond } from './load.ts'
import { measurement } from './measurement.ts'
import type { Measurement } from './results.ts'

/** A load for each round. Their names begin with `name`. */
export function loadMeasurements(name: string, loads: readonly Load[]): Measurement[] {
  const latencies = (percent: number): number[] => loads.map((load) => latencyMs(load, percent))
  return [
    measurement(`${name} p50`, 'ms', latencies(50)),
    measurement(`${name} p99`, 'ms', latencies(99)),
    measurement(`${name} throughput`, '1/s', loads.map(perSecond)),
    measurement(`${name} failures`, 'count', loads.map(failed)),
  ]
}
