/** What is demanded of every library, told how this one asks. A library's script keeps what is its own. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { messageOf, notApplicable, rejection } from '../../drivers/node/outcomes.mjs'
import { countBackends, eventually, isOurs, isRunning, killBackends, settings, soon } from './contract.mjs'

/** 50 at once, every other one a transaction; each answers its number and its backend. */
const crowd = Array.from({ length: 50 }, (_each, n) => n)
export const words = "it's 日本語 🚕 \\ $1"
export const selectThousand = 'select n from generate_series(1, 1000) n'
export const sumOfThousand = 500_500

/**
 * The steps that are the same for all. `pool()` is the library's pool; `ask(sql, transaction?)` answers the only value of
 * the only row; `transaction(work)` gives `work` what `ask` takes; `end()` is the library's way to end its pool.
 */
export function commonSteps({ packageName = 'pg', pool, ask, transaction, end }) {
  return {
    1: () => standsOnOurs(packageName, pool()),
    async 2() {
      assert.equal(await ask("select current_setting('application_name')"), settings.application_name)
    },
    7: () => notApplicable('no savepoints'),
    8: () => answersFifty(pool(), ask, transaction),
    9: () => goesOnAfterErrors(ask, transaction),
    10: () => notApplicable('neither streams nor cursors'),
    11: () => notApplicable('no LISTEN'),
    12: () => notApplicable('no jobs'),
    13: () => survivesIdle(ask),
    14: () => survivesInTransaction(ask, transaction),
    15: () => survivesInQuery(ask),
    16: () => notApplicable('no spans'),
    17: () => notApplicable('no metrics'),
    18: () => assertNothingLeaked(pool()),
    19: () => endsGracefully(pool(), ask, end),
  }
}

function standsOnOurs(packageName, pool) {
  const own = createRequire(import.meta.url)
  const { Pool } = packageName === 'pg' ? own('pg') : createRequire(own.resolve(packageName))('pg')
  assert.ok(pool instanceof Pool)
  assert.equal(typeof Object.getPrototypeOf(Pool).createPool, isOurs ? 'function' : 'undefined')
}

async function answersFifty(pool, ask, transaction) {
  const sqlOf = (n) => `select ${n} || ' ' || pg_backend_pid() from pg_sleep(0.01)`
  const inTransaction = (n) => transaction((one) => ask(sqlOf(n), one))
  const answers = await soon(Promise.all(crowd.map((n) => (n % 2 === 0 ? ask(sqlOf(n)) : inTransaction(n)))))
  assert.deepEqual(
    answers.map((answer) => Number(answer.split(' ')[0])),
    crowd,
  )
  const backends = new Set(answers.map((answer) => answer.split(' ')[1])).size
  assert.ok(backends > 1 && backends <= settings.max, `it took ${backends} backends`)
  assert.ok(pool.totalCount <= settings.max, `the pool has ${pool.totalCount} clients`)
}

/** More errors than there are clients, by themselves and in transactions. */
async function goesOnAfterErrors(ask, transaction) {
  for (let n = 0; n < 2 * settings.max; n++) {
    const failing = n % 2 === 0 ? ask('select 1 / 0') : transaction((one) => ask('select 1 / 0', one))
    assert.match(messageOf(await rejection(failing)), /division by zero/)
  }
  assert.equal(await soon(ask('select 1')), 1)
}

/** `insert(transaction)` puts a row into the empty `item`. */
export async function commits(transaction, insert, count) {
  await transaction(insert)
  assert.equal(await count(), 1)
}

export async function rollsBack(transaction, insert, count) {
  const thrown = new Error('back')
  const failing = transaction(async (one) => {
    await insert(one)
    throw thrown
  })
  assert.match(messageOf(await rejection(failing)), /back/)
  assert.equal(await count(), 0)
}

/** All that the pool has, and twice, since a pool may open as many anew. */
async function survivesIdle(ask) {
  for (let round = 0; round < 2; round++) {
    await Promise.all(crowd.slice(0, settings.max).map(() => ask('select 1 from pg_sleep(0.05)')))
    assert.ok((await killBackends('idle')) > 0)
    assert.equal(await soon(ask('select 2')), 2)
  }
}

async function survivesInTransaction(ask, transaction) {
  const failing = transaction(async (one) => {
    await ask("select 'it is killed'", one)
    assert.equal(await killBackends('idle in transaction', "%'it is killed'%"), 1)
    await ask('select 1', one)
  })
  assert.notEqual((await rejection(failing)).code, 'ERR_ASSERTION')
  assert.equal(await soon(ask('select 2')), 2)
}

async function survivesInQuery(ask) {
  const failing = rejection(ask("select 'asleep' from pg_sleep(30)"))
  await eventually('no query to be killed', async () => (await killBackends('active', "select 'asleep'%")) === 1)
  await failing
  assert.equal(await soon(ask('select 2')), 2)
}

async function assertNothingLeaked(pool) {
  const figures = () => `${pool.totalCount} clients, ${pool.idleCount} idle, ${pool.waitingCount} waiting`
  const isQuiet = async () =>
    pool.idleCount === pool.totalCount && pool.waitingCount === 0 && (await countBackends()) === pool.totalCount
  await eventually(figures, isQuiet)
}

/** What is under way is answered; afterwards there is nothing. */
async function endsGracefully(pool, ask, end) {
  const answered = ask("select 7 as it from pg_sleep(0.5) where 'under way' <> ''")
  // Whatever becomes of it, it is looked at only later.
  answered.catch(() => undefined)
  await eventually('the query does not run', () => isRunning("%'under way'%"))
  await soon(end(), 'it does not end')
  assert.equal(await answered, 7)
  assert.deepEqual([pool.totalCount, pool.idleCount, pool.waitingCount, pool.ended], [0, 0, 0, true])
  await eventually('backends are left', async () => (await countBackends()) === 0)
}
