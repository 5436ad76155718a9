import { connect } from 'node:net'
import { proportionalKb } from '../../../bench/load/memory.ts'
import type { Random } from '../../../src/random.ts'
import { RawClient } from '../../support/raw-client.ts'
import * as raw from '../../support/raw-messages.ts'
import { askFacts, Load } from '../load.ts'
import type { Row } from '../row.ts'

const cases = 4000
const atOnce = 16
/** How long a connection may go on that was not closed. */
const patienceMs = 15

const startup = raw.startup({ user: 'canary_b', database: 'canary_2', application_name: 'fuzz' })
const transcripts: readonly Buffer[] = [
  startup,
  raw.sslRequest,
  raw.cancelRequest(Buffer.alloc(8, 7)),
  raw.all(startup, raw.query('select 1')),
  raw.all(startup, raw.statement('select $1', ['x']), raw.describePortal(), raw.sync),
  raw.all(
    startup,
    raw.parse('select 1', 'name'),
    raw.bind([], 'name'),
    raw.execute(),
    raw.closeStatement('name'),
    raw.sync,
  ),
  raw.all(startup, raw.query('copy (select 1) to stdout'), raw.copyData('x'), raw.copyDone, raw.flush),
  raw.all(startup, raw.functionCall(177, ['1', '2']), raw.copyFail('no'), raw.terminate),
]

export const malformed: Row = {
  number: 18,
  name: 'malformed protocol',
  injected: `${cases} seeded cases: transcripts with bytes flipped, cut out, doubled, inserted, lengths made absurd, before and behind the login; 5 good clients of another pool go on, a new one comes in every ${atOnce * 10} cases`,
  mustHold: 'no crash; good clients notice nothing, new ones get in; memory stays flat',
  emulated: 'from clients only; hostile servers are in rows 13 and 17 and in the tests',
  limitMs: 120_000,
  async run(stage, finding) {
    const postgres = await stage.postgres()
    const pooler = await stage.pooler(postgres.port)
    const canary = await stage.canary(postgres, pooler)
    const load = new Load(canary, pooler, { clients: 5, scenarios: [askFacts], pauseMs: 5 })
    await load.start()
    const { pid } = pooler
    const before = proportionalKb(pid)
    let refused = 0
    let done = 0
    for (; done < cases && pooler.isRunning; done += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, () => throwAt(pooler.port, mutated(stage.random))))
      if (done % (atOnce * 10) === 0 && !(await comesIn(pooler.port))) refused++
    }
    const isUp = pooler.isRunning && pooler.pid === pid
    await load.stop()
    finding.figure('cases', done)
    finding.figure('crashes', isUp ? 0 : 1, '', 'less')
    finding.figure('new clients refused', refused, '', 'less')
    finding.figure('good clients, failures', load.failures, '', 'less')
    finding.figure('memory', isUp ? (proportionalKb(pid) - before) / 1024 : NaN, 'MB more', 'less')
    finding.must(isUp, `the pooler ended after ${done} cases`)
    finding.must(refused === 0, `${refused} new clients were refused`)
    finding.must(load.failures === 0, `${load.failures} attempts of good clients failed`)
  },
}

/** One to four changes. */
function mutated(random: Random): Buffer {
  let bytes = Buffer.from(random.pick(transcripts))
  for (let n = random.integer(1, 4); n > 0; n--) bytes = random.pick(mutations)(bytes, random)
  return bytes
}

const mutations: readonly ((bytes: Buffer<ArrayBuffer>, random: Random) => Buffer<ArrayBuffer>)[] = [
  (bytes, random) => {
    const at = random.integer(0, Math.max(0, bytes.length - 1))
    if (bytes.length > 0) bytes[at] = random.integer(0, 255)
    return bytes
  },
  (bytes, random) => bytes.subarray(0, random.integer(0, bytes.length)),
  (bytes, random) => {
    const [at, to] = [random.integer(0, bytes.length), random.integer(0, bytes.length)]
    return Buffer.concat([bytes.subarray(0, Math.min(at, to)), bytes.subarray(Math.max(at, to))])
  },
  (bytes, random) => {
    const at = random.integer(0, bytes.length)
    const inserted = Buffer.from(Array.from({ length: random.integer(1, 40) }, () => random.integer(0, 255)))
    return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)])
  },
  (bytes, random) => {
    const value = random.pick([0, 3, 4, 5, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x4000_0000])
    const at = random.integer(0, Math.max(0, bytes.length - 4))
    if (bytes.length >= 4) bytes.writeUInt32BE(value, at)
    return bytes
  },
]

function throwAt(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.on('error', () => undefined).on('close', () => resolve())
    socket.resume()
    setTimeout(() => socket.destroy(), patienceMs)
  })
}

async function comesIn(port: number): Promise<boolean> {
  try {
    const client = await RawClient.login(port)
    const answer = await client.query('select 7')
    client.leave()
    return answer.includes('D 7')
  } catch {
    return false
  }
}
