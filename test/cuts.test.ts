import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { describe, it } from 'node:test'
import { runCampaign } from './cuts/campaign.ts'
import { someBytes } from './cuts/cut.ts'
import { transcripts } from './cuts/transcripts.ts'

const seed = Number(process.env['CUTS_SEED'] ?? randomInt(1e9))
const pointsPerStream = 4

describe(`a conversation that is cut anywhere (CUTS_SEED=${seed})`, () => {
  it('leaves the next client its own answer, and the pool idle, without a breach', { timeout: 120_000 }, async () => {
    const said: string[] = []
    const { findings, breaches } = await runCampaign({
      transcripts,
      seed,
      lanes: 5,
      points: (length, _transcript, random) => someBytes(length, pointsPerStream, random),
      isByBoth: false,
      cutsPerLane: 1_000,
      say: (line) => said.push(line),
    })
    assert.deepEqual(breaches, [])
    const notCut = findings.filter(({ ofClient, ofServer }) => ofClient.cuts === 0 || ofServer.cuts === 0)
    assert.deepEqual(notCut, [])
    const cuts = findings.reduce((sum, { ofClient, ofServer }) => sum + ofClient.cuts + ofServer.cuts, 0)
    assert.ok(cuts > findings.length * pointsPerStream * 3, `${cuts} cuts`)
  })
})
