import { setTimeout as sleep } from 'node:timers/promises'
import { proportionalKb } from '../../../bench/load/memory.ts'
import { RawClient } from '../../support/raw-client.ts'
import * as raw from '../../support/raw-messages.ts'
import { askFacts, Load } from '../load.ts'
import type { Row } from '../row.ts'

const readers = 200
const measureMs = 4000
const fillLimitMs = 25_000
const checkMs = 250
/** In so many checks in a row every backend is stopped, and the pooler has grown by less than this. */
const stillChecks = 4
const stillKb = 512

const blockedBackends = `select 1 from pg_stat_activity where query like 'select repeat%' and wait_event = 'ClientWrite'`

export const slowReaders: Row = {
  number: 10,
  name: 'slow readers',
  injected: `${readers} clients ask for 10 GB each and stop reading, each with a server of its own; 10 others of another user go on`,
  mustHold: 'memory per client is bounded; the others’ latency does not suffer',
  limitMs: 90_000,
  async run(stage, finding) {
    const postgres = await stage.postgres({ max_connections: String(readers + 60) })
    const pooler = await stage.pooler(postgres.port, {
      settings: { default_pool_size: readers, max_client_conn: readers + 50 },
    })
    const canary = await stage.canary(postgres, pooler)
    const load = new Load(canary, pooler, { clients: 10, scenarios: [askFacts], pauseMs: 2 })
    await load.start()
    const slow: RawClient[] = []
    for (let n = 0; n < readers; n++) slow.push(await RawClient.login(pooler.port))
    const calmFromMs = performance.now()
    await sleep(measureMs)
    const before = proportionalKb(pooler.pid)
    const stormFromMs = performance.now()
    for (const client of slow) {
      client.send(raw.query("select repeat('x', 100000) from generate_series(1, 100000)"))
      client.pause()
    }
    let peak = before
    const blocked = async (): Promise<number> => (await stage.sql(postgres, blockedBackends)).length
    // A pooler that reads in turns has all backends blocked long before it has read what it will.
    for (let still = 0; still < stillChecks && performance.now() - stormFromMs < fillLimitMs;) {
      await sleep(checkMs)
      const now = proportionalKb(pooler.pid)
      still = now - peak < stillKb && (await blocked()) === readers ? still + 1 : 0
      peak = Math.max(peak, now)
    }
    const stoppedMs = performance.now()
    await sleep(measureMs)
    peak = Math.max(peak, proportionalKb(pooler.pid))
    const calm = load.latency(99, calmFromMs, stormFromMs)
    const filling = load.latency(99, stormFromMs, stoppedMs)
    const storm = load.latency(99, stoppedMs)
    for (const client of slow) client.reset()
    await load.stop()
    finding.figure('memory for all slow readers', (peak - before) / 1024, 'MB', 'less')
    finding.figure('others, p99 before', calm, 'ms', 'less')
    finding.figure('until all of PostgreSQL’s backends were stopped by it for a second', stoppedMs - stormFromMs, 'ms')
    finding.figure('others, p99 until then', filling, 'ms', 'less')
    finding.figure('others, p99 once the readers had stopped', storm, 'ms', 'less')
    finding.figure('others, failures', load.failures, '', 'less')
    finding.must(load.failures === 0, `${load.failures} attempts of others failed`)
    finding.must((peak - before) / 1024 < readers, 'more than 1 MB a slow reader')
    finding.must(storm <= calm * 3 + 5, 'the others’ p99 is more than 3 times what it was')
  },
}
