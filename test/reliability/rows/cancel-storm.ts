import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../../../src/metrics/statistics.ts'
import { cancelSoon } from '../../canary/cancel.ts'
import { RawClient } from '../../support/raw-client.ts'
import * as raw from '../../support/raw-messages.ts'
import { askFacts, Load } from '../load.ts'
import type { PoolerUnderTest } from '../pooler.ts'
import type { Finding, Row } from '../row.ts'

const races = 1000
const keys = 10_000
const measured = 50

export const cancelStorm: Row = {
  number: 14,
  name: 'cancel storm and race',
  injected: `${races} cancels that race with the end of their query, on 2 servers shared with 10 bystanders; ${keys} random keys against a running query; ${measured} cancels timed`,
  mustHold: 'a cancel hits its owner’s current query or nothing; a guessed key hits nothing',
  limitMs: 120_000,
  async run(stage, finding) {
    const postgres = await stage.postgres()
    const pooler = await stage.pooler(postgres.port, { settings: { default_pool_size: 2 } })
    const canary = await stage.canary(postgres, pooler)
    const bystanders = new Load(canary, pooler, { clients: 10, scenarios: [askFacts] })
    const cancellers = new Load(canary, pooler, { clients: 10, scenarios: [cancelSoon] })
    const done = (): number => canary.canceled.running + canary.canceled.queued + canary.canceled.missed
    await Promise.all([bystanders.start(), cancellers.start()])
    while (done() < races) await sleep(20)
    await Promise.all([bystanders.stop(), cancellers.stop()])
    await stage.compareLedger(canary, postgres)
    finding.figure('races', done())
    finding.figure(
      'hit a running, a waiting query, nothing',
      `${canary.canceled.running}, ${canary.canceled.queued}, ${canary.canceled.missed}`,
    )
    finding.figure('bystanders that lost their connection', bystanders.failures, '', 'less')
    finding.must(bystanders.failures === 0, `${bystanders.failures} bystanders lost their connection`)
    finding.must(bystanders.stuck + cancellers.stuck === 0, 'clients were left without an answer')
    await guess(pooler, finding)
    await time(pooler, finding)
  },
}

/** Somebody sleeps while all these keys are tried. */
async function guess(pooler: PoolerUnderTest, finding: Finding): Promise<void> {
  const sleeper = await RawClient.login(pooler.port)
  const tries = { goOn: true }
  const answers: string[] = []
  const sleeping = (async () => {
    while (tries.goOn) answers.push(...(await sleeper.query('select pg_sleep(2)')))
  })()
  for (let tried = 0; tried < keys; tried += 50) {
    await Promise.all(Array.from({ length: 50 }, () => sendOnce(pooler.port, raw.cancelRequest(randomBytes(8)))))
  }
  tries.goOn = false
  await sleeping
  const hits = answers.filter((line) => line.includes('57014')).length
  finding.figure(`${keys} guessed keys: hits`, hits, '', 'less')
  finding.must(hits === 0, `${hits} guessed keys hit`)
  sleeper.leave()
}

async function time(pooler: PoolerUnderTest, finding: Finding): Promise<void> {
  const client = await RawClient.login(pooler.port)
  const took: number[] = []
  for (let n = 0; n < measured; n++) {
    client.send(raw.query('select pg_sleep(5)'))
    await sleep(20)
    const startMs = performance.now()
    await sendOnce(pooler.port, raw.cancelRequest(client.key))
    const answer = await client.answer()
    took.push(performance.now() - startMs)
    finding.must(
      answer.some((line) => line.includes('57014')),
      `a cancel was answered ${answer.join(', ')}`,
    )
  }
  finding.figure('cancel to answer, p50', percentile(took, 50), 'ms', 'less')
  finding.figure('cancel to answer, p99', percentile(took, 99), 'ms', 'less')
  client.leave()
}

/** Sends, and waits until the other side has closed. */
function sendOnce(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.once('close', () => resolve()).once('error', () => undefined)
    socket.resume()
  })
}
