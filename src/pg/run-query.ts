/** One query of the pool's own: on whichever client is free first, which is given back when it is answered. */

import type { Lease } from '../engine/lease.ts'
import type { ClientLeases } from './client-leases.ts'
import type { LendableClient } from './lendable-client.ts'
import { orAborted } from './wording.ts'

/** Told once. */
export type Done = (error: unknown, result?: unknown) => void

export interface PoolQuery {
  readonly text: unknown
  readonly values: unknown
  readonly done: Done
  /** What its caller wants to be sent ahead of it. */
  readonly wanted?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export function runQuery(leases: ClientLeases, lease: Lease<LendableClient>, query: PoolQuery): void {
  const pooled = leases.take(lease)
  const preparing = leases.prepare(pooled, query.wanted)
  if (preparing) void runWhenPrepared(leases, pooled, query, preparing)
  else runQueryOn(leases, pooled, query)
}

async function runWhenPrepared(
  leases: ClientLeases,
  pooled: LendableClient,
  query: PoolQuery,
  preparing: Promise<void>,
): Promise<void> {
  const { number } = pooled
  try {
    await preparing
  } catch (error) {
    if (pooled.isHeldAs(number)) leases.giveBack(pooled, error as Error)
    return query.done(error)
  }
  if (query.signal?.aborted) return giveUp(leases, pooled, query)
  runQueryOn(leases, pooled, query)
}

/** Its signal was aborted before it could run. */
function giveUp(leases: ClientLeases, pooled: LendableClient, { done, signal }: PoolQuery): void {
  leases.giveBack(pooled)
  done(orAborted(signal?.reason))
}

/** Hot path. The client is given back before whoever has asked is told. */
export function runQueryOn(
  leases: ClientLeases,
  pooled: LendableClient,
  { text, values, done, signal }: PoolQuery,
): void {
  const { client, number } = pooled
  let isOver = false
  const finish = (error?: Error | null, result?: unknown): void => {
    if (isOver) return
    isOver = true
    pooled.onFailure = undefined
    if (pooled.isHeldAs(number)) leases.giveBack(pooled, error ?? undefined)
    done(error ?? undefined, result)
  }
  pooled.onFailure = finish
  if (signal) {
    leases.whenAborted(signal, pooled, () => {
      if (isOver) return
      isOver = true
      abandon(leases, pooled)
      done(orAborted(signal.reason))
    })
  }
  try {
    client.query(text, values, finish)
  } catch (error) {
    finish(error as Error)
  }
}

/** Whoever has asked is told at once; the client is lent on when PostgreSQL has ended what runs on it. */
function abandon(leases: ClientLeases, pooled: LendableClient): void {
  pooled.onFailure = undefined
  leases.cancel(pooled)
  leases.giveBack(pooled)
}
