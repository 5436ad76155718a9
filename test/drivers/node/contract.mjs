/** What every script for Node shares: where the target is, how a step is reported, and how one is led to another server. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { outcomeOf, valueOrError, within } from './outcomes.mjs'

export { messageOf, notApplicable, rejection, valueOrError, within } from './outcomes.mjs'

const env = process.env

export const target = {
  host: env.DRIVER_HOST,
  port: Number(env.DRIVER_PORT),
  database: env.DRIVER_DATABASE,
  user: env.DRIVER_USER,
}
export const scramTarget = {
  ...target,
  port: Number(env.DRIVER_SCRAM_PORT),
  user: env.DRIVER_SCRAM_USER,
  password: env.DRIVER_PASSWORD,
}
export const authorityFile = env.DRIVER_AUTHORITY
export const isTransactionMode = env.DRIVER_MODE === 'transaction'
const servers = Number(env.DRIVER_SERVERS)
const lines = createInterface({ input: process.stdin })

/** Closes what a step has opened, however it ended. */
const endings = []

export function atEnd(close) {
  endings.push(close)
}

/** `script`: functions by the number of their step. */
export async function runSteps(script) {
  for (const step of env.DRIVER_STEPS.split(',').map(Number)) {
    const outcome = await outcomeOf(script[step])
    for (const close of endings.splice(0)) await valueOrError(within(5_000, close(), 'not closed'))
    say({ step, ...outcome })
  }
  process.exit(0)
}

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** Has PostgreSQL restarted. */
export async function restartPostgres() {
  assert.equal(await ask('restart'), 'done')
}

/** Fails unless clients have left nothing behind. */
export async function assertNothingLeft() {
  assert.equal(await ask('left'), 'done')
}

async function ask(what) {
  const answer = once(lines, 'line')
  say({ ask: what })
  return (await answer)[0]
}

/**
 * Calls `use`, which answers the pid of its backend, until it has run on two servers: `hold` opens other connections whose
 * transactions stay open, `{ pid, release }`, until one of them has the first server; if it took all there are, one of the
 * others is let go. In session mode it stays on its own.
 */
export async function onTwoServers(use, hold) {
  const first = await use()
  if (!isTransactionMode) {
    assert.equal(await use(), first)
    return
  }
  const holders = []
  try {
    while (holders.length < servers && !holders.some(({ pid }) => pid === first)) holders.push(await hold())
    if (holders.length === servers) await holders.shift().release()
    assert.notEqual(await use(), first, 'it has run on one server only')
  } finally {
    for (const { release } of holders) await release()
  }
  await use()
}
