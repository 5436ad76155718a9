/** One caller of a queue: when it came, and for how long it then held. */
export interface Visit {
  readonly arrivedAtMs: number
  readonly heldMs: number
}

/**
 * How long each would have waited for one of `servers` in an ideal queue: whoever came first is served first, by whichever
 * is free first, and nothing takes any time but holding. Visits in the order of their arrival.
 */
export function replayFifo(visits: readonly Visit[], servers: number): number[] {
  const freeAtMs = Array.from({ length: servers }, () => -Infinity)
  return visits.map(({ arrivedAtMs, heldMs }) => {
    const first = freeAtMs.indexOf(Math.min(...freeAtMs))
    const servedAtMs = Math.max(arrivedAtMs, freeAtMs[first] as number)
    freeAtMs[first] = servedAtMs + heldMs
    return servedAtMs - arrivedAtMs
  })
}
