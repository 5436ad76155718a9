/** A connection for one request: what an application without a pool does, and what each part of it takes. */

import type { QueryResultRow } from 'pg'
import { medianOf } from './measurement.ts'
import type { Way } from './openings.ts'
import type { Rig } from './rig.ts'
import type { Statement } from './work.ts'

export interface RequestParts {
  /** Until PostgreSQL, or a pooler, says that it is ready for a query. */
  readonly openMs: number
  readonly queryMs: number
  /** Until the other side has closed. */
  readonly closeMs: number
}

export interface FreshAnswer<Row> extends RequestParts {
  readonly rows: readonly Row[]
}

/** Opens, asks and closes. Rejects as the driver does, and leaves nothing open. */
export async function askAfresh<Row extends QueryResultRow>(
  rig: Rig,
  way: Way,
  { text, values }: Statement,
): Promise<FreshAnswer<Row>> {
  const atMs = performance.now()
  const client = await rig.connect(way)
  const openedMs = performance.now()
  try {
    const { rows } = await client.query<Row>(text, [...values])
    const answeredMs = performance.now()
    await rig.end(client)
    return {
      rows,
      openMs: openedMs - atMs,
      queryMs: answeredMs - openedMs,
      closeMs: performance.now() - answeredMs,
    }
  } catch (error) {
    await rig.end(client)
    throw error
  }
}

export function mediansOf(requests: readonly RequestParts[]): RequestParts {
  return {
    openMs: medianOf(requests.map(({ openMs }) => openMs)),
    queryMs: medianOf(requests.map(({ queryMs }) => queryMs)),
    closeMs: medianOf(requests.map(({ closeMs }) => closeMs)),
  }
}

export function wholeMs({ openMs, queryMs, closeMs }: RequestParts): number {
  return openMs + queryMs + closeMs
}
