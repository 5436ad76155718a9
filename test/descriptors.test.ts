/** When descriptors run out: nobody waits, nothing spins, who is served goes on being served. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { type ChildProcess, spawn } from 'node:child_process'
import { describe, it } from 'node:test'

const program = new URL('./support/crowded-listener.ts', import.meta.url).pathname

/** The listener in a process with a limit of its own. */
class Crowd {
  readonly #process: ChildProcess
  readonly #lines: AsyncIterator<string>
  port = 0

  constructor(limit: number, maxDescriptor: number) {
    const command = `ulimit -n ${limit} && exec "$0" "$1" ${maxDescriptor}`
    this.#process = spawn('sh', ['-c', command, process.execPath, program], { stdio: ['pipe', 'pipe', 'inherit'] })
    const { stdout } = this.#process
    assert.ok(stdout)
    this.#lines = createInterface(stdout)[Symbol.asyncIterator]()
  }

  async start(): Promise<void> {
    this.port = ((await this.#line()) as { port: number }).port
  }

  async ask(): Promise<{ cpuMs: number; shed: number }> {
    this.#process.stdin?.write('\n')
    return (await this.#line()) as { cpuMs: number; shed: number }
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.stdin?.end()
    await ended
  }

  async #line(): Promise<unknown> {
    const { value } = (await this.#lines.next()) as { value: string }
    return JSON.parse(value)
  }
}

/** True if it is answered, false if it is ended instead. */
function isServed(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.removeAllListeners('data')
    socket.on('error', () => resolve(false))
    socket.on('close', () => resolve(false))
    socket.once('data', () => resolve(true))
    socket.write('ping')
  })
}

async function arrive(port: number, count: number): Promise<{ served: Socket[]; shed: number }> {
  const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1'))
  const outcomes = await Promise.all(sockets.map(isServed))
  const served = sockets.filter((_, index) => outcomes[index])
  return { served, shed: count - served.length }
}

describe('a listener that runs out of descriptors', () => {
  it('ends who is too many at once, serves the others at rest, and takes new ones when there is room', async () => {
    const [limit, reserve, many] = [160, 32, 400]
    const crowd = new Crowd(limit, limit - reserve)
    await crowd.start()
    const { served, shed } = await arrive(crowd.port, many)
    assert.ok(served.length > 50 && served.length <= limit - reserve, `${served.length} served`)
    const before = await crowd.ask()
    assert.equal(before.shed, shed)

    await Bun.sleep(500)
    const { cpuMs } = await crowd.ask()
    assert.ok(cpuMs - before.cpuMs < 100, `${cpuMs - before.cpuMs} ms of CPU in 500 ms`)

    const startedMs = performance.now()
    assert.deepEqual((await arrive(crowd.port, 50)).served, [])
    assert.ok(performance.now() - startedMs < 2_000)
    assert.deepEqual(new Set(await Promise.all(served.map(isServed))), new Set([true]))

    for (const socket of served.splice(0, 20)) socket.destroy()
    while ((await arrive(crowd.port, 1)).served.length === 0) await Bun.sleep(5)
    const again = await arrive(crowd.port, 10)
    assert.equal(again.shed, 0)
    for (const socket of [...served, ...again.served]) socket.destroy()
    await crowd.stop()
  })
})
