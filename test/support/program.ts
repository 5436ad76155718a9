/**
 * The program itself, from a configuration file, as an operator starts it: `bin/taxirank FILE.ini`, in a process of its
 * own. As root it becomes `nobody`, who must be able to read the files. Everything it says is kept.
 */

import { join } from 'node:path'
import { eventually } from './pooler.ts'

const launcher = join(import.meta.dirname, '../../bin/taxirank')
const startLimitMs = 20_000

export interface Program {
  readonly pid: number
  /** With its exit code. */
  readonly exited: Promise<number>
  /** All that it has written so far. */
  said(): string
  signal(name: NodeJS.Signals): void
  /** Ends it at once. Resolves with its exit code. */
  stop(): Promise<number>
}

/** Resolves when it is up. It dies with this process. `program`: what is started. */
export async function startProgram(
  ini: string,
  switches: readonly string[] = [],
  program: string = launcher,
): Promise<Program> {
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const child = Bun.spawn([program, ...user, ...switches, ini], { stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = (): void => child.kill('SIGKILL')
  process.once('exit', kill)
  let text = ''
  const listen = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    for await (const bytes of stream) text += Buffer.from(bytes).toString('latin1')
  }
  const heard = [listen(child.stdout), listen(child.stderr)]
  const isUp = (): boolean => {
    if (child.exitCode !== null) throw new Error(`the program ended with exit code ${child.exitCode}: ${text}`)
    return text.includes('process up')
  }
  await eventually(`the program is up: ${text}`, isUp, startLimitMs)
  return {
    pid: child.pid,
    exited: child.exited,
    said: () => text,
    signal: (name) => child.kill(name),
    stop: async () => {
      child.kill('SIGQUIT')
      await Promise.all([child.exited, ...heard])
      process.off('exit', kill)
      return child.exitCode ?? 1
    },
  }
}

/** `taxirank check FILE.ini`: what it says. */
export async function checkFile(ini: string): Promise<string> {
  const child = Bun.spawn([launcher, 'check', ini], { stdio: ['ignore', 'pipe', 'pipe'] })
  const said = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited])
  return said.join('\n')
}
