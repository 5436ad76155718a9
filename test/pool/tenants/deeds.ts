/** What callers do with a pool besides transactions. Each is done by one caller, and ends. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { PoolClient } from '../../../src/pg/taxirank.ts'
import type { Caller } from './caller.ts'
import { Cursor, type Stop } from './cursor.ts'
import { askOn, connect } from './holding.ts'
import { abortedAfter, enough } from './questions.ts'
import { beginsByHand, runsTransaction } from './transactions.ts'
import { cancelled, Standing, type Seen } from './verdict.ts'

export interface Deed {
  readonly name: string
  /** Of so many in all. */
  readonly weight: number
  readonly isFor?: (caller: Caller) => boolean
  run(caller: Caller): Promise<void>
}

export const deeds: readonly Deed[] = [
  { name: 'queries of the pool, one after the other', weight: 5, run: asksInTurn },
  { name: 'queries of the pool at once', weight: 4, run: asksAtOnce },
  { name: 'connect, queries, release', weight: 5, run: holds },
  { name: 'connect, release', weight: 4, run: holdsIdly },
  { name: 'release with queries running', weight: 4, run: leavesRunning },
  { name: 'release with an error', weight: 1, run: releasesWithError },
  { name: 'release twice', weight: 1, run: releasesTwice },
  { name: 'await using, released early', weight: 2, run: disposesLate },
  { name: 'connect with a callback', weight: 1, run: connectsByCallback },
  { name: 'connect with a signal', weight: 3, run: connectsWithSignal },
  { name: 'transaction by hand', weight: 5, run: beginsByHand },
  { name: 'transaction()', weight: 5, run: runsTransaction },
  { name: 'cursor', weight: 2, isFor: ({ kind }) => !kind.isPipelined, run: readsByCursor },
  { name: 'leaves a session that is to be reset', weight: 3, isFor: ({ kind }) => kind.reset !== 'none', run: litters },
]

async function asksInTurn(caller: Caller): Promise<void> {
  for (let left = caller.random.integer(1, 4); left > 0; left--) {
    await caller.ask(caller.pool, caller.draw({ limits: 0.2 }))
  }
}

async function asksAtOnce(caller: Caller): Promise<void> {
  const questions = Array.from({ length: caller.random.integer(2, 4) }, () => caller.draw({ limits: 0.2 }))
  await Promise.all(questions.map((question) => caller.ask(caller.pool, question)))
}

async function holds(caller: Caller): Promise<void> {
  const client = await connect(caller)
  if (!client) return
  await askOn(caller, client, new Standing())
  if (caller.random.chance(0.3)) await sleep(caller.random.integer(0, 5))
  client.release()
}

async function holdsIdly(caller: Caller): Promise<void> {
  const client = await connect(caller)
  if (caller.random.chance(0.5)) await sleep(caller.random.integer(0, 3))
  client?.release()
}

async function leavesRunning(caller: Caller): Promise<void> {
  const client = await connect(caller)
  if (!client) return
  const standing = new Standing()
  const running = Array.from({ length: caller.random.integer(1, 3) }, () => caller.ask(client, caller.draw(), standing))
  if (caller.random.chance(0.3)) await sleep(caller.random.integer(0, 5))
  client.release()
  await Promise.all(running)
}

async function releasesWithError(caller: Caller): Promise<void> {
  const client = await connect(caller)
  if (!client) return
  const standing = new Standing(cancelled)
  const running = caller.ask(client, caller.draw(), standing)
  if (caller.random.chance(0.5)) await running
  client.release(caller.random.pick([true, new Error('of no use')]))
  await running
}

async function releasesTwice(caller: Caller): Promise<void> {
  const client = await connect(caller)
  if (!client) return
  // Its own: `client.release` is the next holder's as soon as there is one.
  const release = client.release.bind(client)
  if (caller.random.chance(0.7)) await askOn(caller, client, new Standing())
  release()
  if (caller.random.chance(0.5)) await sleep(caller.random.integer(0, 5))
  try {
    release()
    caller.note('did not throw', 'a second release')
  } catch (error) {
    caller.judgeError(error, [/already been released/], 'a second release')
  }
}

async function disposesLate(caller: Caller): Promise<void> {
  const lent = await connect(caller)
  if (!lent) return
  await using client = lent
  await askOn(caller, client, new Standing())
  if (caller.random.chance(0.7)) client.release()
  await sleep(caller.random.integer(0, 5))
}

async function connectsByCallback(caller: Caller): Promise<void> {
  await new Promise<void>((resolve) => {
    const connected = async (error: unknown, client: PoolClient | undefined, done: () => void): Promise<void> => {
      if (client) await askOn(caller, client, new Standing())
      else caller.judgeError(error, caller.wants.failure ? [caller.wants.failure] : [], 'connect')
      done()
      resolve()
    }
    caller.pool.connect((error, client, done) => void connected(error, client, done))
  })
}

async function connectsWithSignal(caller: Caller): Promise<void> {
  const token = caller.nextToken()
  const millis = caller.random.integer(0, 25)
  const signal = abortedAfter(millis, token)
  const client = await connect(caller, { signal }, enough(token), cancelled)
  if (!client) return
  await askOn(caller, client, new Standing(cancelled), 4)
  client.release()
}

async function readsByCursor(caller: Caller): Promise<void> {
  const client = await connect(caller)
  if (!client) return
  if (caller.random.chance(0.3)) await caller.ask(client, caller.draw(), new Standing())
  const stop = caller.random.pick<Stop | undefined>([undefined, undefined, undefined, { after: 1, how: 'close' }])
  const leaves = caller.random.chance(0.03)
  const token = caller.nextToken()
  const text = 'select seen($1::text) from generate_series(1, 7)'
  const cursor = new Cursor(text, [token], 'portal', leaves ? { after: 1, how: 'leave' } : stop)
  caller.books.statements++
  client.query(cursor as never)
  const isEarly = leaves || caller.random.chance(0.2)
  if (isEarly) client.release()
  await Promise.race([readOn(caller, cursor, token, stop ? 3 : 7), ...(leaves ? [sleep(20)] : [])])
  if (!isEarly) client.release()
}

async function readOn(caller: Caller, cursor: Cursor, token: string, rows: number): Promise<void> {
  const { wants } = caller
  try {
    await cursor.ended
    const { tenant, role } = wants
    const seen = cursor.rows.map(([field]) => JSON.parse(String(field)) as Seen)
    const isRight = seen.every((one) => one.token === token && one.tenant === tenant && one.role === role && !one.left)
    if (!isRight || seen.length !== rows) caller.note(`was answered ${JSON.stringify(seen)}`, 'a cursor')
    if (wants.failure) caller.note('was run behind a set-up that fails', 'a cursor')
    caller.books.answered++
  } catch (error) {
    caller.judgeError(error, wants.failure ? [wants.failure] : [], 'a cursor')
  }
  if (cursor.isAnsweredTwice) caller.note('was answered twice', 'a cursor')
}

async function litters(caller: Caller): Promise<void> {
  const token = caller.nextToken()
  const litter = caller.random.pick([
    { text: `SET application_name = '${token}'`, tag: 'SET' },
    { text: `SET app.tenant = '${token}'`, tag: 'SET' },
    { text: `SET app.transaction = '${token}'`, tag: 'SET' },
    { text: `create temporary table "${token}" (id int)`, tag: 'CREATE' },
    { text: `select pg_advisory_lock(${caller.random.uint32()})`, tag: 'SELECT' },
    { text: 'SET ROLE tenant_three', tag: 'SET' },
  ])
  if (caller.random.chance(0.5))
    return void (await caller.command(caller.pool, litter.text, litter.tag, new Standing()))
  const client = await connect(caller)
  if (!client) return
  await caller.command(client, litter.text, litter.tag, new Standing())
  client.release()
}
