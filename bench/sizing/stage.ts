/** What `npm start` gives, with pgbench's tables: a PostgreSQL of its own behind a pool whose size can be changed. */

import { join } from 'node:path'
import { Client } from 'pg'
import { parseSummary } from '../pgbench.ts'
import { projectRoot } from '../machine.ts'
import { listening } from '../poolers.ts'
import { findFreePort, type Processes } from '../processes.ts'
import type { Load } from './loads.ts'

/** The size that `taxirank start` has. */
export const usualSize = 20
const scale = 10
const initializeLimitMs = 300_000
const graceMs = 60_000
/** For servers that are too many to be closed. */
const settleMs = 200

export class Stage {
  readonly #processes: Processes
  readonly #pgbench: string
  readonly #dir: string
  readonly #port: number
  readonly #httpPort: number
  #runs = 0

  private constructor(processes: Processes, pgbench: string, dir: string, port: number, httpPort: number) {
    this.#processes = processes
    this.#pgbench = pgbench
    this.#dir = dir
    this.#port = port
    this.#httpPort = httpPort
  }

  static async start(processes: Processes, pgbench: string, dir: string): Promise<Stage> {
    const [port, httpPort] = [await findFreePort(), await findFreePort()]
    const args = ['start', '--port', String(port), '--http', String(httpPort), '--data', join(dir, 'data')]
    await listening(await processes.startService('taxirank start', join(projectRoot, 'bin/taxirank'), args), port)
    const stage = new Stage(processes, pgbench, dir, port, httpPort)
    await stage.#initialize()
    return stage
  }

  async #initialize(): Promise<void> {
    const args = ['-i', '-q', '-s', String(scale), ...this.#target(), 'postgres']
    await this.#processes.run('pgbench -i', this.#pgbench, args, initializeLimitMs)
  }

  #target(): string[] {
    return ['-h', '127.0.0.1', '-p', String(this.#port), '-U', 'postgres']
  }

  async resize(size: number): Promise<void> {
    await this.#console(`SET default_pool_size = ${size}`)
    await Bun.sleep(settleMs)
  }

  /** What was recorded before is forgotten. */
  async recordAnew(): Promise<void> {
    await this.#console('SET recording_entries = 0')
    await this.#console('SET recording_entries = 1000000')
  }

  async #console(command: string): Promise<void> {
    const client = new Client({ host: '127.0.0.1', port: this.#port, user: 'postgres', database: 'pgbouncer' })
    await client.connect()
    try {
      await client.query(command)
    } finally {
      await client.end()
    }
  }

  /** Transactions a second. */
  async run(load: Load, seconds: number): Promise<number> {
    const size = ['-n', '-c', String(load.clients), '-j', '2', '-T', String(seconds), `--random-seed=${++this.#runs}`]
    const args = [...size, ...load.pgbenchArguments(this.#dir), ...this.#target(), 'postgres']
    const { stdout } = await this.#processes.run('pgbench', this.#pgbench, args, seconds * 1_000 + graceMs)
    return parseSummary(stdout).tps
  }

  async recording(): Promise<Uint8Array> {
    const response = await fetch(`http://127.0.0.1:${this.#httpPort}/api/recording?database=postgres&user=postgres`)
    if (!response.ok) throw new Error(`no recording: ${await response.text()}`)
    return new Uint8Array(await response.arrayBuffer())
  }

  /** What `taxirank advise --json` prints. */
  async advice(watchSeconds: number): Promise<string> {
    const urls = [
      `postgres://postgres@127.0.0.1:${this.#port}/postgres`,
      '--pooler',
      `http://127.0.0.1:${this.#httpPort}`,
    ]
    const args = ['advise', ...urls, '--watch', `${watchSeconds}s`, '--json']
    const limitMs = watchSeconds * 1_000 + graceMs
    const { stdout } = await this.#processes.run('taxirank advise', join(projectRoot, 'bin/taxirank'), args, limitMs)
    return stdout
  }
}
