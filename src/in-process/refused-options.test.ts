import assert from 'node:assert/strict'
import { it } from 'node:test'
import { rejection, Supply } from '../../test/support/supply.ts'
import type { AcquireOptions } from './lending.ts'

const wrong: AcquireOptions[] = [{ lane: 'none' }, { timeoutMillis: -1 }]

for (const options of wrong) {
  it(`acquire rejects, and does not throw, if it is asked for ${JSON.stringify(options)}`, async () => {
    const asked = new Supply().pool().acquire(options)
    assert.equal((await rejection(asked)).code, 'bad_configuration')
  })
}
