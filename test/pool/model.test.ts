import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { command } from './model/commands.ts'
import { World } from './model/world.ts'

describe('the pool and its contract', () => {
  it('keeps it, whatever is asked of it and whatever becomes of its clients', { timeout: 60_000 }, async () => {
    const seed = Math.floor(Math.random() * 1e9)
    console.log(`seed ${seed}`)
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(command, { maxLength: 80, size: 'max' }),
      async (max, commands) => {
        const world = new World(max)
        for (const one of commands) await world.run(one)
        await world.settle()
      },
    )
    await fc.assert(property, { numRuns: 150, seed })
  })
})
