/** A queue before some servers, first come, first served, and what is said of one. The kinds of queue are in waiting.ts. */

import { mostServers, wholeUpTo, zeroOrMore } from './in-range.ts'
import { inUse } from './littles-law.ts'

/** What is asked of servers, 0 or more each. */
export interface Demand {
  readonly arrivalsPerSecond: number
  /** How long an arrival holds a server, on average. */
  readonly serviceMs: number
}

export interface Queue extends Demand {
  /** 1 to 1,000,000. */
  readonly servers: number
}

/** Before one server, which goes without saying. */
export type SingleQueue = Demand & Partial<Queue>

/** Squared coefficients of variation, variance over mean squared, 0 or more. 0: always the same. 1: exponential. */
export interface Variability {
  /** Of the times between arrivals. 1: Poisson arrivals. */
  readonly arrivalScv: number
  /** Of the times of service. */
  readonly serviceScv: number
}

/** In the long run, over all arrivals: those who don't wait count with 0. */
export interface QueueFigures {
  /** The part of the servers' time that is asked for. 1 or more: the queue grows without end. */
  readonly utilisation: number
  /** That an arrival waits at all, 0 to 1. */
  readonly waitProbability: number
  /** Not counting the service. */
  readonly meanWaitMs: number
  /** How many wait, on average (Lq). */
  readonly meanWaiting: number
}

/** How many servers would be busy on average if there were enough of them. Throws `out_of_range`. */
export function loadOf({ servers, arrivalsPerSecond, serviceMs }: Queue): number {
  wholeUpTo('servers', servers, 1, mostServers)
  zeroOrMore('arrivalsPerSecond', arrivalsPerSecond)
  zeroOrMore('serviceMs', serviceMs)
  return inUse(arrivalsPerSecond, serviceMs)
}

/** As in `QueueFigures`. Throws `out_of_range`. */
export function utilisationOf(queue: Queue): number {
  return loadOf(queue) / queue.servers
}

/** Of a queue that keeps up. How many wait follows from Little's law: the waiting hold a place in the queue. */
export function figuresOf(queue: Queue, waitProbability: number, meanWaitMs: number): QueueFigures {
  const meanWaiting = inUse(queue.arrivalsPerSecond, meanWaitMs)
  return { utilisation: utilisationOf(queue), waitProbability, meanWaitMs, meanWaiting }
}

/** Of a queue that doesn't: no error, for whoever asks wants to be told. */
export function overloaded(utilisation: number): QueueFigures {
  return { utilisation, waitProbability: 1, meanWaitMs: Infinity, meanWaiting: Infinity }
}
