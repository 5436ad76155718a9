/** The pool in the place of pg's own: the same calls come to the same. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { usages } from './compatibility.ts'
import { PgPool, Taxirank } from './support/library.ts'
import { runChild } from './support/run-child.ts'
import { Stage } from './support/stage.ts'

let stage: Stage

before(async () => {
  stage = await Stage.start()
})
afterEach(() => stage.clear())
after(() => stage.remove())

describe("the pool, as pg's own,", () => {
  for (const { what, run } of usages) {
    it(what, async () => {
      const theirs = await run(PgPool, stage)
      stage.clear()
      assert.deepEqual(await run(Taxirank, stage), theirs)
    })
  }

  it('lets the process end when nothing but idle clients is left, if it is told so', async () => {
    const ends = await Promise.all([
      runChild('answered', 'pg', stage.port),
      runChild('answered', 'taxirank', stage.port),
    ])
    const end = { code: 0, said: 'goes on: 42' }
    assert.deepEqual(ends, [end, end])
  })

  it('does not let the process end while somebody has a client', async () => {
    const ends = await Promise.all([
      runChild('held for ever', 'pg', stage.port, 1_000),
      runChild('held for ever', 'taxirank', stage.port, 1_000),
    ])
    const end = { code: null, said: 'holds' }
    assert.deepEqual(ends, [end, end])
  })
})
