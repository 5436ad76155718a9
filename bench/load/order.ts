/** What the load generator is told to do: its only argument, as JSON. */

/** Goes on for as long as it is told. */
export type TimedLoad = 'cancel' | 'parameters'

/** What is to be done, without where. */
export type Load =
  | { readonly load: 'idle' | 'reconnect'; readonly clients: number }
  | { readonly load: TimedLoad; readonly seconds: number }
  | { readonly load: 'result'; readonly megabytes: number }
  | { readonly load: 'stopped'; readonly megabytes: number; readonly seconds: number }

/** The pooler's port and process. */
export interface Place {
  readonly port: number
  readonly pid: number
}

export type LoadOrder = Load & Place

/** What comes back, by the name of what was measured. */
export interface LoadFigures {
  readonly idleKb?: number
  readonly servedMs?: number
  readonly mbPerSecond?: number
  readonly peakMb?: number
  readonly growthMb?: number
  readonly tps?: number
  readonly transactions?: number
  /** Of every cancel. */
  readonly latenciesMs?: readonly number[]
}
