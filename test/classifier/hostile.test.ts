/** A text of whatever kind keeps the process only as long as it is long. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Classifier } from '../../src/sql/classifier.ts'
import { dottedNames } from '../../src/sql/dotted-names.ts'
import { monotonousTexts, prefixes, scrapTexts } from './hostile.ts'

const seed = 20_260_101

/** Nothing is remembered: every text is read, and read again. */
const classifier = () => new Classifier({ longestText: 0 })

/** Of processor time: the machine may have other things to do. */
function cpuMs(work: () => unknown): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

/** The least of a few tries: collecting garbage, and compiling, are no fault of the text's. */
function leastCpuMs(mostMs: number, work: () => unknown): number {
  let least = Infinity
  for (let tries = 0; tries < 3 && least > mostMs; tries++) least = Math.min(least, cpuMs(work))
  return least
}

function assertSwift(texts: Iterable<string>, mostMs: number): void {
  const reader = classifier()
  for (const text of texts) {
    const bytes = Buffer.from(text, 'latin1')
    const spent = leastCpuMs(mostMs, () => reader.classify(bytes, 0, bytes.length))
    assert.ok(
      spent <= mostMs,
      `${spent} ms for ${bytes.length} bytes, seed ${seed}: ${JSON.stringify(text.slice(0, 200))}`,
    )
  }
}

describe('Classifier', () => {
  it('reads texts that end anywhere', () => {
    const spent = cpuMs(() => assertSwift(prefixes(seed), 50))
    assert.ok(spent < 15_000, `${spent} ms in all`)
  })

  it('reads texts of scraps of up to 20 KB', () => {
    const spent = cpuMs(() => assertSwift(scrapTexts(seed, 20_000).take(1_500), 50))
    assert.ok(spent < 15_000, `${spent} ms in all`)
  })

  for (const bytes of [60_000, 1_000_000]) {
    it(`is done at once with ${bytes} bytes of the same`, () => {
      const reader = classifier()
      for (const [what, text] of monotonousTexts(bytes)) {
        const message = Buffer.from(text, 'latin1')
        const spent = leastCpuMs(500, () => reader.classify(message, 0, message.length))
        assert.ok(spent < 500, `${spent} ms for ${what}`)
      }
    })
  }

  it('finds names in values as long as a message may be', () => {
    for (const [what, text] of monotonousTexts(1_000_000)) {
      const spent = leastCpuMs(500, () => dottedNames(text))
      assert.ok(spent < 500, `${spent} ms for ${what}`)
    }
  })
})
