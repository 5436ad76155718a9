import { constants, chmodSync, closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { askFacts, Load } from '../load.ts'
import type { CanaryClient } from '../../canary/client.ts'
import type { Finding, Row } from '../row.ts'
import type { Stage } from '../stage.ts'

const measureMs = 4000

/** A connection a question: with log_connections, two lines of log each. */
const comeAndGo = async (client: CanaryClient): Promise<void> => {
  await askFacts(client)
  client.leave('politely')
}

export const blockedLog: Row = {
  number: 21,
  name: 'log pipe blocked, disk full',
  injected: `clients come and go with log_connections and log_disconnections, ${measureMs / 1000} s each: log read; a log pipe that nobody reads; a log file on a full disk`,
  mustHold: 'traffic goes on',
  emulated: '/dev/full is the full disk',
  limitMs: 90_000,
  async run(stage, finding) {
    const usual = await throughput(stage, finding, 'log read', ':', {})
    const pipe = join(stage.folder, 'log-pipe')
    Bun.spawnSync(['mkfifo', pipe])
    chmodSync(pipe, 0o622)
    const end = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK)
    stage.atEnd(() => closeSync(end))
    const blocked = await throughput(stage, finding, 'pipe blocked', `exec 2>${pipe} >/dev/null`, {})
    const full = await throughput(stage, finding, 'disk full', ':', { logfile: '/dev/full' })
    finding.figure('pipe blocked, in parts of the usual', blocked / usual, '', 'more')
    finding.figure('disk full, in parts of the usual', full / usual, '', 'more')
    finding.must(blocked > usual / 2, 'traffic suffers when nobody reads the log')
    finding.must(full > usual / 2, 'traffic suffers when the disk is full')
  },
}

async function throughput(
  stage: Stage,
  finding: Finding,
  name: string,
  prelude: string,
  more: Readonly<Record<string, string>>,
): Promise<number> {
  const postgres = await stage.postgres()
  const settings = { log_connections: 1, log_disconnections: 1, ...more }
  const pooler = await stage.pooler(postgres.port, { settings, prelude })
  const canary = await stage.canary(postgres, pooler)
  const load = new Load(canary, pooler, { clients: 10, scenarios: [comeAndGo] })
  await load.start()
  // Enough for a pipe of 64 kB to be full.
  await sleep(1500)
  const fromMs = performance.now()
  await sleep(measureMs)
  const perSecond = load.successesBetween(fromMs, fromMs + measureMs) / (measureMs / 1000)
  await load.stop(2000)
  finding.figure(`${name}: logins`, perSecond, 'a second', 'more')
  pooler.signal('SIGKILL')
  return perSecond
}
