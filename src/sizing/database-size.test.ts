import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { usefulConnections } from './database-size.ts'

describe('usefulConnections', () => {
  it('is twice the cores and one for each spindle, one unless said otherwise', () => {
    assert.deepEqual(
      [
        usefulConnections({ cores: 8 }),
        usefulConnections({ cores: 8, spindles: 6 }),
        usefulConnections({ cores: 8, spindles: 0 }),
      ],
      [17, 22, 16],
    )
  })

  it('refuses what is out of range', () => {
    const refuses = (ask: () => unknown, message: string) => assert.throws(ask, { code: 'out_of_range', message })
    refuses(() => usefulConnections({ cores: 0 }), 'cores must be a whole number, 1 or more, got 0')
    refuses(() => usefulConnections({ cores: 2, spindles: -1 }), 'spindles must be a whole number, 0 or more, got -1')
  })
})
