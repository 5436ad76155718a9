/**
 * Pools of every kind at once, on one PostgreSQL, and callers who do with them what callers do, in any order, while
 * backends are killed and sockets cut. No holder of a client may ever see what is another's. Goes by rounds: after each the
 * pools are ended, and what was written is compared with what should be there.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from '../../../src/pg/taxirank.ts'
import type { Faults, StreamFaults } from '../../../src/relay/faults.ts'
import type { Random } from '../../../src/random.ts'
import type { Stage } from '../support/stage.ts'
import { late, within } from '../support/waiting.ts'
import type { Books } from './books.ts'
import { Caller } from './caller.ts'
import { deeds, type Deed } from './deeds.ts'
import type { Row } from './ledger.ts'
import { type Kind, kinds, optionsOf } from './pools.ts'
import { owner, roles } from './wants.ts'

export interface Campaign {
  readonly stage: Stage
  readonly random: Random
  readonly books: Books
  /** Asked before each caller. */
  readonly isOver: () => boolean
  readonly roundStatements: number
}

const callersInContext = new AsyncLocalStorage<Caller>()
/**
 * For one caller, who may wait for a client behind some others; and for the end of a pool. A link that passes 20 bytes each
 * 40 ms, as some here do, takes seconds for a reply of 15 rows, and on a busy machine half a minute.
 */
const limitMs = 120_000
export const neededSettings = { max_connections: '200' }

const tables = `
  create table entry (id text, tenant text default coalesce(current_setting('app.tenant', true), ''), role text default current_user);
  create table counter (id int primary key, value int);
  insert into counter values (1, 0), (2, 0), (3, 0);
  create function seen(token text) returns json language sql volatile as $$
    select json_build_object(
      'token', token,
      'tenant', coalesce(current_setting('app.tenant', true), ''),
      'role', current_user,
      'transaction', coalesce(current_setting('app.transaction', true), ''),
      'writes', pg_current_xact_id_if_assigned() is not null,
      'begins', now() = statement_timestamp(),
      'left', concat_ws(',',
        (select string_agg(relname, ',') from pg_class where relnamespace = pg_my_temp_schema()),
        (select 'locks' from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() limit 1),
        nullif(current_setting('application_name'), 'tenants')))
  $$;`

export async function runCampaign(campaign: Campaign): Promise<void> {
  const { stage, random } = campaign
  for (const text of tables.split(';\n')) await stage.ask(text)
  for (const role of roles) await stage.ask(`create role ${role}`)
  await stage.ask(`grant all on entry, counter to ${roles.join(', ')}`)
  for (let round = 0; !campaign.isOver(); round++) {
    await runRound(campaign, random.fork(round))
  }
}

async function runRound(campaign: Campaign, random: Random): Promise<void> {
  const { stage, books } = campaign
  const until = books.statements + campaign.roundStatements
  const isOver = (): boolean => campaign.isOver() || books.statements >= until
  const relay = stage.relay(drawFaults, random.uint32())
  const pools = kinds.map((kind, index) => {
    const port = random.chance(0.6) ? relay.port : stage.port
    const options = optionsOf(kind, random.fork(index), () => callersInContext.getStore()?.setup())
    return { kind, pool: stage.taxirank({ port, ...options }) }
  })
  const killing = killBackends(campaign, random.fork(1_000), isOver)
  const lanes = pools.flatMap(({ kind, pool }, index) =>
    Array.from({ length: kind.max * 2 + 1 }, (_, lane) =>
      runLane(campaign, pool, kind, random.fork(2_000 + index * 100 + lane), isOver),
    ),
  )
  await Promise.all([killing, ...lanes])
  await Promise.all(pools.map(({ pool, kind }) => endPool(campaign, pool, kind)))
  for (const kind of ['cut', 'reset', 'delay', 'split'] as const) books.happened(`sockets: ${kind}`, relay.faults[kind])
  stage.clear()
  await compare(campaign)
}

/** One caller after the other. */
async function runLane(
  { books }: Campaign,
  pool: Pool,
  kind: Kind,
  random: Random,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const caller = new Caller(pool, kind, ++books.callers, random, books)
    const deed = drawDeed(caller)
    caller.deed = deed.name
    books.did(deed.name)
    const done = callersInContext.run(caller, () => attempt(caller, deed))
    if ((await within(limitMs, done)) === late) caller.noteLate(limitMs)
  }
}

async function attempt(caller: Caller, deed: Deed): Promise<void> {
  try {
    await deed.run(caller)
  } catch (error) {
    caller.note(`has failed with ${String(error)}`, deed.name)
  }
}

function drawDeed(caller: Caller): Deed {
  const possible = deeds.filter(({ isFor }) => isFor?.(caller) ?? true)
  return caller.random.pick(possible.flatMap((deed) => Array.from({ length: deed.weight }, () => deed)))
}

async function endPool({ books }: Campaign, pool: Pool, kind: Kind): Promise<void> {
  const ended = await within(limitMs, pool.end())
  if (ended === late) books.breach(`the pool ${JSON.stringify(kind)} has not ended within ${limitMs} ms`)
}

/** Those that are left end, and what they had begun with them. */
async function compare({ stage, books }: Campaign): Promise<void> {
  const others =
    "select count(*)::int from (select pg_terminate_backend(pid, 5000) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()) ended"
  await stage.ask(others)
  const [rows] = await stage.ask("select coalesce(json_agg(entry), '[]') from entry")
  books.close(rows as Row[])
  await stage.ask('truncate entry')
}

// Faults.

async function killBackends({ stage, books }: Campaign, random: Random, isOver: () => boolean): Promise<void> {
  const others = `select json_agg(pid order by pid) from pg_stat_activity where usename = '${owner}' and backend_type = 'client backend' and pid <> pg_backend_pid()`
  while (!isOver()) {
    await sleep(random.integer(20, 200))
    const [pids] = (await stage.ask(others)) as [number[] | null]
    if (!pids) continue
    await stage.ask('select pg_terminate_backend($1)', random.pick(pids))
    books.happened('backend killed')
  }
}

/** Never at the end of a cancel request, which has 16 bytes: that would look as if PostgreSQL had carried it out. */
function anywhere(random: Random): number {
  return Math.round(10 ** (random.integer(200, 480) / 100))
}

function drawFaults(random: Random): Faults {
  const slow: StreamFaults = random.pick([
    {},
    {},
    {},
    { splitBytes: random.pick([20, 300]) },
    { delayMs: 3 },
    { delayMs: 40 },
  ])
  const cut = random.pick([{ cutAtByte: anywhere(random) }, { resetAtByte: anywhere(random) }])
  return random.pick<Faults>([
    { fromClient: slow },
    { fromTarget: slow },
    { fromClient: { ...cut, ...slow }, fromTarget: slow },
    { fromTarget: { ...cut, ...slow }, fromClient: slow },
  ])
}
