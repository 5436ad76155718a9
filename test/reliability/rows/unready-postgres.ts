import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { RawClient } from '../../support/raw-client.ts'
import * as raw from '../../support/raw-messages.ts'
import type { TestPostgres } from '../../support/postgres.ts'
import { Load } from '../load.ts'
import type { PoolerUnderTest } from '../pooler.ts'
import type { Finding, Row } from '../row.ts'
import { local, type Stage } from '../stage.ts'

const awayMs = 4000
const recoveryLimitMs = 20_000
const slots = 20

export const noSlots: Row = {
  number: 12,
  name: 'max_connections held by others',
  injected: `others hold all ${slots} slots of PostgreSQL for ${awayMs / 1000} s while 20 clients of a pool of 10 without a server ask; server_login_retry 2 s`,
  mustHold: 'clients wait, the pooler does not spin, and who waits is served when slots are free',
  limitMs: 60_000,
  async run(stage, finding) {
    const postgres = await stage.postgres({ max_connections: String(slots), superuser_reserved_connections: '0' })
    let connects = 0
    const relay = stage.relay(postgres.port, () => {
      connects++
      return {}
    })
    const pooler = await stage.pooler(relay.port, { settings: { default_pool_size: 10, server_login_retry: 2 } })
    const canary = await stage.canary(postgres, pooler)
    const warm = new Load(canary, pooler, { clients: 1 })
    await warm.start()
    await warm.stop()
    await stage.sql(postgres, `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'canary_a'`)
    const holders = await holdAll(postgres)
    const load = new Load(canary, local(pooler.port), { clients: 20 })
    const before = connects
    const started = load.start()
    await sleep(awayMs)
    const perSecond = (connects - before) / (awayMs / 1000)
    const freedMs = performance.now()
    for (const holder of holders) holder.leave()
    const served = await load.nextSuccess(freedMs, recoveryLimitMs)
    await started
    await sleep(500)
    await load.stop()
    await stage.compareLedger(canary, postgres)
    finding.figure('connect attempts', perSecond, 'a second', 'less')
    finding.figure('attempts of clients failed meanwhile', load.failuresBetween(0, freedMs), '', 'less')
    finding.figure('slots free to first success', served, 'ms', 'less')
    finding.figure('failed after that', load.failuresBetween(freedMs + served), '', 'less')
    finding.must(!Number.isNaN(served), `nobody was served within ${recoveryLimitMs / 1000} s`)
    finding.must(perSecond < 50, 'the pooler spins')
    finding.must(load.failuresBetween(0, freedMs) === 0, 'clients that could have waited were refused')
  },
}

/** As many as there are places, however many those are just now. */
async function holdAll(postgres: TestPostgres): Promise<RawClient[]> {
  const holders: RawClient[] = []
  try {
    for (;;) holders.push(await RawClient.login(postgres.port))
  } catch {
    return holders
  }
}

export const unready: Row = {
  number: 13,
  name: 'PostgreSQL starts, or is read-only',
  injected: `every connect is answered 57P03 ("starting up") for ${awayMs / 1000} s under 20 clients; then default_transaction_read_only is on`,
  mustHold:
    'waiting clients are kept and served when it is ready; a write to a read-only server is refused by PostgreSQL’s own error',
  emulated:
    'a stand-in on PostgreSQL’s port says 57P03 while PostgreSQL is stopped; writes are not routed by either pooler',
  limitMs: 90_000,
  async run(stage, finding) {
    const postgres = await stage.postgres({ synchronous_commit: 'on' })
    await stage.sql(postgres, 'alter table public.ledger set logged', 'canary_1')
    const pooler = await stage.pooler(postgres.port)
    await starting(stage, postgres, pooler, finding)
    await readOnly(stage, postgres, pooler, finding)
  },
}

async function starting(
  stage: Stage,
  postgres: TestPostgres,
  pooler: PoolerUnderTest,
  finding: Finding,
): Promise<void> {
  const canary = await stage.canary(postgres, pooler)
  const load = new Load(canary, pooler, { clients: 20 })
  await load.start()
  await sleep(500)
  const downMs = performance.now()
  await postgres.postgres.stop('fast')
  const standIn = await standInFor(postgres.port)
  stage.atEnd(() => standIn.close())
  const startingFromMs = performance.now()
  await sleep(awayMs)
  standIn.close()
  await postgres.postgres.start()
  const readyMs = performance.now()
  const served = await load.nextSuccess(readyMs, recoveryLimitMs)
  await sleep(500)
  await load.stop()
  await stage.compareLedger(canary, postgres)
  finding.figure(
    '57P03: attempts failed while it started',
    load.failuresBetween(startingFromMs + 500, readyMs),
    '',
    'less',
  )
  finding.figure('57P03: attempts failed in all', load.failuresBetween(downMs), '', 'less')
  finding.figure('57P03: ready to first success', served, 'ms', 'less')
  finding.must(!Number.isNaN(served), `57P03: nobody was served within ${recoveryLimitMs / 1000} s`)
  finding.must(load.failuresBetween(startingFromMs + 500, readyMs) === 0, '57P03: waiting clients were refused')
}

/** Says "starting up" to whoever connects. */
async function standInFor(port: number): Promise<Server> {
  const fields = 'SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0'
  const answer = raw.message('E', Buffer.from(fields))
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(answer))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function readOnly(
  stage: Stage,
  postgres: TestPostgres,
  pooler: PoolerUnderTest,
  finding: Finding,
): Promise<void> {
  await stage.sql(postgres, 'alter system set default_transaction_read_only = on')
  await stage.sql(postgres, 'select pg_reload_conf()')
  await sleep(200)
  const client = await RawClient.login(pooler.port, { user: 'canary_a', database: 'canary_1' })
  let wrong = 0
  for (let n = 0; n < 20; n++) {
    const write = await client.query("insert into public.ledger values ('never')")
    const read = await client.query('select 7')
    if (!write.some((line) => line.startsWith('E ERROR 25006')) || !read.includes('D 7')) wrong++
  }
  client.leave()
  finding.figure('read-only: wrong outcomes of 40', wrong, '', 'less')
  finding.must(wrong === 0, `read-only: ${wrong} wrong outcomes`)
}
