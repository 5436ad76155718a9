/** Runs a scenario of children.ts in a process of its own, under the runtime that runs the test. */

import { spawn } from 'node:child_process'
import { extname, join } from 'node:path'

export interface ChildEnd {
  /** Null if it was killed. */
  readonly code: number | null
  /** What it wrote to its standard output. */
  readonly said: string
}

const limitMs = 20_000

/** `stayMs`: how long after its first word it is killed, if it has not ended. */
export function runChild(scenario: string, pool: 'pg' | 'taxirank', port: number, stayMs = limitMs): Promise<ChildEnd> {
  const script = join(import.meta.dirname, `children${extname(import.meta.filename)}`)
  const child = spawn(process.execPath, [script, scenario, pool, String(port)], { stdio: ['ignore', 'pipe', 'ignore'] })
  const kill = (): void => void child.kill('SIGKILL')
  const limits = [setTimeout(kill, limitMs)]
  let said = ''
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString()
    limits.push(setTimeout(kill, stayMs))
  })
  return new Promise((resolve) => {
    child.once('close', (code) => {
      limits.forEach(clearTimeout)
      resolve({ code, said: said.trim() })
    })
  })
}
