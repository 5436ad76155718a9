/** What every script shares: where PostgreSQL is, how a step is reported, and what an onlooker sees and does there. */
import assert from 'node:assert/strict'
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { outcomeOf, within } from '../../drivers/node/outcomes.mjs'

const env = process.env
/** Once nothing is left to do, a runtime needs a moment to find that out. */
const exitLimitMs = 2_000
const exitStep = 20

export const place = {
  host: env.DRIVER_HOST,
  port: Number(env.DRIVER_PORT),
  database: env.DRIVER_DATABASE,
  user: env.DRIVER_USER,
}
/** What an application tells pg's pool, whoever makes it. */
export const settings = { ...place, max: 5, application_name: 'user of the pool' }
/** Absent in runs with pg's own pool, to compare with. */
export const isOurs = env.POOL !== "pg's own"

const wanted = env.DRIVER_STEPS.split(',').map(Number)

/** `script`: functions by the number of their step. It must end the process by leaving nothing behind. */
export async function runSteps(script) {
  for (const step of wanted.filter((step) => step !== exitStep)) {
    say({ step, ...(await outcomeOf(script[step])) })
  }
  if (wanted.includes(exitStep)) reportExit()
}

function reportExit() {
  const over = performance.now()
  process.once('exit', (code) => {
    const took = performance.now() - over
    if (code !== 0) return
    if (took < exitLimitMs) say({ step: exitStep, result: 'ok' })
    else say({ step: exitStep, result: 'failed', message: `it took the process ${took.toFixed(0)} ms to end` })
  })
}

/** At once, since nothing else is written once the process ends. */
function say(line) {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

/** Asks PostgreSQL on a connection of its own. */
export async function lookOn(sql, values) {
  const client = new Client({ ...place, application_name: 'onlooker' })
  await client.connect()
  try {
    return (await client.query(sql, values)).rows
  } finally {
    await client.end()
  }
}

const ofPool = `from pg_stat_activity where datname = current_database() and application_name = 'user of the pool'`

/** How many backends the pool's clients have. */
export const countBackends = async () => (await lookOn(`select count(*)::int as n ${ofPool}`))[0].n

export async function isRunning(query) {
  return (await lookOn(`select 1 ${ofPool} and state = 'active' and query like $1`, [query])).length > 0
}

/** Ends backends whose state and query are so; says how many. */
export async function killBackends(state, query = '%') {
  const sql = `select pg_terminate_backend(pid, 5000) as is_over ${ofPool} and state = $1 and query like $2`
  const killed = await lookOn(sql, [state, query])
  assert.ok(killed.every((one) => one.is_over))
  // What has become of its connection stands in the socket; the process has yet to read it.
  await sleep(100)
  return killed.length
}

export async function eventually(what, check, limitMs = 5_000) {
  const end = performance.now() + limitMs
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`${typeof what === 'function' ? what() : what}, after ${limitMs} ms`)
    await sleep(20)
  }
}

/** Where nothing may hang. */
export const soon = (promise, what = 'no answer') => within(10_000, promise, what)
