/** Transaction blocks in several round trips, and session parameters set inside and outside of them. */

import type { CanaryClient, Step, Transaction } from './client.ts'
import { extendedCopyIn, simpleCopyIn } from './copy.ts'
import { facts } from './exchanges.ts'
import { succeeding } from './succeeding.ts'
import { bind, execute, parse, query, sync } from './messages.ts'
import { bindComplete, commandComplete, error, parseComplete, ready, type Reply } from './replies.ts'
import { setSomething } from './settings.ts'

/** A command without a result, in either protocol. */
function command(client: CanaryClient, text: string, tag: string, status: Reply): Pick<Step, 'bytes' | 'replies'> {
  client.canary.countStatement()
  if (client.random.chance(0.7)) return { bytes: query(text), replies: [commandComplete(tag), status] }
  return {
    bytes: Buffer.concat([parse('', text), bind('', '', []), execute(''), sync]),
    replies: [parseComplete, bindComplete, commandComplete(tag), status],
  }
}

export function begin(client: CanaryClient): Step {
  client.begin()
  const [text, tag] = client.random.pick([
    ['begin', 'BEGIN'],
    ['start transaction', 'START TRANSACTION'],
    ['begin isolation level repeatable read', 'BEGIN'],
  ] as const)
  return { ...command(client, text, tag, ready('T')), lines: [], outcome: 'committed' }
}

/** Ends the client's transaction; `parameters` says what becomes of those set in it. */
export function end(client: CanaryClient, how: 'commit' | 'rollback', parameters = how): Step {
  const { lines, settingsBefore } = client.transaction as Transaction
  client.transaction = undefined
  if (parameters === 'rollback') client.settings = new Map(settingsBefore)
  const { bytes, replies } = command(client, how, how.toUpperCase(), ready('I'))
  return { bytes, replies, lines, outcome: how === 'commit' ? 'committed' : 'absent' }
}

/** COMMIT of a failed block: PostgreSQL answers ROLLBACK. */
export function endFailed(client: CanaryClient): Step {
  const { settingsBefore } = client.transaction as Transaction
  client.transaction = undefined
  client.settings = new Map(settingsBefore)
  const how = client.random.pick(['commit', 'rollback'])
  return { ...command(client, how, 'ROLLBACK', ready('I')), lines: [], outcome: 'absent' }
}

/** An error inside the block, perhaps a statement that is refused because of it, and the end. */
async function fail(client: CanaryClient): Promise<void> {
  const token = client.token()
  const failed = [error('22P02', token), ready('E')]
  await client.ask({ bytes: query(`select '${token}'::int`), replies: failed, lines: [], outcome: 'absent' })
  if (client.random.chance(0.5)) {
    client.canary.countStatement()
    const refused = [error('25P02'), ready('E')]
    await client.ask({ bytes: query(`select '${token}'`), replies: refused, lines: [], outcome: 'absent' })
  }
  await client.ask(endFailed(client))
}

async function statements(client: CanaryClient, most: number): Promise<void> {
  for (let n = client.random.integer(1, most); n > 0; n--) {
    await client.canary.think(client.random)
    const kind = client.random.integer(1, 20)
    if (kind === 1) await simpleCopyIn(client)
    else if (kind === 2) await extendedCopyIn(client)
    else if (kind === 3)
      await client.ask(client.random.pick(succeeding)(client), client.random.pick(succeeding)(client))
    else await client.ask(client.random.pick(succeeding)(client))
  }
}

export async function transaction(client: CanaryClient): Promise<void> {
  await client.ask(begin(client))
  await statements(client, 5)
  const ending = client.random.integer(1, 10)
  if (ending <= 6) await client.ask(end(client, 'commit'))
  else if (ending <= 8) await client.ask(end(client, 'rollback'))
  else await fail(client)
}

/** SET, seen at once and from then on, whatever server comes next. */
export async function changeSettings(client: CanaryClient): Promise<void> {
  if (client.random.chance(0.5)) await client.ask(setSomething(client))
  else await client.ask(setSomething(client), setSomething(client), facts(client))
  await client.ask(facts(client))
}

/** SET before and behind a savepoint, and back to it; perhaps an error in between. */
export async function changeSettingsInSavepoint(client: CanaryClient): Promise<void> {
  await client.ask(begin(client))
  await client.ask(setSomething(client))
  const before = new Map(client.settings)
  await client.ask(plain(client, 'savepoint canary', 'SAVEPOINT'))
  await client.ask(setSomething(client), setSomething(client))
  await client.ask(facts(client))
  if (client.random.chance(0.5)) {
    const token = client.token()
    const failed = [error('22P02', token), ready('E')]
    await client.ask({ bytes: query(`select '${token}'::int`), replies: failed, lines: [], outcome: 'absent' })
  }
  await client.ask(plain(client, 'rollback to canary', 'ROLLBACK'))
  client.settings = before
  await client.ask(facts(client))
  await client.ask(end(client, client.random.pick(['commit', 'rollback'])))
  await client.ask(facts(client))
}

function plain(client: CanaryClient, text: string, tag: string): Step {
  return { ...command(client, text, tag, ready('T')), lines: [], outcome: 'committed' }
}

/** SET inside a block: kept by COMMIT, undone by ROLLBACK; SET LOCAL is undone by both. */
export async function changeSettingsInTransaction(client: CanaryClient): Promise<void> {
  const isLocal = client.random.chance(0.4)
  await client.ask(begin(client))
  await client.ask(setSomething(client, isLocal))
  await client.ask(facts(client))
  const how = client.random.pick(['commit', 'rollback'] as const)
  await client.ask(end(client, how, isLocal ? 'rollback' : how))
  await client.ask(facts(client))
}
