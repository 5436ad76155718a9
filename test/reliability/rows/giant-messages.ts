import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { peakKb, proportionalKb } from '../../../bench/load/memory.ts'
import { RawClient } from '../../support/raw-client.ts'
import * as raw from '../../support/raw-messages.ts'
import { askFacts, Load } from '../load.ts'
import type { Row } from '../row.ts'

const megabyte = 1_048_576
const answerLimitMs = 40_000
const mostParameters = 65_535

/** What is asked, and what of the answer counts. */
const giants: Readonly<Record<string, () => Buffer>> = {
  'a row of 256 MB': () => raw.query(`select repeat('${'x'.repeat(1024)}', ${256 * 1024})`),
  'a query of 64 MB': () => raw.query(`select length('${'y'.repeat(64 * megabyte)}')`),
  '65,535 parameters': () => raw.all(manyParameters(), raw.sync),
  'a statement name of 1 MB': () => raw.all(raw.parse('select 1', 'n'.repeat(megabyte)), raw.sync),
}

export const giantMessages: Row = {
  number: 11,
  name: 'giant messages',
  injected: `${Object.keys(giants).join(', ')}, one after the other, while 5 others work`,
  mustHold: 'the same answer as from PostgreSQL itself, or a clear error; nobody else is hurt',
  limitMs: 180_000,
  async run(stage, finding) {
    const postgres = await stage.postgres()
    const pooler = await stage.pooler(postgres.port)
    const canary = await stage.canary(postgres, pooler)
    const load = new Load(canary, pooler, { clients: 5, scenarios: [askFacts], pauseMs: 2 })
    await load.start()
    const before = proportionalKb(pooler.pid)
    let same = 0
    for (const [name, build] of Object.entries(giants)) {
      const expected = await ask(postgres.port, build())
      const startMs = performance.now()
      if (!/^[\w\d]+ [0-9a-f]{40}$/.test(expected)) throw new Error(`PostgreSQL itself, asked for ${name}: ${expected}`)
      const got = await ask(pooler.port, build())
      if (got === expected) same++
      else finding.must(got.includes('E '), `${name}: ${got.slice(0, 100)} in place of ${expected.slice(0, 100)}`)
      finding.figure(
        name,
        got === expected ? `as PostgreSQL, ${Math.round(performance.now() - startMs)} ms` : got.slice(0, 80),
      )
    }
    await load.stop()
    finding.figure('answered as by PostgreSQL', same, `of ${Object.keys(giants).length}`, 'more')
    finding.figure('peak memory above the beginning', (peakKb(pooler.pid) - before) / 1024, 'MB', 'less')
    finding.figure('others, longest wait', load.latency(100), 'ms', 'less')
    finding.figure('others, failures', load.failures, '', 'less')
    finding.must(load.failures === 0, `${load.failures} attempts of others failed`)
  },
}

/** Types and a digest of everything up to ReadyForQuery, or how it ended. */
async function ask(port: number, bytes: Buffer): Promise<string> {
  const client = await RawClient.login(port)
  try {
    client.send(bytes)
    await answerBegins(client)
    const got = await client.until('Z')
    const errors = got.filter(({ type }) => type === 'E').map(raw.say)
    const digest = createHash('sha1')
    for (const { type, body } of got) digest.update(type).update(body)
    return errors[0] ?? `${got.map(({ type }) => type).join('')} ${digest.digest('hex')}`
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 200) : String(error)
  } finally {
    client.reset()
  }
}

/** PostgreSQL may need longer for it than the client waits for anything else. */
async function answerBegins(client: RawClient): Promise<void> {
  const before = client.receivedBytes
  for (const startMs = performance.now(); client.receivedBytes === before && !client.over; await sleep(10)) {
    if (performance.now() - startMs > answerLimitMs) throw new Error(`no answer within ${answerLimitMs / 1000} s`)
  }
}

function manyParameters(): Buffer {
  const values = Array.from({ length: mostParameters }, (_, n) => String(n % 10))
  const list = values.map((_, n) => `$${n + 1}`).join(',')
  const header = raw.message('P', Buffer.from(`\0select cardinality(array[${list}]::int[])\0\0\0`))
  const fields = values.map((value) => Buffer.from([0, 0, 0, 1, value.charCodeAt(0)]))
  const bind = raw.message('B', Buffer.from([0, 0, 0, 0, 0xff, 0xff]), ...fields, Buffer.from([0, 0]))
  return raw.all(header, bind, raw.execute())
}
