/** Whoever waits for what a pool does by itself is waited for by the process. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { endedWell, runModule, runtimes } from './support/library-program.ts'
import { needs } from './support/tools.ts'

for (const [name, command] of runtimes) {
  describe(`a process on ${name}`, needs('node'), () => {
    it('does not end while a pool is waited for that is opened beforehand', async () => {
      const text = `
        let attempts = 0
        const failing = () => { if (++attempts === 1) throw new Error('down'); return {} }
        const pool = createPool({ open: failing, min: 2, prewarm: true })
        await pool.ready()
        console.log(pool.idle)`
      assert.deepEqual(await runModule(command(), text), endedWell('2'))
    })

    it('does not end before a drain has', async () => {
      const text = `
        const pool = createPool({ open })
        await pool.acquire()
        const { stragglers } = await pool.drain({ deadline: 100 })
        console.log(stragglers.length)`
      assert.deepEqual(await runModule(command(), text), endedWell('1'))
    })

    it('does not end before what is closed has had its time', async () => {
      const text = `
        const pool = createPool({ open, close: () => new Promise(() => {}), closeTimeoutMillis: 100 })
        await pool.use(() => undefined)
        await pool.end()
        console.log('ended')`
      assert.deepEqual(await runModule(command(), text), endedWell('ended'))
    })
  })
}
