/**
 * What keeps a server beyond the transaction: locks, temporary tables, cursors. Each client has something of its
 * own, finds exactly that for as long as it keeps it, on one backend, and gives it back after a few statements. A pooler may
 * refuse (53300) and must then have changed nothing.
 */

import { belongings, type Belongings } from './exchanges.ts'
import { succeeding } from './succeeding.ts'
import type { CanaryClient, Step } from './client.ts'
import type { Refusal } from './conversation.ts'
import { query } from './messages.ts'
import { commandComplete, ready, row, rowDescription, type Reply } from './replies.ts'
import { begin, end, endFailed } from './transactions.ts'

/** Something to keep. */
interface Pin {
  readonly take: Request
  readonly belongings: Belongings
  /** What is done with it in between. */
  readonly use: Request
  readonly giveBack: Request
  /** A rollback takes it away again. */
  readonly isTransactional: boolean
}

type Request = readonly [text: string, ...replies: Reply[]]

const refused = '53300'
const selected = (...fields: string[]): Reply[] => [
  rowDescription(fields.length),
  row(fields),
  commandComplete('SELECT 1'),
]

function lock(client: CanaryClient): Pin {
  const token = client.token()
  const number = client.nextNumber()
  const key = `${client.id}, ${number}`
  return {
    take: [`select '${token}' || pg_advisory_lock(${key})::text`, ...selected(token)],
    belongings: { locks: `${client.id}.${number}` },
    use: [`select '${token}', pg_try_advisory_xact_lock(${key})`, ...selected(token, 't')],
    giveBack: [`select '${token}', pg_advisory_unlock(${key})`, ...selected(token, 't')],
    isTransactional: false,
  }
}

function temporaryTable(client: CanaryClient): Pin {
  const token = client.token()
  return {
    take: [`create temp table canary as select '${token}'::varchar(40) as token`, commandComplete('SELECT 1')],
    belongings: { tables: 1 },
    use: ['select token from pg_temp.canary', ...selected(token)],
    giveBack: client.random.pick([
      ['drop table pg_temp.canary', commandComplete('DROP TABLE')],
      ['discard temp', commandComplete('DISCARD TEMP')],
    ]),
    isTransactional: true,
  }
}

function cursor(client: CanaryClient): Pin {
  const token = client.token()
  const text = `declare canary_held cursor with hold for select '${token}' from generate_series(1, 100)`
  return {
    take: [text, commandComplete('DECLARE CURSOR')],
    belongings: { cursors: 'canary_held' },
    use: ['fetch 1 from canary_held', rowDescription(1), row([token]), commandComplete('FETCH 1')],
    giveBack: ['close canary_held', commandComplete('CLOSE CURSOR')],
    isTransactional: true,
  }
}

function request(client: CanaryClient, [text, ...replies]: Request): Step {
  client.canary.countStatement()
  return { bytes: query(text), replies: [...replies, ready(client.status)], lines: [], outcome: 'committed' }
}

/** True if it was not refused. */
async function take(client: CanaryClient, pin: Pin): Promise<boolean> {
  const refusal: Refusal = { sqlState: refused, status: client.transaction ? 'E' : 'I', isRefused: false }
  await client.ask({ ...request(client, pin.take), refusal })
  client.canary.countPin(refusal.isRefused)
  return !refusal.isRefused
}

/** Keeps something for a few statements. */
export async function pinned(client: CanaryClient): Promise<void> {
  const pin = client.random.pick([lock, temporaryTable, cursor])(client)
  const isKept = client.random.chance(0.3) ? await takeInTransaction(client, pin) : await take(client, pin)
  if (isKept) {
    client.pin = { backend: undefined }
    await keep(client, pin)
    await client.ask(request(client, pin.giveBack))
    client.pin = undefined
  }
  await client.ask(belongings(client))
}

async function keep(client: CanaryClient, pin: Pin): Promise<void> {
  for (let n = client.random.integer(1, 4); n > 0; n--) {
    await client.canary.think(client.random)
    await client.ask(belongings(client, pin.belongings), request(client, pin.use))
    await client.ask(client.random.pick(succeeding)(client))
  }
}

/** Committed or rolled back, or refused, and the block fails with it. True if the client has it. */
async function takeInTransaction(client: CanaryClient, pin: Pin): Promise<boolean> {
  await client.ask(begin(client))
  if (!(await take(client, pin))) {
    await client.ask(endFailed(client))
    return false
  }
  const how = client.random.pick(['commit', 'rollback'] as const)
  await client.ask(end(client, how))
  return how === 'commit' || !pin.isTransactional
}
