import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { simulate } from './simulation.ts'

describe('The engine in a seeded simulation', () => {
  it('keeps its contract for 120,000 steps with faults', { timeout: 120_000 }, () => {
    const seed = Math.floor(Math.random() * 1e9)
    console.log(`seed ${seed}`)
    assert.equal(simulate(120_000, seed).steps, 120_000)
  })
})
