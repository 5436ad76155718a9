/**
 * Little's law, L = λ W: how many are in use is the rate of arrivals times how long each holds one (J. D. C. Little, "A
 * proof for the queuing formula L = λW", 1961). It holds for any distribution of either, as long as what arrives also
 * leaves.
 */

import { aboveZero, zeroOrMore } from './in-range.ts'

/** Connections in use on average. Both are 0 or more. Throws `out_of_range`. */
export function inUse(arrivalsPerSecond: number, heldMs: number): number {
  zeroOrMore('arrivalsPerSecond', arrivalsPerSecond)
  zeroOrMore('heldMs', heldMs)
  return (arrivalsPerSecond * heldMs) / 1000
}

/**
 * The most that `servers` can serve, if each is held for `heldMs` (above 0) and all are in use all the time: a ceiling, at
 * which the queue is endless already. Throws `out_of_range`.
 */
export function mostPerSecond(servers: number, heldMs: number): number {
  zeroOrMore('servers', servers)
  aboveZero('heldMs', heldMs)
  return (servers * 1000) / heldMs
}

/**
 * How long each may hold a connection at most so that `servers` keep up with `arrivalsPerSecond` (above 0): the same
 * ceiling. Of the number in use instead of `servers` it is how long they were held on average. Throws `out_of_range`.
 */
export function mostHeldMs(servers: number, arrivalsPerSecond: number): number {
  zeroOrMore('servers', servers)
  aboveZero('arrivalsPerSecond', arrivalsPerSecond)
  return (servers * 1000) / arrivalsPerSecond
}
