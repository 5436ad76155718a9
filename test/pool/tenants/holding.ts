/** What every deed on a client of its caller's own begins with, and what most do then. */

import type { PoolClient } from '../../../src/pg/taxirank.ts'
import type { Caller } from './caller.ts'
import { refused, type Standing } from './verdict.ts'

/** Undefined if there was none, for a reason that is none of a breach. */
export async function connect(caller: Caller, options?: object, ...mayHear: RegExp[]): Promise<PoolClient | undefined> {
  try {
    return await caller.waitFor('connect', options ? caller.pool.connect(options) : caller.pool.connect())
  } catch (error) {
    const { failure } = caller.wants
    caller.judgeError(error, [...mayHear, ...(failure ? [failure] : [])], 'connect')
    return undefined
  }
}

/** One after the other, or several at once. */
export async function askOn(caller: Caller, client: PoolClient, standing: Standing, most = 3): Promise<void> {
  const questions = Array.from({ length: caller.random.integer(1, most) }, () => caller.draw())
  if (caller.random.chance(caller.kind.isPipelined ? 0.7 : 0.2)) {
    // Who hears first of what has failed is not for sure.
    if (standing.transaction !== '') standing.mayHear.push(refused)
    await Promise.all(questions.map((question) => caller.ask(client, question, standing)))
    return
  }
  for (const question of questions) await caller.ask(client, question, standing)
}
