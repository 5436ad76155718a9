/** What the console sees of the process around the pooler and can do to it: handed in by whoever put it together. */

/** immediate: now. The others as `DrainMode` of the pooler. */
export type ShutdownMode = 'immediate' | 'wait_for_servers' | 'wait_for_clients'

/** One row of SHOW CONFIG. Values are texts as a file has them; undefined: unset. A secret is not among them. */
export interface SettingFigures {
  readonly name: string
  readonly value: string | undefined
  readonly default: string | undefined
  /** Without a restart. */
  readonly isChangeable: boolean
}

/** One row of SHOW MEM: `used` and `free` count items of `itemBytes` each. */
export interface MemoryFigures {
  readonly name: string
  readonly itemBytes: number
  readonly used: number
  readonly free: number
}

export interface ProcessControl {
  /** What SHOW VERSION says: `PgBouncer 1.25.2 (…)`. */
  readonly version: string
  settings(): readonly SettingFigures[]
  memory(): readonly MemoryFigures[]
  /** Reads the files again: all of it holds afterwards, or nothing. Throws or rejects with a TaxirankError that says why not. */
  reload(): Promise<void> | void
  /** Changes one setting until the next reload. Throws a TaxirankError for an unknown name, a bad value or a restart-only one. */
  set(name: string, value: string): void
  /** Begins to. Never throws: the client has its answer already. */
  shutdown(mode: ShutdownMode): void
}
