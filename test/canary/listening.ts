/** A client listens to a channel of its own, and is notified of each of its notifications once, sooner or later. */

import { BreachError } from './breach.ts'
import type { CanaryClient, Step } from './client.ts'
import { belongings, nothing } from './exchanges.ts'
import { query } from './messages.ts'
import { commandComplete, ready } from './replies.ts'
import { succeeding } from './succeeding.ts'
import { begin, end } from './transactions.ts'

/** Through relays and storms. */
const mostMs = 20_000

export async function listening(client: CanaryClient): Promise<void> {
  const channel = `canary_${client.id}_${client.nextNumber()}`
  client.isListening = true
  if (await listen(client, channel)) {
    for (let n = client.random.integer(1, 4); n > 0; n--) {
      await notify(client, channel)
      await client.ask(client.random.pick(succeeding)(client))
      await client.canary.think(client.random)
    }
    await heardAll(client)
    await client.ask(command(client, client.random.pick([`unlisten ${channel}`, 'unlisten *']), 'UNLISTEN'))
  } else await notify(client, channel, false)
  client.isListening = false
  await client.ask(belongings(client))
}

/** True if that was not rolled back. */
async function listen(client: CanaryClient, channel: string): Promise<boolean> {
  if (client.random.chance(0.7)) {
    await client.ask(command(client, `listen ${channel}`, 'LISTEN'))
    return true
  }
  const how = client.random.pick(['commit', 'rollback'] as const)
  await client.ask(begin(client))
  await client.ask(command(client, `listen ${channel}`, 'LISTEN'))
  await client.ask(end(client, how))
  return how === 'commit'
}

async function notify(client: CanaryClient, channel: string, isHeard = true): Promise<void> {
  const token = client.token()
  if (isHeard) client.connection.conversation.notifications.add(`${channel} ${token}`)
  await client.ask(command(client, `notify ${channel}, '${token}'`, 'NOTIFY'))
}

async function heardAll(client: CanaryClient): Promise<void> {
  const { notifications } = client.connection.conversation
  for (const startedMs = performance.now(); notifications.size > 0;) {
    if (performance.now() - startedMs > mostMs) {
      throw new BreachError('missing notification', `${[...notifications].join(', ')} within ${mostMs} ms`)
    }
    await client.ask(nothing(client))
    await client.canary.think(client.random)
  }
}

function command(client: CanaryClient, text: string, tag: string): Step {
  client.canary.countStatement()
  return { bytes: query(text), replies: [commandComplete(tag), ready(client.status)], lines: [], outcome: 'committed' }
}
