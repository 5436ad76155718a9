/** Cancel requests: they may end the request they are for, and nothing else. */

import { setTimeout as sleep } from 'node:timers/promises'
import { LostError } from './breach.ts'
import type { CanaryClient, Step } from './client.ts'
import type { Target } from './connection.ts'
import type { Cancellation } from './conversation.ts'
import { written } from './exchanges.ts'
import { cancelRequest, query } from './messages.ts'
import { commandComplete, ready, row, rowDescription } from './replies.ts'

/** Sends a CancelRequest and waits until the other side has closed: from then on it can hit nothing any more. */
export async function sendCancel(target: Target, key: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  await Bun.connect({
    hostname: target.host,
    port: target.port,
    socket: {
      open: (socket) => void socket.write(cancelRequest(key)),
      data: () => reject(new LostError('a reply to a cancel request')),
      close: (_socket, error) => (error ? reject(new LostError('cancel connection reset')) : resolve()),
    },
  }).catch(() => reject(new LostError('cancel connection refused')))
  await promise
}

/** A request that takes its time and may be cancelled. */
export function slow(client: CanaryClient, cancellation: Cancellation, seconds: number): Step {
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

/** One to three slow requests at once, and a cancel that hits at most one of them. */
export async function cancel(client: CanaryClient): Promise<void> {
  const cancellation: Cancellation = { isSent: false, hit: undefined }
  const count = client.random.chance(0.7) ? 1 : 3
  const steps = Array.from({ length: count }, () => slow(client, cancellation, client.random.integer(1, 20) / 100))
  const answer = client.ask(...steps)
  await Promise.all([answer, cancelAfter(client, cancellation, client.random.integer(0, 40))])
  client.canary.countCancel(cancellation.hit)
}

/** Cancels without giving a request time to start: with luck it is still queued. */
export async function cancelAtOnce(client: CanaryClient): Promise<void> {
  const cancellation: Cancellation = { isSent: false, hit: undefined }
  const answer = client.ask(slow(client, cancellation, 0.02))
  await Promise.all([answer, cancelAfter(client, cancellation, 0)])
  client.canary.countCancel(cancellation.hit)
}

async function cancelAfter(client: CanaryClient, cancellation: Cancellation, milliseconds: number): Promise<void> {
  const { key } = client.connection.conversation
  if (!key) throw new LostError('no BackendKeyData')
  if (milliseconds > 0) await sleep(milliseconds)
  cancellation.isSent = true
  await sendCancel(client.canary.cancelTarget, key)
}
