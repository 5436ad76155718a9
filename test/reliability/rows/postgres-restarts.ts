import { setTimeout as sleep } from 'node:timers/promises'
import type { Finding, Row } from '../row.ts'
import { Load } from '../load.ts'
import { local } from '../stage.ts'

const downMs = 1000
const recoveryLimitMs = 20_000

export const restarts: Row = {
  number: 6,
  name: 'PostgreSQL restarts under load',
  injected: `PostgreSQL is stopped (fast, then immediate), stays down for ${downMs / 1000} s more and starts again, under 30 clients; server_login_retry as it comes, 15 s`,
  mustHold: 'who waits is served when it is back; no false success; no storm of connects',
  limitMs: 90_000,
  async run(stage, finding) {
    const postgres = await stage.postgres({ synchronous_commit: 'on' })
    for (const database of ['canary_1', 'canary_2'])
      await stage.sql(postgres, 'alter table public.ledger set logged', database)
    let connects = 0
    const relay = stage.relay(postgres.port, () => {
      connects++
      return {}
    })
    const pooler = await stage.pooler(relay.port, { settings: { default_pool_size: 10 } })
    const canary = await stage.canary(postgres, pooler)
    for (const mode of ['fast', 'immediate'] as const) {
      const load = new Load(canary, local(pooler.port), { clients: 30 })
      await load.start()
      await sleep(1000)
      const before = connects
      const downAtMs = performance.now()
      await postgres.postgres.stop(mode)
      await sleep(downMs)
      await postgres.postgres.start()
      const readyMs = performance.now()
      const recoveredMs = await load.nextSuccess(readyMs, recoveryLimitMs)
      const seconds = (performance.now() - downAtMs) / 1000
      await sleep(500)
      tell(mode, finding, { load, connects: (connects - before) / seconds, recoveredMs, downAtMs })
      await load.stop()
      finding.must(load.stuck === 0, `${mode}: ${load.stuck} clients were left without an answer`)
    }
    await stage.compareLedger(canary, postgres)
  },
}

interface Restart {
  readonly load: Load
  readonly connects: number
  readonly recoveredMs: number
  readonly downAtMs: number
}

function tell(mode: string, finding: Finding, { load, connects, recoveredMs, downAtMs }: Restart): void {
  finding.figure(`${mode}: ready to first success`, recoveredMs, 'ms', 'less')
  finding.figure(`${mode}: attempts failed`, load.failuresBetween(downAtMs), '', 'less')
  finding.figure(
    `${mode}: failed of those under way or begun until it was over`,
    load.failedPercent(downAtMs),
    '%',
    'less',
  )
  finding.figure(`${mode}: connects to PostgreSQL while it was away`, connects, 'a second')
  finding.must(!Number.isNaN(recoveredMs), `${mode}: nobody was served within ${recoveryLimitMs / 1000} s`)
}
