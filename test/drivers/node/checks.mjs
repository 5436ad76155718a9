/** What a step demands of every driver for Node, told how this one asks. A driver's script keeps what is its own. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import {
  authorityFile,
  messageOf,
  onTwoServers,
  rejection,
  restartPostgres,
  scramTarget,
  target,
  valueOrError,
  within,
} from './contract.mjs'

export const big = 'x'.repeat(8 * 1024 * 1024)
export const bytes = Buffer.from([0, 1, 0, 255, 0])
export const words = 'Ťaxi 日本語 🚕 e\u0301'

export const selectTaxis = "select n, 'taxi ' || n as name from generate_series(1, 3) n"
export const taxis = [1, 2, 3].map((n) => ({ n, name: `taxi ${n}` }))
/** A thousand rows of `item`, as COPY has them. */
export const lines = Array.from({ length: 1_000 }, (_each, n) => `${n}\ttaxi ${n}\n`)

/** `userOf` connects with these options of pg's and answers current_user. */
export async function connects(userOf) {
  assert.equal(await userOf({}), target.user)
  assert.equal(await userOf(scramTarget), scramTarget.user)
  await rejection(userOf({ ...scramTarget, password: 'wrong' }))
  // None of them goes on without TLS.
  assert.equal(await userOf({ ssl: { ca: readFileSync(authorityFile, 'utf8') } }), target.user)
}

/** `divide` sends `select 4 / n` at once with what is on its way already. */
export async function failsAlone(divide, codeOf = (error) => error.code) {
  const [before, failed, behind] = await Promise.allSettled([1, 0, 4].map(divide))
  assert.deepEqual([before.value, failed.reason && codeOf(failed.reason), behind.value], [4, '22012', 1])
  assert.equal(await divide(2), 2)
}

/** `insert` puts a row into the empty `item` in a transaction, in which it throws what it is given. */
export async function rollsBack(insert, count, countElsewhere) {
  const thrown = new Error('back')
  assert.equal(await rejection(insert(thrown)), thrown)
  assert.equal(await count(), 0)
  await insert()
  assert.equal(await countElsewhere(), 1)
}

/** `ask` sends `select n`; `askAnew` on a new connection, where a driver does not open one by itself. */
export async function survivesRestart(ask, askAnew = ask) {
  assert.equal(await ask(1), 1)
  await restartPostgres()
  const outcome = await valueOrError(within(15_000, ask(2), 'no answer'))
  assert.ok(outcome === 2 || outcome instanceof Error, messageOf(outcome))
  assert.equal(await within(15_000, askAnew(3), 'no answer'), 3)
}

/** `ask` sends `select n` on a connection of its own. */
export async function answersFifty(ask) {
  const numbers = Array.from({ length: 50 }, (_each, n) => n)
  assert.deepEqual(await Promise.all(numbers.map(ask)), numbers)
}

/** The first is new, the second finds nothing to do. */
export async function migratesOnce(migrate) {
  assert.deepEqual([await migrate(), await migrate()], [1, 0])
}

const settings = {
  owner: 'the tenant’s',
  "current_setting('work_mem')": '5MB',
  "current_setting('application_name')": 'meter',
}

/** `ask` answers the only row of a SELECT. `also`: more expressions, and their values. */
export async function keepsSettings(ask, holdServer, also = {}) {
  const wanted = { ...settings, ...also }
  const columns = Object.keys(wanted).map((expression, index) => `, ${expression} as of_${index}`)
  await onTwoServers(async () => {
    const { pid, ...got } = await ask(`select pg_backend_pid() as pid${columns.join('')} from whose`)
    assert.deepEqual(Object.values(got), Object.values(wanted))
    return pid
  }, holdServer)
}

/**
 * For libraries that give a transaction to a function: `begin` is called with one that does not end before `release`;
 * `pidOf` asks the transaction for its backend.
 */
export async function holdByTransaction(begin, pidOf) {
  let release
  const held = new Promise((resolve) => (release = resolve))
  const pid = await new Promise((resolve, reject) => {
    begin(async (transaction) => {
      resolve(await pidOf(transaction))
      await held
    }).catch(reject)
  })
  return { pid, release }
}
