import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../../../src/metrics/statistics.ts'
import { Load } from '../load.ts'
import type { PoolerUnderTest } from '../pooler.ts'
import type { Row } from '../row.ts'

const reloads = 150

/** What the file says by turns, and whether it is to take effect. */
const files: readonly ((pooler: PoolerUnderTest) => void)[] = [
  (pooler) => pooler.rewrite({ settings: { default_pool_size: 3, query_wait_timeout: 60 } }),
  (pooler) => pooler.rewrite({ settings: { default_pool_size: 'many' } }),
  (pooler) => pooler.rewrite({ settings: { default_pool_size: 8 } }),
  (pooler) => pooler.rewrite('[pgbouncer]\nthis is no setting\n'),
  (pooler) =>
    pooler.rewrite({
      settings: { client_tls_sslmode: 'require', client_tls_key_file: '/nowhere', client_tls_cert_file: '/nowhere' },
    }),
  (pooler) => pooler.rewrite({ database: 'pool_size=4' }),
]

export const reloadsUnderLoad: Row = {
  number: 22,
  name: 'reloads under load',
  injected: `${reloads} reloads by SIGHUP under 20 clients, of good files (pool sizes up and down) and bad ones (a value, a line, a certificate that is not there), then RELOAD of a good and of a bad one`,
  mustHold: 'nobody is dropped; a bad file changes nothing and RELOAD says so; a good one applies',
  limitMs: 60_000,
  async run(stage, finding) {
    const postgres = await stage.postgres()
    const pooler = await stage.pooler(postgres.port)
    const canary = await stage.canary(postgres, pooler)
    const load = new Load(canary, pooler, { clients: 20 })
    await load.start()
    for (let n = 0; n < reloads; n++) {
      files[n % files.length]?.(pooler)
      pooler.signal('SIGHUP')
      await sleep(30)
    }
    pooler.rewrite({ settings: { default_pool_size: 5 } })
    const console = await pooler.console()
    const took: number[] = []
    for (let n = 0; n < 20; n++) {
      const startMs = performance.now()
      await console.query('RELOAD')
      took.push(performance.now() - startMs)
    }
    const before = JSON.stringify(await console.rows('SHOW CONFIG'))
    pooler.rewrite({ settings: { query_wait_timeout: 77, default_pool_size: 'many' } })
    const answer = await console.query('RELOAD')
    const changed = before !== JSON.stringify(await console.rows('SHOW CONFIG'))
    console.leave()
    await load.stop()
    await stage.compareLedger(canary, postgres)
    const isTold = answer.some((line) => line.startsWith('E '))
    finding.figure('attempts meanwhile', load.attempts.length)
    finding.figure('clients dropped', load.failures, '', 'less')
    finding.figure('RELOAD, p99', percentile(took, 99), 'ms', 'less')
    finding.figure('a bad file: RELOAD says', isTold ? 'an error' : 'done')
    finding.figure('a bad file: its other settings', changed ? 'applied' : 'not applied')
    finding.must(load.failures === 0, `${load.failures} clients were dropped`)
    finding.must(isTold, 'RELOAD of a bad file is not told')
    finding.must(!changed, 'a bad file was half applied')
    finding.must(pooler.isRunning, 'the pooler ended')
  },
}
