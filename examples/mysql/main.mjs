/**
 * 100 callers share five connections, and leave nothing to each other; then the server closes one, and nobody notices.
 *
 *   npm install taxirank mysql2
 *   MYSQL_URL=mysql://user:password@127.0.0.1:3306/test node main.mjs
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { createMysqlPool } from './pool.mjs'

const pool = createMysqlPool(process.env.MYSQL_URL ?? 'mysql://root@127.0.0.1:3306/test')

/** Leaves a variable behind. Resolves with what the caller before has left, which should be nothing. */
async function work(connection, caller) {
  const [[{ id, left }]] = await connection.query('SELECT CONNECTION_ID() AS id, @caller AS `left`, SLEEP(0.01)')
  await connection.query('SET @caller = ?', [caller])
  return { id, left }
}

async function hundredCallers() {
  const callers = Array.from({ length: 100 }, (_, caller) => pool.use((connection) => work(connection, caller)))
  const answers = await Promise.all(callers)
  const ids = new Set(answers.map(({ id }) => id))
  const found = answers.filter(({ left }) => left !== null)
  console.log(`${answers.length} callers, ${ids.size} connections, ${found.length} found what another had left`)
  return ids
}

/** As an administrator does, or a restart, or a firewall: it happens to what is idle, too. */
async function killOne([id]) {
  await pool.use((connection) => connection.query('KILL ?', [id])).catch(() => undefined)
  await sleep(1_000)
  return id
}

try {
  const before = await hundredCallers()
  const killed = await killOne(before)
  const after = await hundredCallers()
  console.log(`connection ${killed} was killed, and is ${after.has(killed) ? 'still' : 'not'} among those after`)
  const { counters, openMs, holdMs, waitMs } = pool.snapshot()
  const { opened, checkFailures, resetFailures } = counters
  console.log({ opened, leases: counters.leases, checkFailures, resetFailures })
  for (const [what, { count, sumMs, maxMs }] of Object.entries({ open: openMs, wait: waitMs, hold: holdMs })) {
    console.log(`${what}: ${count} times, mean ${(sumMs / count).toFixed(1)} ms, at most ${maxMs.toFixed(1)} ms`)
  }
} finally {
  await pool.end()
}
