/** Waves of workers: what is planned, what one has given, and its numbers. */

import { failed, failuresText, type Load } from '../../load.ts'
import { meanOf, measurement, medianOf } from '../../measurement.ts'
import type { Measurement } from '../../results.ts'
import type { Statement } from '../../work.ts'
import { stepsOf } from './steps.ts'

export interface Wave {
  readonly name: string
  readonly workers: number
  readonly statement: Statement
  /** How long one query has its connection, if nothing slows it. */
  readonly serviceMs: number
  /** Of it, on a core. */
  readonly coreMs: number
  /** Connections that the workers share; undefined: each opens one. */
  readonly max: number | undefined
  /** All of them, before the workers come. */
  readonly isOpen: boolean
}

/** Of one connection, if many do the same at once. */
export interface ConnectionCost {
  readonly openMs: number
  /** Of its first query, for which a backend must look up everything. */
  readonly firstMs: number
  readonly closeMs: number
}

export interface Plan {
  readonly cost: ConnectionCost
  /** Connections that a capped wave shares. */
  readonly most: number
  readonly held: readonly Wave[]
  /** Of each kind of short query. */
  readonly short: readonly Wave[]
  readonly kinds: readonly string[]
}

export interface Sent {
  readonly load: Load
  /** Connections open at the same time, at most. */
  readonly open: number
}

export interface MeasuredWave {
  readonly wave: Wave
  /** One a round. */
  readonly rounds: readonly Sent[]
}

/** Medians over the rounds. */
export interface WaveRow {
  readonly wave: Wave
  readonly meanMs: number
  /** Until the last one had its answer, or was refused. */
  readonly wholeMs: number
  readonly open: number
  readonly failed: number
  /** Over all rounds. */
  readonly why: string
  readonly firstRound: Load
}

/** Of the capped wave, medians over the rounds. */
export interface StepsFound {
  readonly count: number
  /** How many are answered in one. */
  readonly size: number
}

/** Between two steps nobody is answered for so long, in hold times; within one somebody is. */
export const gap = 0.4

export function rowOf({ wave, rounds }: MeasuredWave): WaveRow {
  const loads = rounds.map(({ load }) => load)
  return {
    wave,
    meanMs: medianOf(loads.map(({ latenciesMs }) => meanOf(latenciesMs))),
    wholeMs: medianOf(loads.map(wholeOf)),
    open: medianOf(rounds.map(({ open }) => open)),
    failed: medianOf(loads.map(failed)),
    why: failuresText(loads),
    firstRound: loads[0] as Load,
  }
}

export function measurementsOf({ wave: { name }, rounds }: MeasuredWave): readonly Measurement[] {
  const of = (value: (sent: Sent) => number): number[] => rounds.map(value)
  return [
    measurement(
      `${name} mean`,
      'ms',
      of(({ load }) => meanOf(load.latenciesMs)),
    ),
    measurement(
      `${name} whole`,
      'ms',
      of(({ load }) => wholeOf(load)),
    ),
    measurement(
      `${name} failures`,
      'count',
      of(({ load }) => failed(load)),
    ),
    measurement(
      `${name} open together`,
      'count',
      of(({ open }) => open),
    ),
  ]
}

export function measurementsOfSteps({ wave, rounds }: MeasuredWave): readonly [Measurement, Measurement] {
  const steps = rounds.map(({ load }) => stepsOf(load.latenciesMs, gap * wave.serviceMs))
  return [
    measurement(
      'steps of the capped wave',
      'count',
      steps.map(({ length }) => length),
    ),
    measurement(
      'size of a step',
      'count',
      steps.map((of) => medianOf(of.map(({ size }) => size))),
    ),
  ]
}

function wholeOf({ seconds }: Load): number {
  return 1_000 * seconds
}
