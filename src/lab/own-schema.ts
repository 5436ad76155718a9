/**
 * The one thing that the lab touches on a database that is not its own: a schema. That it is the lab's is known by its comment;
 * that no two labs share it, by an advisory lock, without which it is neither made nor dropped.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { TaxirankError } from '../errors.ts'
import { connectControl, reasonOf } from './control.ts'
import type { Target } from './target.ts'
import { schema } from './work.ts'

const comment = 'made by taxirank lab, which removes it'
/** Any number that no other program uses. */
const lockKey = 7_461_297_465_013
/** A connection that was cut keeps its lock until PostgreSQL has seen that. */
const lockLimitMs = 10_000
const lockEachMs = 50

/**
 * Makes it, in place of what a lab that was killed has left. `locked` is called before anything is done. The lock is held as long as the connection lives. Rejects with `bad_configuration`
 * where another lab is at work, and where there is a schema of that name that isn't the lab's.
 */
export async function makeOwnSchema(control: Client, { address }: Target, locked: () => void): Promise<void> {
  if (!(await lock(control))) throw wrong(`another lab is at work on ${address}: wait until it is over`)
  locked()
  await dropIfOwn(control)
  try {
    // One Query, one transaction: it is never there without its comment.
    await control.query(`create schema ${schema}; comment on schema ${schema} is '${comment}'`)
  } catch (cause) {
    throw wrong(`a schema of the lab's own can't be made: ${reasonOf(cause)}`, cause)
  }
}

/**
 * Drops it, on a connection of its own: the lab's may have been cut. Nothing happens where there is none, and where another lab has the lock:
 * then it is that one's. Rejects with what is left to be done by hand.
 */
export async function dropOwnSchema(target: Target): Promise<void> {
  try {
    const client = await connectControl(target)
    try {
      if (await lockWithin(client, lockLimitMs)) await dropIfOwn(client)
    } finally {
      await client.end()
    }
  } catch (cause) {
    const what = `the schema ${schema} is left on ${target.address} (${reasonOf(cause)})`
    throw wrong(`${what}: drop schema ${schema} cascade`, cause)
  }
}

async function lock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [lockKey])
  return rows[0]?.got === true
}

async function lockWithin(client: Client, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs
  while (!(await lock(client))) {
    if (performance.now() > deadline) return false
    await sleep(lockEachMs)
  }
  return true
}

async function dropIfOwn(client: Client): Promise<void> {
  const { rows } = await client.query<{ comment: string | null }>(
    `select obj_description(oid, 'pg_namespace') as comment from pg_namespace where nspname = $1`,
    [schema],
  )
  const [found] = rows
  if (!found) return
  if (found.comment !== comment) {
    throw wrong(`there is a schema ${schema} that is not the lab's: rename it, or use another database`)
  }
  await client.query(`set client_min_messages = warning; drop schema ${schema} cascade; reset client_min_messages`)
}

function wrong(message: string, cause?: unknown): TaxirankError {
  return new TaxirankError('bad_configuration', message, { cause })
}
