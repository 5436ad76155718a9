import { setTimeout as sleep } from 'node:timers/promises'
import { occupy } from '../../canary/cancel.ts'
import type { CanaryClient } from '../../canary/client.ts'
import { askFacts, Load, shortPipeline } from '../load.ts'
import { local } from '../stage.ts'
import type { Row } from '../row.ts'

const clients = 50
const overloadMs = 6000

const holdServer = (client: CanaryClient): Promise<void> => occupy(client)

export const checkoutTimeouts: Row = {
  number: 2,
  name: 'checkout time-outs in mid-pipeline',
  injected: `${clients} clients with pipelines of 8 for one server that others keep busy; query_wait_timeout 1 s`,
  mustHold: 'who waits too long gets an error or is dropped; nobody else sees anything; calm brings everybody back',
  limitMs: 60_000,
  async run(stage, finding) {
    const postgres = await stage.postgres()
    const pooler = await stage.pooler(postgres.port, { settings: { default_pool_size: 1, query_wait_timeout: 1 } })
    const canary = await stage.canary(postgres, pooler)
    const holders = new Load(canary, pooler, { clients: 8, scenarios: [holdServer] })
    const load = new Load(canary, pooler, { clients, scenarios: [shortPipeline] })
    await Promise.all([holders.start(), load.start()])
    await sleep(overloadMs)
    await Promise.all([holders.stop(), load.stop()])
    const after = new Load(canary, local(pooler.port), { clients: 10, scenarios: [askFacts] })
    await after.start()
    await after.stop()
    await stage.compareLedger(canary, postgres)
    finding.figure('statements', canary.statements)
    finding.figure('pipelines that timed out', load.failedPercent(), '%')
    finding.figure('pipelines answered', load.attempts.length - load.failures)
    finding.figure('clients stuck', load.stuck, '', 'less')
    finding.figure('failures after the overload', after.failures, '', 'less')
    finding.must(load.stuck === 0, `${load.stuck} clients were left without an answer`)
    finding.must(load.failures > 0, 'nobody timed out: the row did not test anything')
    finding.must(after.failures === 0, `${after.failures} of 10 clients failed when the overload was over`)
  },
}
