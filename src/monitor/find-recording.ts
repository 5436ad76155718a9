/** Which pool's recording is asked for: its bytes, or a sentence that says how to ask. */

import type { PoolerFigures, RecordingFigures } from '../pooler/figures.ts'

export interface FoundRecording {
  readonly fileName: string
  readonly bytes: Uint8Array
}

type Pool = Pick<RecordingFigures, 'database' | 'user'>

const nothingRecorded =
  'no pool is recorded: SET recording_entries = 100000 on the console begins it, and a pool is there once a client has logged in'
const mostNamed = 20

/** `query`: `database` and `user`, or what of them it takes to tell the pool from the others that are recorded. */
export function findRecording(
  figures: Pick<PoolerFigures, 'recordings' | 'recording'>,
  query: URLSearchParams,
): FoundRecording | string {
  const recorded = figures.recordings()
  if (recorded.length === 0) return nothingRecorded
  const [pool, ...others] = recorded.filter((one) => isMeant(one, query))
  if (!pool) return `no such pool is recorded; those that are: ${named(recorded)}`
  if (others.length > 0) return `several pools are recorded, say which one: ${named([pool, ...others])}`
  const bytes = figures.recording(pool.database, pool.user)
  return bytes ? { fileName: fileNameOf(pool), bytes } : nothingRecorded
}

function isMeant({ database, user }: Pool, query: URLSearchParams): boolean {
  return (query.get('database') ?? database) === database && (query.get('user') ?? user) === user
}

/** As it may be asked for. */
function named(pools: readonly Pool[]): string {
  const first = pools
    .slice(0, mostNamed)
    .map(({ database, user }) => `?${new URLSearchParams({ database, user }).toString()}`)
  const left = pools.length - first.length
  return first.join(', ') + (left > 0 ? ` and ${left} more (SHOW RECORDINGS on the console)` : '')
}

/** For a header, and for any file system. */
function fileNameOf({ database, user }: Pool): string {
  const [ofDatabase, ofUser] = [database, user].map((name) => name.replace(/[^\w.-]/g, '_').slice(0, 63))
  return `taxirank-${ofDatabase}-${ofUser}.recording`
}
