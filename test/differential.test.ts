/**
 * The same bytes straight to PostgreSQL and through the pooler: what comes back must be the same, byte for byte, but for what
 * normalise.ts says. Each conversation is played whole, byte by byte, and cut in two at a sample of its bytes; `npm run
 * differential` cuts at every byte. Others use the server meanwhile, whenever it is free. Some conversations are drawn by the seed.
 */

import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { createServer, type AddressInfo } from 'node:net'
import { before, describe, it } from 'node:test'
import { type Campaign, startCampaign } from './differential/campaign.ts'
import { corpus } from './differential/corpus.ts'
import { say } from './differential/player.ts'
import { drawnTranscripts } from './differential/drawn.ts'
import { announcedName } from './differential/normalise.ts'
import { eventually, TestPoolers } from './support/pooler.ts'
import { startTestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'

const seed = Number(process.env['DIFFERENTIAL_SEED'] ?? randomInt(1e9))
const cutsPerTranscript = 2
const drawn = drawnTranscripts(seed, 200)

let campaign: Campaign

before(() => {
  const transcripts = [...corpus, ...drawn]
  campaign = startCampaign({
    transcripts,
    stages: 3,
    seed,
    mostCuts: cutsPerTranscript,
    departures: 1,
    playsPerStage: 1_000,
  })
})

describe('the corpus', () => {
  it('has three hundred conversations, all different', () => {
    assert.ok(corpus.length >= 300, `${corpus.length}`)
    const said = corpus.map(({ steps }) => steps.map(([bytes]) => bytes.toString('base64')).join())
    assert.equal(new Set(said).size, corpus.length)
    assert.equal(new Set(corpus.map(({ family, name }) => `${family}: ${name}`)).size, corpus.length)
  })
})

describe('what is sent in pieces', () => {
  it('is read piece by piece', async () => {
    const read: number[] = []
    const server = createServer((socket) => void socket.on('data', ({ length }) => read.push(length)))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const client = await RawClient.connect((server.address() as AddressInfo).port)
    const isRead = (bytes: number) => (): boolean => read.reduce((sum, length) => sum + length, 0) === bytes
    await say(client, Buffer.alloc(50), { kind: 'bytewise' })
    await eventually('the single bytes are read', isRead(50))
    await say(client, Buffer.alloc(50), { kind: 'cut', place: 9 })
    await eventually('all of it is read', isRead(100))
    assert.deepEqual(read, [...Array.from({ length: 49 }, () => 1), 1, 10, 40])
    client.reset()
    server.close()
  })
})

describe(`the answers through the pooler are those of PostgreSQL (DIFFERENTIAL_SEED=${seed})`, () => {
  for (const transcript of corpus) {
    it(`${transcript.family}: ${transcript.name}`, async () => {
      const finding = await campaign.findings.get(transcript)
      assert.equal(finding?.difference, undefined)
    })
  }

  it(`${drawn.length} conversations that are drawn`, { timeout: 300_000 }, async () => {
    const different: string[] = []
    for (const transcript of drawn) {
      const finding = await campaign.findings.get(transcript)
      if (finding?.difference !== undefined) different.push(`${transcript.name}: ${finding.difference}`)
    }
    assert.deepEqual(different, [])
  })

  it('without a breach in the traces, and with the neighbour served in between', async () => {
    const { failures, neighbourAnswers } = await campaign.result
    assert.deepEqual(failures, [])
    assert.ok(neighbourAnswers > corpus.length * 10, `${neighbourAnswers} answers to neighbours`)
  })
})

describe('a login', () => {
  it('reports the same parameters as PostgreSQL, and the pooler, whatever is asked for', async () => {
    const postgres = await startTestPostgres()
    const poolers = new TestPoolers(() => postgres.port)
    try {
      const pooler = await poolers.start({ poolSize: 1 })
      const asked: Record<string, string>[] = [
        {},
        { application_name: 'x', TimeZone: 'Asia/Tokyo', DateStyle: 'SQL, DMY', client_encoding: 'LATIN1' },
        { options: '-c search_path=a -c IntervalStyle=iso_8601' },
      ]
      for (const parameters of asked) {
        const [there, here] = [await RawClient.login(postgres.port, parameters), await pooler.login(parameters)]
        const reported = [...here.parameters].filter(([name]) => name !== announcedName)
        assert.deepEqual(Object.fromEntries(reported), Object.fromEntries(there.parameters))
        for (const client of [there, here]) client.leave()
      }
      await poolers.assertNoBreach()
    } finally {
      await poolers.remove()
      await postgres.remove()
    }
  })
})
