import { setTimeout as sleep } from 'node:timers/promises'
import { Load } from '../load.ts'
import type { Row } from '../row.ts'

const stoppedMs = 12_000
const shortSeconds = 5

export const poolerStopped: Row = {
  number: 25,
  name: 'the pooler is suspended',
  injected: `SIGSTOP of the pooler for ${stoppedMs / 1000} s under 20 clients for 5 servers; query_wait_timeout, query_timeout and server_idle_timeout are ${shortSeconds} s`,
  mustHold: 'no mass time-out when it goes on: nobody is blamed for time in which the pooler slept',
  emulated: 'clock jumps are not injected: they need libfaketime, and Bun reads the clock through the vDSO',
  limitMs: 60_000,
  async run(stage, finding) {
    const postgres = await stage.postgres()
    const timeouts = {
      query_wait_timeout: shortSeconds,
      query_timeout: shortSeconds,
      server_idle_timeout: shortSeconds,
    }
    const pooler = await stage.pooler(postgres.port, { settings: timeouts })
    const canary = await stage.canary(postgres, pooler)
    const load = new Load(canary, pooler, { clients: 20 })
    await load.start()
    await sleep(1000)
    pooler.signal('SIGSTOP')
    stage.atEnd(() => pooler.signal('SIGCONT'))
    await sleep(stoppedMs)
    const failedBefore = load.failures
    const goesOnMs = performance.now()
    pooler.signal('SIGCONT')
    const served = await load.nextSuccess(goesOnMs, 10_000)
    await sleep(2000)
    await load.stop()
    await stage.compareLedger(canary, postgres)
    const failed = load.failures - failedBefore
    finding.figure('false time-outs', failed, 'of 20 clients', 'less')
    finding.figure('going on to first success', served, 'ms', 'less')
    finding.figure('clients stuck', load.stuck, '', 'less')
    finding.must(failed === 0, `${failed} clients were told of a time-out`)
    finding.must(load.stuck === 0, `${load.stuck} clients were left without an answer`)
  },
}
