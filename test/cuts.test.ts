/**
 * A sample of `npm run cuts`, which cuts at every byte, in each of its modes, by FIN and RST: here each conversation is in one
 * mode, and cut at a few bytes, half of them in headers.
 */

import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { describe, it } from 'node:test'
import { Random } from '../src/random.ts'
import { runCampaign } from './cuts/campaign.ts'
import { someBytes } from './cuts/cut.ts'
import { transcripts } from './cuts/transcripts.ts'

const seed = Number(process.env['CUTS_SEED'] ?? randomInt(1e9))
/** Anywhere, and as many in headers. */
const pointsPerStream = 2

describe(`a conversation that is cut anywhere (CUTS_SEED=${seed})`, () => {
  it('leaves the next client its own answer, and the pool idle, without a breach', { timeout: 120_000 }, async () => {
    const random = new Random(seed)
    const { findings, breaches } = await runCampaign({
      subjects: transcripts.map((transcript) => ({ transcript, mode: random.pick(transcript.modes) })),
      seed,
      lanes: 3,
      points: (stream, _transcript, drawn) => someBytes(stream, pointsPerStream, drawn),
      isByBoth: false,
      cutsPerLane: 1_000,
      say: () => undefined,
    })
    assert.deepEqual(breaches, [])
    const notCut = findings.filter(({ ofClient, ofServer }) => ofClient.cuts === 0 || ofServer.cuts === 0)
    assert.deepEqual(notCut, [])
    const cuts = findings.reduce((sum, { ofClient, ofServer }) => sum + ofClient.cuts + ofServer.cuts, 0)
    assert.ok(cuts > findings.length * pointsPerStream * 4, `${cuts} cuts`)
  })
})
