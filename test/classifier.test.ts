/** A sample of `npm run classifier`: the corpus, what was once missed, and some generated statements, the same every time. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeFinding } from './classifier/report.ts'
import { tryClassifier } from './classifier/try-classifier.ts'

const seed = 20_261_129
const statements = 900

describe('the classifier, against what statements do to a real session', () => {
  it('announces every change that a text shows', { timeout: 120_000 }, async () => {
    const { oracle } = await tryClassifier(seed, statements)
    assert.deepEqual(oracle.misses.map(describeFinding), [])
    const tallies = [...oracle.tallies.values()]
    const changing = tallies.reduce((sum, tally) => sum + tally.changing, 0)
    assert.ok(changing > statements / 5, `only ${changing} of ${statements} statements changed their session`)
    const everyday = tallies.filter((_tally, at) =>
      ['corpus', 'ordinary'].includes([...oracle.tallies.keys()][at] ?? ''),
    )
    const [unsure, all] = [
      everyday.reduce((sum, t) => sum + t.unsure, 0),
      everyday.reduce((sum, t) => sum + t.statements, 0),
    ]
    assert.ok(unsure / all < 0.02, `${unsure} of ${all} ordinary statements are called unsure`)
  })
})
