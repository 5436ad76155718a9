/** The pooler that experiments run against: asked for here, started by the command line as a process of its own. */

import type { Target } from './target.ts'

/** Who clients of it log in as; to the database it goes as the user of the target. */
export const poolerUser = 'lab'

export interface PoolerRequest {
  readonly target: Target
  /** What clients must know to be let in; undefined: nothing, for whoever is on this machine needs none for the database either. */
  readonly password: string | undefined
  readonly databases: readonly PooledDatabase[]
  readonly maxClients: number
  /** How long a client may wait for a server. */
  readonly queryWaitTimeoutMs: number
  /** It also records, and serves what it has recorded over HTTP. */
  readonly isMonitored: boolean
}

/** A name to connect to; all lead to the database of the target. */
export interface PooledDatabase {
  readonly name: string
  readonly mode: 'session' | 'transaction' | 'statement'
  readonly size: number
}

export interface RunningPooler {
  /** On 127.0.0.1. `poolerUser` may log in, and is an administrator. */
  readonly port: number
  /** Of its monitor. */
  readonly httpPort: number | undefined
  readonly pid: number
  /** Resolves when it is gone. */
  stop(): Promise<void>
}

/** Rejects with `listen_failed` or `bad_configuration`. It never outlives us. */
export type StartPooler = (request: PoolerRequest) => Promise<RunningPooler>
