/** Runs a scenario of children.ts in a process of its own, under the runtime that runs the test. */

import { spawn } from 'node:child_process'
import { extname, join } from 'node:path'

export interface ChildEnd {
  /** Null if it had to be killed. */
  readonly code: number | null
  /** What it wrote to its standard output. */
  readonly said: string
}

const limitMs = 15_000

export function runChild(
  scenario: string,
  pool: 'pg' | 'taxirank',
  port: number,
  aliveMs = limitMs,
): Promise<ChildEnd> {
  const script = join(import.meta.dirname, `children${extname(import.meta.filename)}`)
  const child = spawn(process.execPath, [script, scenario, pool, String(port)], { stdio: ['ignore', 'pipe', 'ignore'] })
  let said = ''
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()))
  const limit = setTimeout(() => child.kill('SIGKILL'), aliveMs)
  return new Promise((resolve) => {
    child.once('close', (code) => {
      clearTimeout(limit)
      resolve({ code, said: said.trim() })
    })
  })
}
