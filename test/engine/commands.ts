/** What can be done to pools, by callers, owners, operators and time. */

import type { LeaseMode } from '../../src/engine/lease.ts'
import type { Told } from '../../src/engine/pool.ts'

export const tolds: readonly Told[] = ['nobody', 'earlier', 'everybody']

/** What a caller does in the very call that grants or refuses. */
export type Reaction = 'keep' | 'give back' | 'ask again'

export type Command =
  | {
      readonly do: 'acquire'
      readonly mode: LeaseMode
      readonly stateKey: number
      readonly lane: number
      /** 0: as the pool says. */
      readonly timeoutMs: number
      readonly reaction: Reaction
    }
  | { readonly do: Pick; readonly which: number }
  | { readonly do: 'openFailed'; readonly which: number; readonly told: Told }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'resize'; readonly maxSize: number; readonly minSize: number }
  | { readonly do: 'resizeLimit'; readonly max: number }
  | { readonly do: 'drain'; readonly ms: number; readonly waiting: 'serve' | 'refuse' }
  | { readonly do: 'pause' | 'resume' | 'retireAll' | 'suspect' }

/** Done to one of those that are in the state for it. */
export type Pick =
  | 'cancel'
  | 'release'
  | 'releaseDirty'
  | 'releaseStale'
  | 'useStale'
  | 'destroy'
  | 'lose'
  | 'opened'
  | 'closed'
  | 'checked'
  | 'checkFailed'
  | 'resetDone'
  | 'resetFailed'

/** Commands and how often each is drawn: more is asked and answered than broken. */
export const picks: readonly (readonly [name: Pick, weight: number])[] = [
  ['release', 8],
  ['opened', 7],
  ['closed', 6],
  ['checked', 5],
  ['resetDone', 4],
  ['releaseDirty', 2],
  ['cancel', 1],
  ['destroy', 1],
  ['lose', 1],
  ['checkFailed', 1],
  ['resetFailed', 1],
  ['releaseStale', 1],
  ['useStale', 1],
]

/** A pool and its surroundings. Times are in milliseconds, 0: switched off, but for `checkAfterMs`, where Infinity is. */
export interface WorldOptions {
  readonly maxSize: number
  readonly minSize: number
  readonly reserveSize: number
  readonly reserveAfterMs: number
  readonly waitTimeoutMs: number
  readonly maxWaiting: number
  /** For the second of two lanes; 0: there is one lane. */
  readonly reserved: number
  readonly isShedding: boolean
  readonly isRoundRobin: boolean
  readonly sharedDepth: number
  readonly retryMaxMs: number
  readonly lifetimeMs: number
  readonly idleTimeoutMs: number
  readonly checkAfterMs: number
  readonly keepAliveMs: number
  readonly checkTimeoutMs: number
  readonly resetTimeoutMs: number
  readonly leakAfterMs: number
  /** Of three pools together; 0: there is one pool, and no limit. */
  readonly limit: number
  /** Of the first two of them; 0: none. */
  readonly limit2: number
  readonly canReset: boolean
  /** The owner does what it is asked in the very call. */
  readonly isPrompt: boolean
}
