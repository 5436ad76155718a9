import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { spread } from './end-label.ts'

describe('spread', () => {
  it('leaves alone what is far enough apart', () => {
    assert.deepEqual(spread([10, 40, 90], 17, 0, 100), [10, 40, 90])
  })

  it('moves neighbours apart around their middle', () => {
    assert.deepEqual(spread([50, 50], 20, 0, 100), [40, 60])
    assert.deepEqual(spread([50, 50, 50], 20, 0, 100), [30, 50, 70])
    assert.deepEqual(spread([30, 50, 52], 20, 0, 100), [24, 44, 64])
  })

  it('stays between top and bottom', () => {
    assert.deepEqual(spread([0, 1], 20, 0, 100), [0, 20])
    assert.deepEqual(spread([70, 99, 100], 20, 0, 100), [60, 80, 100])
  })
})
