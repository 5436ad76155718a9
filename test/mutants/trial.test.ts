import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { engineMutants } from './engine-mutants.ts'
import { mutants } from './mutants.ts'
import { readVerdict } from './trial.ts'
import { whyStale } from './workshop.ts'

const root = join(import.meta.dirname, '../..')
const last = '3000 statements, 90 faults, 3 breaches, seed 7'
const byRule = `checker: I3 at record 9, 1.000 ms, server 3: expected a clean server; seen: copy-in runs
by rule: I3 2, I9 1
80 records
3 breaches`
const foreign =
  'BREACH foreign token, client 2, seed 7: got c1:1:00000001\n    1.0 sent BREACH stuck, client 1, seed 7: x'

describe('the verdict on a mutant', () => {
  it('is red when the checker or the canary saw something, the transcript apart', () => {
    const first = 'I3 at record 9, 1.000 ms, server 3: expected a clean server; seen: copy-in runs'
    const both = { isRed: true, isGreen: false, canary: 'foreign token 2', checker: 'I3 2, I9 1', first }
    assert.deepEqual(readVerdict([foreign, foreign, byRule, last].join('\n'), ''), both)
    assert.deepEqual(readVerdict([byRule, last].join('\n'), ''), { ...both, canary: '' })
  })

  it('is red for what the canary said before the soak was ended', () => {
    const first = 'foreign token, client 2, seed 7: got c1:1:00000001'
    const seen = { isRed: true, isGreen: false, canary: 'foreign token 1', checker: '', first }
    assert.deepEqual(readVerdict(foreign, ''), seen)
  })

  it('is green only for a soak that counted no breach', () => {
    const nothing = { isRed: false, isGreen: true, canary: '', checker: '', first: '' }
    assert.deepEqual(
      readVerdict('checker: 80 records\n0 breaches\n3000 statements, 9 faults, 0 breaches, seed 7', ''),
      nothing,
    )
  })

  it('is neither when the soak failed, or only its own end went wrong', () => {
    const first = 'the soak gave no verdict: Error: no port'
    const none = { isRed: false, isGreen: false, canary: '', checker: '', first }
    assert.deepEqual(readVerdict('', 'at x\nError: no port\n'), none)
    const atEnd = 'BREACH at the end: 2 backends are left'
    assert.deepEqual(readVerdict(`${atEnd}\n${last}`, ''), { ...none, first: 'at the end: 2 backends are left' })
  })
})

describe('a mutant', () => {
  it('is stale unless its text stands in the file exactly once', () => {
    assert.equal(whyStale('a b c', 'f.ts', 'b'), undefined)
    assert.match(whyStale('a b c b', 'f.ts', 'b') ?? '', /2 times in f\.ts/)
    assert.match(whyStale('a c', 'f.ts', 'b') ?? '', /0 times in f\.ts/)
  })

  for (const { name, file, find } of [...mutants, ...engineMutants]) {
    it(`can be made of the sources as they are: ${name}`, () => {
      assert.equal(whyStale(readFileSync(join(root, file), 'utf8'), file, find), undefined)
    })
  }
})
