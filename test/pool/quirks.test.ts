/** What pg's own pool gets wrong is right here: and that it is wrong there, so that nobody claims what is not so. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { quirks } from './quirks.ts'
import { PgPool, Taxirank } from './support/library.ts'
import { Stage } from './support/stage.ts'

let stage: Stage

before(async () => {
  stage = await Stage.start()
})
afterEach(() => stage.clear())
after(() => stage.remove())

for (const [name, Pool, isKept] of [
  ['Pool', Taxirank, true],
  ["pg's own pool", PgPool, false],
] as const) {
  describe(isKept ? name : `${name} breaks it: it`, () => {
    for (const quirk of quirks) {
      it(quirk.number ? `${quirk.promise} (quirk ${quirk.number})` : quirk.promise, async () => {
        assert.equal(await quirk.isKept(Pool, stage), isKept)
      })
    }
  })
}
