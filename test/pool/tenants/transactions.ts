/** What callers do with transactions: ended, left open, or ended by somebody else. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { PoolClient, TransactionOptions } from '../../../src/pg/taxirank.ts'
import type { Caller } from './caller.ts'
import { askOn, connect } from './holding.ts'
import type { Fate } from './ledger.ts'
import { abortedAfter, enough } from './questions.ts'
import { cancelled, describeError, Standing } from './verdict.ts'

/** Begins one, or finds it begun, and marks it as this caller's. False if there is none. */
async function mark(caller: Caller, client: PoolClient, standing: Standing): Promise<boolean> {
  const name = caller.nextToken()
  const text = `select set_config('app.transaction', '${name}', true)`
  const { error } = await caller.command(client, text, 'SELECT', standing)
  if (error !== undefined) return false
  standing.transaction = name
  return caller.ask(client, writingMark(caller), standing).then((answer) => answer.error === undefined)
}

/** So that the transaction has a number from here on. */
function writingMark(caller: Caller) {
  const token = caller.nextToken()
  return {
    query: `insert into entry (id) values ('${token}') returning seen('${token}') as seen`,
    tokens: [token],
    isSimple: true,
    entry: token,
  }
}

// By hand.

const ends = ['commit', 'commit', 'rollback', 'release', 'release, busy', 'error', 'commit, busy'] as const

export async function beginsByHand(caller: Caller): Promise<void> {
  const client = await connect(caller)
  if (!client) return
  const end = caller.random.pick(ends)
  const standing = new Standing(...(end === 'error' ? [cancelled] : []))
  const begun = await caller.command(client, 'begin', 'BEGIN', standing)
  if (begun.error !== undefined || !(await mark(caller, client, standing))) return client.release()
  if (caller.random.chance(0.8)) await askOn(caller, client, standing)
  await endByHand(caller, client, standing, end)
}

async function endByHand(
  caller: Caller,
  client: PoolClient,
  standing: Standing,
  end: (typeof ends)[number],
): Promise<void> {
  if (end === 'commit' || end === 'commit, busy') {
    const committed = commit(caller, client, standing)
    if (end === 'commit, busy') client.release()
    await committed
    if (end === 'commit') client.release()
    return
  }
  if (end === 'rollback') await caller.command(client, 'rollback', 'ROLLBACK', standing)
  const running = end === 'rollback' ? undefined : caller.ask(client, caller.draw(), standing)
  if (end === 'release') await running
  if (caller.random.chance(0.3)) await sleep(caller.random.integer(0, 3))
  client.release(end === 'error')
  await running
}

async function commit(caller: Caller, client: PoolClient, standing: Standing): Promise<void> {
  const { error } = await caller.command(client, 'commit', standing.hasFailed ? 'ROLLBACK' : 'COMMIT', standing)
  if (standing.hasFailed) return
  caller.books.ledger.end(standing.entries, error === undefined ? 'kept' : 'unknown')
}

// As a function.

type Work = (caller: Caller, client: PoolClient, standing: Standing) => Promise<void>

interface Plan {
  readonly work: Work
  readonly mayHear?: RegExp
  readonly options?: TransactionOptions
}

const plans: readonly Plan[] = [
  { work: asks },
  { work: asks },
  { work: throws, mayHear: /of their own/ },
  { work: swallows, mayHear: /transaction_rolled_back/ },
  { work: losesConnection },
  { work: givesBack, mayHear: /stale_lease/ },
  { work: givesBackAndThrows, mayHear: /of their own/ },
  { work: givesBackAndAsksAgain, mayHear: /stale_lease/ },
  { work: conflicts, mayHear: / (40001|40P01) /, options: { isolation: 'serializable', retries: 3 } },
  { work: conflicts, mayHear: / (40001|40P01) /, options: { isolation: 'repeatable read', retries: 1 } },
]

export async function runsTransaction(caller: Caller): Promise<void> {
  const { work, mayHear, options } = caller.random.pick(plans)
  const limit = caller.random.chance(0.25) ? limitOf(caller) : undefined
  const own = [...(mayHear ? [mayHear] : []), ...(limit ? [...limit.mayHear, cancelled] : [])]
  let last = new Standing()
  const run = caller.pool.transaction(
    async (client) => {
      // Of an attempt before this one nothing may be kept.
      last = new Standing(...own)
      if (!(await mark(caller, client, last))) throw new Error('not begun, of their own')
      await work(caller, client, last)
      return last
    },
    { ...options, ...limit?.options },
  )
  await judgeRun(caller, run, () => last, [...own, /not begun/])
}

function limitOf(caller: Caller): { options: TransactionOptions; mayHear: RegExp[] } {
  const token = caller.nextToken()
  const millis = caller.random.integer(0, 25)
  if (caller.random.chance(0.5)) return { options: { deadlineMillis: millis }, mayHear: [/^TimeoutError /] }
  return { options: { signal: abortedAfter(millis, token) }, mayHear: [enough(token)] }
}

async function judgeRun(
  caller: Caller,
  run: Promise<Standing>,
  last: () => Standing,
  mayHear: readonly RegExp[],
): Promise<void> {
  const { failure } = caller.wants
  let fate: Fate = 'gone'
  try {
    const standing = await run
    if (standing !== last()) caller.note('was answered with what another attempt has given', 'transaction()')
    if (standing.hasFailed || failure) caller.note('must fail, and was committed', 'transaction()')
    fate = 'kept'
  } catch (error) {
    caller.judgeError(error, [...(failure ? [failure] : []), ...mayHear, ...failuresOf(last())], 'transaction()')
    if (/commit_unknown/.test(describeError(error))) fate = 'unknown'
  }
  caller.books.ledger.end(last().entries, fate)
}

/** What a statement of its work has failed with is passed on, or not. */
function failuresOf({ hasFailed }: Standing): RegExp[] {
  return hasFailed ? [/failed, of their own/] : []
}

async function asks(caller: Caller, client: PoolClient, standing: Standing): Promise<void> {
  await askOn(caller, client, standing)
  if (standing.hasFailed) throw new Error('failed, of their own')
}

async function throws(caller: Caller, client: PoolClient, standing: Standing): Promise<void> {
  await askOn(caller, client, standing)
  throw new Error('an error of their own')
}

async function swallows(caller: Caller, client: PoolClient, standing: Standing): Promise<void> {
  await askOn(caller, client, standing)
  const question = { query: 'select 1/0', tokens: [], isSimple: true, fails: / 22012 / }
  await caller.ask(client, question, standing)
}

/** In COMMIT, or a little before or after. */
async function losesConnection(caller: Caller, client: PoolClient, standing: Standing): Promise<void> {
  await asks(caller, client, standing)
  const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection
  const cut = (): void => {
    caller.books.happened('sockets: destroyed in COMMIT')
    stream.destroy()
  }
  if (caller.random.chance(0.5)) process.nextTick(cut)
  else setTimeout(cut, caller.random.integer(0, 2))
}

async function givesBack(caller: Caller, client: PoolClient, standing: Standing): Promise<void> {
  if (caller.random.chance(0.5)) await askOn(caller, client, standing)
  const running = caller.random.chance(0.5) ? caller.ask(client, caller.draw(), standing) : undefined
  client.release()
  await running
  await sleep(caller.random.integer(0, 5))
}

async function givesBackAndThrows(caller: Caller, client: PoolClient, standing: Standing): Promise<void> {
  await givesBack(caller, client, standing)
  throw new Error('an error of their own')
}

/** Perhaps on the same client, by a lease of its own. */
async function givesBackAndAsksAgain(caller: Caller, client: PoolClient, standing: Standing): Promise<void> {
  await givesBack(caller, client, standing)
  const other = await connect(caller)
  if (!other) return
  await askOn(caller, other, new Standing())
  other.release()
}

async function conflicts(caller: Caller, client: PoolClient, standing: Standing): Promise<void> {
  await client.query('select sum(value) from counter')
  if (caller.random.chance(0.5)) await sleep(caller.random.integer(0, 5))
  caller.books.statements += 2
  await client.query('update counter set value = value + 1 where id = $1', [caller.random.integer(1, 3)])
  await askOn(caller, client, standing)
  if (standing.hasFailed) throw new Error('failed, of their own')
}
