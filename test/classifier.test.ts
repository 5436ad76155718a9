/** A sample of `npm run classifier`: the corpus, what was once missed, and some generated statements, the same every time. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Tally } from './classifier/oracle.ts'
import { describeFinding } from './classifier/report.ts'
import { tryClassifier } from './classifier/try-classifier.ts'

const seed = 20_261_129
const statements = 700

describe('the classifier, against what statements do to a real session', () => {
  it('announces every change that a text shows, and seldom says that it is unsure', { timeout: 120_000 }, async () => {
    const { oracle } = await tryClassifier(seed, statements)
    assert.deepEqual(oracle.misses.map(describeFinding), [])
    const changing = sum([...oracle.tallies.values()], 'changing')
    assert.ok(changing > statements / 5, `only ${changing} of ${statements} statements changed their session`)
    const everyday = (['corpus', 'ordinary'] as const).flatMap((origin) => oracle.tallies.get(origin) ?? [])
    const share = sum(everyday, 'unsure') / sum(everyday, 'statements')
    assert.ok(share < 0.02, `of ${share} of ordinary statements it is unsure`)
  })
})

function sum(tallies: readonly Tally[], what: keyof Tally): number {
  return tallies.reduce((total, tally) => total + tally[what], 0)
}
