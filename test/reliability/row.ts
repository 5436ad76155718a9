/** A row of the scoreboard: one fault, injected in the same way into both poolers, and what was found. */

import type { Side } from '../../bench/measure.ts'
import type { Breach } from '../canary/breach.ts'
import type { Stage } from './stage.ts'

export type { Side }

export interface Row {
  /** As in the scoreboard. */
  readonly number: number
  readonly name: string
  readonly injected: string
  readonly mustHold: string
  /** How the injection differs from the real thing, where it does. */
  readonly emulated?: string
  /** For one side. Whoever is not done by then has failed the row. */
  readonly limitMs: number
  run(stage: Stage, finding: Finding): Promise<void>
}

export interface Figure {
  readonly name: string
  readonly value: number | string
  readonly unit: string
  /** Which direction is the good one; undefined: neither. */
  readonly better: 'less' | 'more' | undefined
}

/** What one side's run of a row found. It keeps what was found before a failure. */
export class Finding {
  readonly figures: Figure[] = []
  /** Sentences: what had to hold, and did not. */
  readonly broken: string[] = []
  /** Replies that were another's, missing or doubled. */
  readonly breaches: string[] = []

  figure(name: string, value: number | string, unit = '', better?: 'less' | 'more'): void {
    this.figures.push({ name, value, unit, better })
  }

  must(holds: boolean, otherwise: string): void {
    if (!holds) this.broken.push(otherwise)
  }

  breach({ kind, client, message }: Breach): void {
    this.breaches.push(`${kind}, client ${client}: ${message}`)
  }
}
