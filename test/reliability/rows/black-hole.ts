import { setTimeout as sleep } from 'node:timers/promises'
import { deadNetwork } from '../../../src/relay/faults.ts'
import { askFacts, Load } from '../load.ts'
import type { Row } from '../row.ts'
import { identity, type Stage } from '../stage.ts'
import type { Finding } from '../row.ts'

const limitSeconds = 3
const idleLimitMs = 30_000

export const blackHole: Row = {
  number: 8,
  name: 'network that says nothing any more',
  injected: `every open connection to PostgreSQL goes silent, new ones work: with queries in flight, and with idle servers; query_timeout ${limitSeconds} s, server_check_delay 0, server_connect_timeout ${limitSeconds} s`,
  mustHold: `who waits for an answer is told within query_timeout; dead idle servers are noticed, and clients served by new ones`,
  emulated:
    'a relay that swallows everything in place of packets dropped by a firewall: TCP_USER_TIMEOUT cannot help here, only timers of the pooler',
  limitMs: 100_000,
  async run(stage, finding) {
    await inFlight(stage, finding)
    await idle(stage, finding)
  },
}

async function start(stage: Stage) {
  const postgres = await stage.postgres()
  const dead = { before: 0 }
  const relay = stage.relay(postgres.port, (connection) => (connection <= dead.before ? deadNetwork : {}))
  const settings = {
    query_timeout: limitSeconds,
    server_check_delay: 0,
    server_check_query: 'select 1',
    server_connect_timeout: limitSeconds,
    server_login_retry: 1,
  }
  const pooler = await stage.pooler(relay.port, { settings })
  const canary = await stage.canary(postgres, pooler)
  const kill = (): void => {
    dead.before = Number.MAX_SAFE_INTEGER
    relay.replan()
    dead.before = 0
  }
  return { postgres, pooler, canary, kill }
}

async function inFlight(stage: Stage, finding: Finding): Promise<void> {
  const { pooler, canary, kill, postgres } = await start(stage)
  const load = new Load(canary, pooler, { clients: 20 })
  await load.start()
  await sleep(1000)
  const killedMs = performance.now()
  kill()
  await sleep((limitSeconds + 2) * 1000)
  const told = load.attempts.find(({ succeeded, endMs }) => !succeeded && endMs > killedMs)
  const served = await load.nextSuccess(killedMs + 50, 20_000)
  await load.stop()
  await stage.compareLedger(canary, postgres)
  finding.figure('in flight: first client told after', told ? told.endMs - killedMs : NaN, 'ms', 'less')
  finding.figure('in flight: next success after', served, 'ms', 'less')
  finding.figure('in flight: attempts failed', load.failuresBetween(killedMs), '', 'less')
  finding.must(told !== undefined, 'in flight: nobody was told')
  finding.must(load.stuck === 0 && !Number.isNaN(served), 'in flight: clients stay stuck')
}

async function idle(stage: Stage, finding: Finding): Promise<void> {
  const { pooler, canary, kill } = await start(stage)
  const warm = new Load(canary, pooler, { clients: 10 })
  await warm.start()
  await sleep(500)
  await warm.stop()
  await sleep(500)
  kill()
  const client = canary.addClient(identity, pooler)
  const startMs = performance.now()
  let failed = 0
  while (!(await client.attempt(askFacts)) && performance.now() - startMs < idleLimitMs) failed++
  const served = client.finishedScenarios > 0 ? performance.now() - startMs : NaN
  client.finish()
  finding.figure('idle: the next client served after', served, 'ms', 'less')
  finding.figure('idle: attempts that failed before', failed, '', 'less')
  finding.must(!Number.isNaN(served), `idle: nobody was served within ${idleLimitMs / 1000} s`)
}
