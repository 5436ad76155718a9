/** Reads what a live pooler shows, over a while: Taxirank's by HTTP, any that has PgBouncer's console by that. It only reads. */

import { TaxirankError } from '../errors.ts'
import { frozen } from './frozen.ts'
import type { PoolerReading } from './pooler-reading.ts'
import { readPoolerByConsole } from './read-pooler-by-console.ts'
import { readPoolerByHttp } from './read-pooler-by-http.ts'

export interface PoolerOptions {
  /** How long to look; 0: once, which shows sizes and who waits, and no rates. */
  readonly watchMs: number
  readonly signal?: AbortSignal
}

/**
 * `url`: `http://host:port`, where Taxirank's monitor listens, or `postgres://user:password@host:port/pgbouncer`, the console of
 * PgBouncer or Taxirank. Rejects with `bad_configuration` if it is neither, or what answers is no such pooler; with
 * `server_connect_failed` if nothing answers; with the signal's reason. What else can't be seen is in `missing`. No connection is
 * left when this has settled.
 */
export async function readPooler(url: string, options: PoolerOptions): Promise<PoolerReading> {
  if (/^https?:\/\//.test(url)) return frozen(await readPoolerByHttp(url, options))
  if (/^postgres(ql)?:\/\//.test(url)) return frozen(await readPoolerByConsole(url, options))
  throw new TaxirankError(
    'bad_configuration',
    'the address of the pooler begins neither with http:// (the monitor of Taxirank) nor with postgres:// (a console: postgres://user@host:6432/pgbouncer)',
  )
}
