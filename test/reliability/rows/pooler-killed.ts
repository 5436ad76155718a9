import { setTimeout as sleep } from 'node:timers/promises'
import { RawClient } from '../../support/raw-client.ts'
import * as raw from '../../support/raw-messages.ts'
import { Load } from '../load.ts'
import type { Row } from '../row.ts'

const kills = 5
const sleepSeconds = 3

export const poolerKilled: Row = {
  number: 24,
  name: 'SIGKILL of the pooler',
  injected: `SIGKILL under 20 clients, and a start at once, ${kills} times; before the last one a query of ${sleepSeconds} s runs`,
  mustHold: 'clients fail fast, the new process serves; a query that ran is not left running for ever',
  limitMs: 90_000,
  async run(stage, finding) {
    const postgres = await stage.postgres()
    const pooler = await stage.pooler(postgres.port)
    const canary = await stage.canary(postgres, pooler)
    const load = new Load(canary, pooler, { clients: 20 })
    await load.start()
    const took: number[] = []
    for (let n = 1; n <= kills; n++) {
      await sleep(500)
      if (n === kills) (await RawClient.login(pooler.port)).send(raw.query(`select pg_sleep(${sleepSeconds})`))
      await sleep(100)
      const killedMs = performance.now()
      pooler.signal('SIGKILL')
      await pooler.startAgain()
      took.push(await load.nextSuccess(performance.now(), 20_000).then(() => performance.now() - killedMs))
    }
    const orphans = async (): Promise<number> =>
      (await stage.sql(postgres, `select 1 from pg_stat_activity where query = 'select pg_sleep(${sleepSeconds})'`))
        .length
    const seen = await orphans()
    await load.stop()
    await sleep(sleepSeconds * 1000 + 500)
    const left = await orphans()
    await stage.compareLedger(canary, postgres)
    finding.figure(
      'kill to first success, median',
      took.sort((a, b) => a - b)[Math.floor(kills / 2)] ?? NaN,
      'ms',
      'less',
    )
    finding.figure('kill to first success, longest', took.at(-1) ?? NaN, 'ms', 'less')
    finding.figure('orphan statements seen; left when their time was over', `${seen}; ${left}`)
    finding.must(load.stuck === 0, `${load.stuck} clients were left without an answer`)
    finding.must(left === 0, 'an orphan statement is still there')
  },
}
