/** Cancel requests: they may end the request they are for, and nothing else. */

import { setTimeout as sleep } from 'node:timers/promises'
import { LostError } from './breach.ts'
import type { CanaryClient, Step } from './client.ts'
import type { Target } from './connection.ts'
import type { Cancellation } from './conversation.ts'
import { written } from './exchanges.ts'
import { cancelRequest, query } from './messages.ts'
import { commandComplete, ready, row, rowDescription } from './replies.ts'

/** Longer than any pooler keeps a cancel request waiting. */
const mostCancelMs = 20_000

/** Sends a CancelRequest and waits until the other side has closed: from then on it can hit nothing any more. */
async function sendCancel(target: Target, key: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const fail = (why: string): void => reject(new LostError(`cancel connection: ${why}`))
  const timer = setTimeout(() => fail(`not closed within ${mostCancelMs} ms`), mostCancelMs)
  Bun.connect({
    hostname: target.host,
    port: target.port,
    socket: {
      open: (socket) => void socket.write(cancelRequest(key)),
      data: () => fail('a reply'),
      close: (_socket, error) => (error ? fail('reset') : resolve()),
    },
  }).catch(() => fail('refused'))
  await promise.finally(() => clearTimeout(timer))
}

/** A request that takes its time and may be cancelled. */
function slow(client: CanaryClient, cancellation: Cancellation, seconds: number): Step {
  const token = client.token()
  if (client.random.chance(0.5)) {
    const text = `select '${token}', pg_sleep(${seconds})`
    const replies = [rowDescription(2), row([token, '']), commandComplete('SELECT 1'), ready('I')]
    return { bytes: query(text), replies, cancellation, lines: [], outcome: 'committed' }
  }
  const bytes = query(`insert into public.ledger select '${token}' from pg_sleep(${seconds})`)
  const replies = [commandComplete('INSERT 0 1'), ready('I')]
  return { bytes, replies, cancellation, lines: written(client, token), outcome: 'committed' }
}

function newCancellation(client: CanaryClient): Cancellation {
  return { isSent: false, mostHits: client.canary.mostCancelHits, hits: [] }
}

/** One to three slow requests at once, and a cancel for whichever runs. */
export async function cancel(client: CanaryClient): Promise<void> {
  const cancellation = newCancellation(client)
  const count = client.random.chance(0.7) ? 1 : 3
  const steps = Array.from({ length: count }, () => slow(client, cancellation, client.random.integer(1, 20) / 100))
  const answer = client.ask(...steps)
  await Promise.all([answer, cancelAfter(client, cancellation, client.random.integer(0, 40))])
  client.canary.countCancel(cancellation.hits[0])
}

/** Cancels without giving a request much time to start: perhaps it is still queued. */
export async function cancelSoon(client: CanaryClient): Promise<void> {
  const cancellation = newCancellation(client)
  const answer = client.ask(slow(client, cancellation, 0.02))
  await Promise.all([answer, cancelAfter(client, cancellation, client.random.pick([0, 20]))])
  client.canary.countCancel(cancellation.hits[0])
}

/** Keeps a server busy for a while. */
export async function occupy(client: CanaryClient, seconds = 0.25): Promise<void> {
  await client.ask(slow(client, newCancellation(client), seconds))
}

async function cancelAfter(client: CanaryClient, cancellation: Cancellation, milliseconds: number): Promise<void> {
  const { key } = client.connection.conversation
  if (!key) throw new LostError('no BackendKeyData')
  if (milliseconds > 0) await sleep(milliseconds)
  cancellation.isSent = true
  await sendCancel(client.canary.cancelTarget, key)
}
