/**
 * How long one waits for a server. The names are Kendall's: arrivals, service, number of servers; M is exponential (so
 * arrivals are Poisson), G is any distribution, known by its mean and its squared coefficient of variation.
 *
 * An overloaded queue, utilisation 1 or more, is no error: all wait, for Infinity. A number out of its range is:
 * `out_of_range`.
 */

import { erlangC } from './erlang.ts'
import { check, zeroOrMore } from './in-range.ts'
import {
  figuresOf,
  loadOf,
  overloaded,
  type Queue,
  type QueueFigures,
  type SingleQueue,
  utilisationOf,
  type Variability,
} from './queue.ts'

/** One server, Poisson arrivals, exponential service. Exact. `servers` may be left out, or be 1. */
export function mm1(queue: SingleQueue): QueueFigures {
  return mg1({ ...queue, serviceScv: 1 })
}

/**
 * One server, Poisson arrivals, any service. Exact: Pollaczek (1930) and Khinchine (1932), wait = u / (1 - u) ·
 * (1 + serviceScv) / 2 · service. `servers` may be left out, or be 1.
 */
export function mg1(queue: SingleQueue & Pick<Variability, 'serviceScv'>): QueueFigures {
  return gg1({ ...queue, arrivalScv: 1 })
}

/**
 * One server, any arrivals, any service. An approximation, the better the fuller: Kingman, "The single server queue in
 * heavy traffic" (1961), wait = u / (1 - u) · (arrivalScv + serviceScv) / 2 · service. The probability of waiting is that
 * of Poisson arrivals. `servers` may be left out, or be 1.
 */
export function gg1({ servers = 1, ...demand }: SingleQueue & Variability): QueueFigures {
  check(servers === 1, 'servers', '1', servers)
  const queue = { ...demand, servers }
  const stretch = stretchOf(queue)
  const utilisation = utilisationOf(queue)
  if (utilisation >= 1) return overloaded(utilisation)
  return figuresOf(queue, utilisation, (utilisation / (1 - utilisation)) * stretch * queue.serviceMs)
}

/** Poisson arrivals, exponential service. Exact, by Erlang C: wait = C · service / (servers - load). */
export function mmc(queue: Queue): QueueFigures {
  const load = loadOf(queue)
  if (load >= queue.servers) return overloaded(utilisationOf(queue))
  const waitProbability = erlangC(queue.servers, load)
  return figuresOf(queue, waitProbability, (waitProbability * queue.serviceMs) / (queue.servers - load))
}

/**
 * Any arrivals, any service. An approximation: Allen and Cunneen (in Allen, "Probability, Statistics, and Queueing Theory",
 * 1978), the wait of M/M/c · (arrivalScv + serviceScv) / 2. The probability of waiting is that of M/M/c. It says too much where
 * service varies much and not all wait: more than 50 % at 20 servers, a utilisation of 0.7 and a serviceScv of 4; `mgc` is better for Poisson
 * arrivals.
 */
export function ggc(queue: Queue & Variability): QueueFigures {
  const stretch = stretchOf(queue)
  const { utilisation, waitProbability, meanWaitMs } = mmc(queue)
  if (utilisation >= 1) return overloaded(utilisation)
  return figuresOf(queue, waitProbability, meanWaitMs * stretch)
}

/** How many times as long one waits as where all is exponential. */
function stretchOf({ arrivalScv, serviceScv }: Variability): number {
  zeroOrMore('arrivalScv', arrivalScv)
  zeroOrMore('serviceScv', serviceScv)
  return (arrivalScv + serviceScv) / 2
}
