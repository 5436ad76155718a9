import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { describe, it } from 'node:test'
import { runReloads } from './reloads/reloads.ts'

const mostGrowthMB = 100
const mostNewDescriptors = 60

describe('eighty reloads of the program under load, good and bad', () => {
  const seed = randomInt(1, 1e9)

  it(
    `drop nobody, hold whole or not at all, and leave nothing behind (seed ${seed})`,
    { timeout: 120_000 },
    async () => {
      const result = await runReloads({ reloads: 80, seed, clients: 6 })
      assert.deepEqual(result.breaches, [], `seed ${seed}`)
      assert.ok(result.good > 10 && result.bad > 10, `${result.good} good, ${result.bad} bad`)
      const { memoryMB, descriptors } = result
      assert.ok(memoryMB[1] - memoryMB[0] < mostGrowthMB, `memory: ${memoryMB.join(' to ')} MB`)
      assert.ok(descriptors[1] - descriptors[0] < mostNewDescriptors, `descriptors: ${descriptors.join(' to ')}`)
    },
  )
})
