/** One flood over one pooler: what those who belong there see before and during it, and what the pooler's process takes. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startTaxirank, type PoolerPlace } from '../../bench/poolers.ts'
import type { Processes } from '../../bench/processes.ts'
import { freePort } from '../../src/embedded/free-port.ts'
import { RawClient } from '../support/raw-client.ts'
import type { Figures } from './bystanders.ts'
import { type Flood, password, secrets } from './floods.ts'

export interface Measured {
  readonly flood: string
  readonly pooler: string
  readonly connections: number
  readonly before: Figures
  readonly during: Figures
  /** Before, the most during, and a moment after. */
  readonly memoryMB: readonly [number, number, number]
  readonly mostDescriptors: number
}

export interface Flooded {
  readonly name: string
  readonly port: number
  readonly pid: number
}

/** Over a Taxirank of its own, in whose log, metrics and errors the floods' secrets are then looked for. */
export async function measureTaxirank(
  flood: Flood,
  processes: Processes,
  place: PoolerPlace,
  scale: number,
  seconds: number,
): Promise<Measured> {
  const httpPort = await freePort()
  const settings = { ...place.setup.settings, http_addr: '127.0.0.1', http_port: httpPort }
  let log = ''
  const hear = (text: string): void => void (log += text)
  const pooler = await startTaxirank(processes, { ...place, setup: { ...place.setup, settings }, hear })
  secrets.listen()
  const measured = await measure(flood, pooler, scale, seconds)
  RawClient.told = () => undefined
  await secrets.askMetrics(httpPort)
  await pooler.stop()
  secrets.log(log)
  for (const error of [...measured.before.errors, ...measured.during.errors]) secrets.error(error)
  return measured
}

export async function measure(flood: Flood, pooler: Flooded, scale: number, seconds: number): Promise<Measured> {
  const bystanders = await startBystanders(pooler.port, flood.user)
  try {
    await bystanders.mark()
    await Bun.sleep(seconds * 500)
    const before = await bystanders.mark()
    const memory = memoryOf(pooler.pid)
    const stop = new AbortController()
    const run = flood.run(pooler.port, scale, stop.signal)
    let [mostMB, mostDescriptors] = [0, 0]
    for (const endMs = performance.now() + seconds * 1_000; performance.now() < endMs; await Bun.sleep(100)) {
      mostMB = Math.max(mostMB, memoryOf(pooler.pid))
      mostDescriptors = Math.max(mostDescriptors, descriptorsOf(pooler.pid))
    }
    const during = await bystanders.mark()
    stop.abort()
    const connections = await run
    await Bun.sleep(500)
    const memoryMB = [memory, mostMB, memoryOf(pooler.pid)] as const
    return { flood: flood.name, pooler: pooler.name, connections, before, during, memoryMB, mostDescriptors }
  } finally {
    bystanders.stop()
  }
}

function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024
}

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

interface Bystanders {
  /** What has happened since the last one. */
  mark(): Promise<Figures>
  stop(): void
}

async function startBystanders(port: number, user: string): Promise<Bystanders> {
  let hear: (said: unknown) => void = () => undefined
  const next = (): Promise<unknown> => new Promise((resolve) => (hear = resolve))
  const ready = next()
  const file = join(import.meta.dirname, 'bystanders.ts')
  const child = Bun.spawn([process.execPath, file, String(port), user, password], {
    stdio: ['ignore', 'ignore', 'inherit'],
    ipc: (message) => hear(message),
  })
  const ended = child.exited.then((code) => Promise.reject(new Error(`the bystanders ended with exit code ${code}`)))
  ended.catch(() => undefined)
  await Promise.race([ready, ended])
  return {
    mark: async () => {
      const figures = next()
      child.send('mark')
      return (await Promise.race([figures, ended])) as Figures
    },
    stop: () => child.kill('SIGKILL'),
  }
}
