import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Supply } from '../../test/support/supply.ts'

/** The file alone, and whether the pool's own calls are among those that led there. */
function whereabouts(holders: readonly { site: string; stack: string }[]): [file: string, isPoolNamed: boolean][] {
  return holders.map(({ site, stack }) => [site.replace(/:\d+$/, ''), stack.includes('resource-pool.ts')])
}

const here = [['src/in-process/caller-names.test.ts', false]]

describe('a holder', () => {
  it('is named by where they have called acquire', async () => {
    const pool = new Supply().pool({ leakDetectionMillis: 60_000 })
    await pool.acquire()
    assert.deepEqual(whereabouts(pool.holders()), here)
  })

  it('is named by where they have called use', async () => {
    const pool = new Supply().pool({ leakDetectionMillis: 60_000 })
    assert.deepEqual(await pool.use(() => whereabouts(pool.holders())), here)
  })
})
