/**
 * Erlang's two formulas (A. K. Erlang, "Solution of some problems in the theory of probabilities of significance in
 * automatic telephone exchanges", 1917). Both count in offered load: arrivals per second times seconds of service, the
 * number of servers that would be busy on average if there were enough.
 *
 * The textbooks' sums of powers over factorials overflow from some 170 servers on. The inverse of B grows one server at a
 * time instead (Jagerman, "Some properties of the Erlang loss function", 1974): 1/B(c) = 1 + c/a · 1/B(c - 1). All of it
 * is positive, so nothing cancels, and each rounding error is damped by the steps after it. What overflows is the inverse
 * of a probability below 1e-308, which then is 0.
 */

import { mostServers, wholeUpTo, zeroOrMore } from './in-range.ts'

/**
 * Erlang B: the probability, 0 to 1, that all of `servers` (0 to 1,000,000) are busy when whoever finds them so goes away
 * (M/G/c/c). `offeredLoad` is 0 or more, and may exceed the servers. Throws `out_of_range`.
 */
export function erlangB(servers: number, offeredLoad: number): number {
  wholeUpTo('servers', servers, 0, mostServers)
  zeroOrMore('offeredLoad', offeredLoad)
  return 1 / inverseOfB(servers, offeredLoad)
}

/**
 * Erlang C: the probability, 0 to 1, that an arrival has to wait for one of `servers` (1 to 1,000,000) when whoever finds
 * them busy waits (M/M/c). `offeredLoad` is 0 or more. From `servers` on the queue grows without end and all wait: 1.
 * Throws `out_of_range`.
 */
export function erlangC(servers: number, offeredLoad: number): number {
  wholeUpTo('servers', servers, 1, mostServers)
  zeroOrMore('offeredLoad', offeredLoad)
  if (offeredLoad >= servers) return 1
  return servers / (offeredLoad + (servers - offeredLoad) * inverseOfB(servers, offeredLoad))
}

function inverseOfB(servers: number, load: number): number {
  let inverse = 1
  for (let count = 1; count <= servers; count++) inverse = 1 + (count / load) * inverse
  return inverse
}
