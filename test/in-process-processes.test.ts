/** A pool in a process of its own, on Node and on Bun: when the process ends, and what happens when it was stopped. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { endedWell, runModule, runtimes, startModule } from './support/library-program.ts'
import { needs } from './support/tools.ts'

for (const [name, command] of runtimes) {
  describe(`a process on ${name}`, needs('node'), () => {
    it('ends by itself when only idle resources are left, and times are running', async () => {
      const text = `
        const pool = createPool({
          open, check: () => true, idleTimeoutMillis: 60_000, keepaliveMillis: 60_000, maxLifetimeMillis: 60_000,
          suspectAfterPauseMillis: 60_000, leakDetectionMillis: 60_000, prewarm: true, min: 1,
        })
        await pool.use(() => console.log('used'))`
      assert.deepEqual(await runModule(command(), text), endedWell('used'))
    })

    it('ends by itself though somebody has a lease', async () => {
      const text = `
        const pool = createPool({ open, leakDetectionMillis: 60_000 })
        await pool.acquire()
        console.log('held')`
      assert.deepEqual(await runModule(command(), text), endedWell('held'))
    })

    it('does not end while somebody waits who will be told something', async () => {
      const text = `
        const pool = createPool({ open, max: 1, acquireTimeoutMillis: 100 })
        await pool.acquire()
        console.log(await pool.acquire().catch(({ code }) => code))`
      assert.deepEqual(await runModule(command(), text), endedWell('acquire_timeout'))
    })

    it('does not end between two attempts to open what somebody waits for', async () => {
      const text = `
        let attempts = 0
        const failing = () => { if (++attempts < 3) throw new Error('down'); return {} }
        const pool = createPool({ open: failing, waitWhenDown: true })
        await pool.use(() => console.log(attempts))`
      assert.deepEqual(await runModule(command(), text), endedWell('3'))
    })

    it('that was stopped for a while has what is idle checked before it is lent', async () => {
      const text = `
        let checks = 0
        const pool = createPool({ open, check: () => void checks++, suspectAfterPauseMillis: 200 })
        await pool.use(() => undefined)
        await pool.use(() => undefined)
        let at = performance.now()
        console.log('stop me')
        for (let before = at; at - before < 400; at = performance.now()) {
          before = at
          await sleep(5)
        }
        await pool.use(() => undefined)
        await pool.use(() => undefined)
        console.log('checks', checks)
        process.exit()`
      const child = startModule(command(), text)
      let said = ''
      const decoder = new TextDecoder()
      let isStopped = false
      for await (const bytes of child.stdout) {
        said += decoder.decode(bytes)
        if (isStopped || !said.includes('stop me')) continue
        isStopped = true
        process.kill(child.pid, 'SIGSTOP')
        await Bun.sleep(800)
        process.kill(child.pid, 'SIGCONT')
      }
      await child.exited
      assert.deepEqual(said.trim().split('\n').at(-1), 'checks 1')
    })
  })
}
