/** Clients that leave when nobody expects it. What they had not asked to be committed must not be in the table. */

import { setTimeout as sleep } from 'node:timers/promises'
import { occupy } from './cancel.ts'
import type { CanaryClient } from './client.ts'
import { halfCopyIn } from './copy.ts'
import { facts } from './exchanges.ts'
import { succeeding } from './succeeding.ts'
import { manyRows } from './large.ts'
import { flush } from './messages.ts'
import { group, mixedRequests } from './pipelines.ts'
import { begin } from './transactions.ts'

export const vanishings = ['in a request', 'in a reply', 'in a transaction', 'in a copy'] as const
export type Vanishing = (typeof vanishings)[number]

function vanish(client: CanaryClient, where: Vanishing): void {
  client.leave(client.random.pick(['reset', 'fin']))
  client.canary.countVanishing(where)
}

/** At some byte of one request or of a pipeline. */
export async function vanishInRequest(client: CanaryClient): Promise<void> {
  const steps = client.random.chance(0.3) ? [group(client, false)] : mixedRequests(client)
  const length = steps.reduce((sum, { bytes }) => sum + bytes.length, 0)
  client.sendPart(steps, client.random.integer(1, length - 1))
  await client.canary.think(client.random)
  if (client.connection.over) throw client.connection.over
  vanish(client, 'in a request')
}

/** While it runs: longer than a pooler may let it, for nobody. */
export async function vanishInSlowRequest(client: CanaryClient): Promise<void> {
  const answer = occupy(client, 1)
  await Promise.race([answer, sleep(client.random.integer(10, 60))])
  answer.catch(() => undefined)
  if (client.connection.over) throw client.connection.over
  vanish(client, 'in a request')
}

/** After some bytes of the answer. */
export async function vanishInReply(client: CanaryClient): Promise<void> {
  await leaveDuring(client, client.ask(...mixedRequests(client)), client.random.integer(0, 60))
  vanish(client, 'in a reply')
}

/** Waits for so much of the answer, or for all of it if it is shorter. */
async function leaveDuring(client: CanaryClient, answer: Promise<unknown>, bytes: number): Promise<void> {
  const { connection } = client
  await Promise.race([answer, connection.receive(bytes)])
  answer.catch(() => undefined)
  if (connection.over) throw connection.over
}

/** While a large result streams. */
export async function vanishInLargeReply(client: CanaryClient): Promise<void> {
  const isCopy = client.random.chance(0.5)
  await leaveDuring(client, client.ask(manyRows(client, isCopy)), client.random.integer(1, 500_000))
  vanish(client, isCopy ? 'in a copy' : 'in a reply')
}

/** Between two statements of a block, or with one under way. */
export async function vanishInTransaction(client: CanaryClient): Promise<void> {
  await client.ask(begin(client))
  await client.ask(client.random.pick(succeeding)(client))
  if (client.random.chance(0.5)) client.ask(facts(client)).catch(() => undefined)
  vanish(client, 'in a transaction')
}

/** Behind a Flush: without its Sync nothing of it counts. */
export async function vanishBeforeSync(client: CanaryClient): Promise<void> {
  const step = group(client, false)
  const bytes = Buffer.concat([step.bytes.subarray(0, -5), flush])
  await client.ask({ bytes, replies: step.replies.slice(0, -1), lines: [], outcome: 'absent' })
  vanish(client, 'in a transaction')
}

export async function vanishInCopy(client: CanaryClient): Promise<void> {
  if (client.random.chance(0.3)) await client.ask(begin(client))
  await halfCopyIn(client)
  vanish(client, 'in a copy')
}
