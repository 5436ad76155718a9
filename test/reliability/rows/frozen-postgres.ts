import { setTimeout as sleep } from 'node:timers/promises'
import { proportionalKb } from '../../../bench/load/memory.ts'
import { childrenOf } from '../../../src/embedded/processes.ts'
import { Load } from '../load.ts'
import type { Row } from '../row.ts'
import type { TestPostgres } from '../../support/postgres.ts'

const frozenMs = 5000
const queryTimeoutSeconds = 2

export const frozenPostgres: Row = {
  number: 7,
  name: 'PostgreSQL frozen',
  injected: `SIGSTOP of the postmaster and every backend for ${frozenMs / 1000} s under 20 clients; query_timeout ${queryTimeoutSeconds} s, query_wait_timeout 3 s`,
  mustHold: 'the timers fire, memory stays flat, everybody is served again when it goes on, no stuck server is lent',
  limitMs: 60_000,
  async run(stage, finding) {
    const postgres = await stage.postgres()
    const settings = { query_timeout: queryTimeoutSeconds, query_wait_timeout: 3, server_login_retry: 1 }
    const pooler = await stage.pooler(postgres.port, { settings })
    const canary = await stage.canary(postgres, pooler)
    const load = new Load(canary, pooler, { clients: 20 })
    await load.start()
    await sleep(1000)
    const memoryBefore = proportionalKb(pooler.pid)
    const frozenAtMs = performance.now()
    const frozen = freeze(postgres)
    stage.atEnd(() => thaw(frozen))
    await sleep(frozenMs)
    const memoryAfter = proportionalKb(pooler.pid)
    const told = load.attempts.find(({ succeeded, endMs }) => !succeeded && endMs > frozenAtMs)
    const thawedAtMs = performance.now()
    thaw(frozen)
    const recoveredMs = await load.nextSuccess(thawedAtMs, 20_000)
    await sleep(2000)
    const everybodyFrom = performance.now()
    const progress = new Map(load.clients.map((client) => [client, client.finishedScenarios]))
    await sleep(1500)
    const alive = load.clients.filter((client) => client.finishedScenarios > (progress.get(client) ?? 0)).length
    await load.stop()
    await stage.compareLedger(canary, postgres)
    finding.figure('first client told after', told ? told.endMs - frozenAtMs : NaN, 'ms', 'less')
    finding.figure('memory meanwhile', (memoryAfter - memoryBefore) / 1024, 'MB more', 'less')
    finding.figure('going on to first success', recoveredMs, 'ms', 'less')
    finding.figure('failed while frozen', load.failuresBetween(frozenAtMs, thawedAtMs))
    finding.figure('failed in the 2 s after', load.failuresBetween(thawedAtMs, everybodyFrom), '', 'less')
    finding.figure('clients served again', `${alive} of ${load.clients.length}`)
    finding.must(
      told !== undefined && told.endMs - frozenAtMs < (queryTimeoutSeconds + 1) * 1000,
      'no timer fired in time',
    )
    finding.must(alive === load.clients.length, `${load.clients.length - alive} clients were not served again`)
    finding.must(memoryAfter - memoryBefore < 10 * 1024, 'memory grew by more than 10 MB')
  },
}

function freeze(postgres: TestPostgres): number[] {
  const pids = [postgres.postgres.pid, ...childrenOf(postgres.postgres.pid)]
  for (const pid of pids) send(pid, 'SIGSTOP')
  return pids
}

function thaw(pids: readonly number[]): void {
  for (const pid of pids) send(pid, 'SIGCONT')
}

/** Who is gone needs no signal. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended by itself.
  }
}
