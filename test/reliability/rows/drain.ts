import { setTimeout as sleep } from 'node:timers/promises'
import { LostError } from '../../canary/breach.ts'
import type { CanaryClient } from '../../canary/client.ts'
import { facts } from '../../canary/exchanges.ts'
import { begin, end } from '../../canary/transactions.ts'
import type { Finding, Row } from '../row.ts'
import { identity, type Stage } from '../stage.ts'

const clients = 20
const leaveMs = 2000
const endLimitMs = 15_000

export const drain: Row = {
  number: 23,
  name: 'SIGTERM and SIGINT under load',
  injected: `SIGINT, then (a new run) SIGTERM under ${clients} clients in transactions of about 100 ms; clients that are idle see the end and go, all leave after ${leaveMs / 1000} s`,
  mustHold: 'no transaction that had begun fails; the process ends by itself',
  emulated: 'the rolling restart of two workers is not in this row. PgBouncer before 1.23 means "at once" by SIGTERM',
  limitMs: 60_000,
  async run(stage, finding) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) await drainBy(signal, stage, finding)
  },
}

async function drainBy(signal: 'SIGINT' | 'SIGTERM', stage: Stage, finding: Finding): Promise<void> {
  const postgres = await stage.postgres()
  const pooler = await stage.pooler(postgres.port)
  const canary = await stage.canary(postgres, pooler)
  let isOver = false
  let [completed, failed, refused] = [0, 0, 0]
  const work = async (client: CanaryClient): Promise<void> => {
    let hasBegun = false
    const transaction = async (each: CanaryClient): Promise<void> => {
      if (each.connection.over) throw new LostError('found closed')
      await each.ask(begin(each))
      hasBegun = true
      for (let n = 0; n < 4; n++) {
        await sleep(20)
        await each.ask(facts(each))
      }
      await each.ask(end(each, 'commit'))
      hasBegun = false
    }
    while (!isOver) {
      hasBegun = false
      if (await client.attempt(transaction)) completed++
      else if (hasBegun) failed++
      else {
        refused++
        if (isTold) return
      }
    }
    client.finish()
  }
  let isTold = false
  const all = Array.from({ length: clients }, () => canary.addClient(identity, pooler))
  const runs = Promise.all(all.map(work))
  await sleep(1000)
  const beforehand = completed
  const toldMs = performance.now()
  isTold = true
  pooler.signal(signal)
  const endedMs = pooler.ended.then(() => performance.now() - toldMs)
  await sleep(leaveMs)
  isOver = true
  const ended = await Promise.race([endedMs, sleep(endLimitMs, NaN)])
  await Promise.race([runs, sleep(5000)])
  for (const client of all) client.finish()
  await stage.compareLedger(canary, postgres)
  finding.figure(`${signal}: transactions that had begun and failed`, failed, '', 'less')
  finding.figure(`${signal}: completed after the signal`, completed - beforehand)
  finding.figure(`${signal}: clients turned away before they began`, refused)
  finding.figure(`${signal}: signal to the end of the process`, ended, 'ms', 'less')
  finding.must(failed === 0, `${signal}: ${failed} transactions failed`)
  finding.must(!Number.isNaN(ended), `${signal}: the process did not end within ${(leaveMs + endLimitMs) / 1000} s`)
}
