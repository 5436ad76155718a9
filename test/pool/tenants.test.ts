/** A few seconds of `npm run soak:pool`: pools of every kind, and callers who do with them whatever callers do. */

import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { Random } from '../../src/random.ts'
import { Stage } from './support/stage.ts'
import { Books } from './tenants/books.ts'
import { neededSettings, runCampaign } from './tenants/campaign.ts'
import { deeds } from './tenants/deeds.ts'

const seed = Number(process.env['TENANTS_SEED'] ?? randomInt(1e9))
const statements = 2_000
const longestMs = 20_000
let stage: Stage

before(async () => {
  stage = await Stage.start(neededSettings)
})
after(() => stage.remove())

describe(`the holder of a client (TENANTS_SEED=${seed})`, () => {
  it('never sees the session, the reply or the transaction of another', { timeout: 60_000 }, async () => {
    const books = new Books((line) => console.log(line))
    const startMs = performance.now()
    const isOver = (): boolean => books.statements >= statements || performance.now() - startMs > longestMs
    await runCampaign({ stage, random: new Random(seed), books, isOver, roundStatements: statements })
    assert.deepEqual([...books.breaches.values()], [])
    assert.ok(books.answered > books.statements / 3, `${books.answered} of ${books.statements} answered`)
    const undone = deeds.filter(({ name }) => !books.deeds.has(name)).map(({ name }) => name)
    assert.deepEqual(undone, [])
  })
})
