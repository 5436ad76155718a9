import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { replayFifo } from '../../../bench/pool/fifo-queue.ts'

const at = (arrivedAtMs: number, heldMs: number) => ({ arrivedAtMs, heldMs })

describe('replayFifo', () => {
  it('lets nobody wait while there are servers for all', () => {
    assert.deepEqual(replayFifo([at(0, 5), at(0, 5), at(5, 5)], 2), [0, 0, 0])
  })

  it('serves who came first by whichever server is free first', () => {
    assert.deepEqual(replayFifo([at(0, 10), at(0, 3), at(1, 1), at(2, 1), at(2, 9)], 2), [0, 0, 2, 2, 3])
  })

  it('lets a short visit wait behind a long one that came before', () => {
    assert.deepEqual(replayFifo([at(0, 100), at(1, 1), at(2, 1)], 1), [0, 99, 99])
  })

  it('begins anew when everybody has been served', () => {
    assert.deepEqual(replayFifo([at(0, 10), at(1, 10), at(50, 1)], 1), [0, 9, 0])
  })

  it('is empty without visits', () => {
    assert.deepEqual(replayFifo([], 10), [])
  })
})
