import { setTimeout as sleep } from 'node:timers/promises'
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

/** What the clients of one run have done, and what they know. */
interface Shift {
  completed: number
  failed: number
  refused: number
  /** The signal is sent: who is turned away goes. */
  isEnding: boolean
  isOver: boolean
}

async function drainBy(signal: 'SIGINT' | 'SIGTERM', stage: Stage, finding: Finding): Promise<void> {
  const postgres = await stage.postgres()
  const pooler = await stage.pooler(postgres.port)
  const canary = await stage.canary(postgres, pooler)
  const shift: Shift = { completed: 0, failed: 0, refused: 0, isEnding: false, isOver: false }
  const all = Array.from({ length: clients }, () => canary.addClient(identity, pooler))
  const runs = Promise.all(all.map((client) => work(client, shift)))
  await sleep(1000)
  const beforehand = shift.completed
  const toldMs = performance.now()
  shift.isEnding = true
  pooler.signal(signal)
  const endedMs = pooler.ended.then(() => performance.now() - toldMs)
  await sleep(leaveMs)
  shift.isOver = true
  const ended = await Promise.race([endedMs, sleep(endLimitMs, NaN)])
  await Promise.race([runs, sleep(5000)])
  for (const client of all) client.finish()
  await stage.compareLedger(canary, postgres)
  finding.figure(`${signal}: transactions that had begun and failed`, shift.failed, '', 'less')
  finding.figure(`${signal}: completed after the signal`, shift.completed - beforehand)
  finding.figure(`${signal}: clients turned away before they began`, shift.refused)
  finding.figure(`${signal}: signal to the end of the process`, ended, 'ms')
  finding.must(shift.failed === 0, `${signal}: ${shift.failed} transactions failed`)
  finding.must(!Number.isNaN(ended), `${signal}: the process did not end within ${(leaveMs + endLimitMs) / 1000} s`)
}

async function work(client: CanaryClient, shift: Shift): Promise<void> {
  while (!shift.isOver) {
    const outcome = await transact(client)
    shift[outcome]++
    if (outcome === 'refused' && shift.isEnding) return
  }
  client.finish()
}

/** One transaction; `refused`: it could not begin, since the connection was gone. */
async function transact(client: CanaryClient): Promise<'completed' | 'failed' | 'refused'> {
  const progress = { hasBegun: false }
  const succeeded = await client.attempt(async function transaction(each) {
    await each.ask(begin(each))
    progress.hasBegun = true
    for (let n = 0; n < 4; n++) {
      await sleep(20)
      await each.ask(facts(each))
    }
    await each.ask(end(each, 'commit'))
  })
  if (succeeded) return 'completed'
  return progress.hasBegun ? 'failed' : 'refused'
}
