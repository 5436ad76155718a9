/** Programs that use the library as it is published, each in a process of its own, on Node and on Bun. */

import { buildLibrary, root } from './library.ts'
import { findProgram } from './tools.ts'

const limitMs = 20_000

/** Each with the command that runs a module given as text. */
export const runtimes: readonly (readonly [name: string, command: () => readonly string[]])[] = [
  ['Node', () => [findProgram('node') ?? 'node', '--input-type=module', '--eval']],
  ['Bun', () => [process.execPath, '--eval']],
]

/** `text` has `createPool`, `sleep`, and `open`, which opens anything at once. Killed if it takes too long. */
export function startModule(command: readonly string[], text: string): Bun.Subprocess<'ignore', 'pipe', 'pipe'> {
  buildLibrary()
  const module = `
    import { createPool } from ${JSON.stringify(`${root}/dist/index.mjs`)}
    import { setTimeout as sleep } from 'node:timers/promises'
    const open = () => ({})
    ${text}`
  return Bun.spawn([...command, module], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs })
}

export interface Ended {
  readonly code: number
  readonly said: string
}

export async function runModule(command: readonly string[], text: string): Promise<Ended> {
  const child = startModule(command, text)
  const [out, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, said: (out + errors).trim() }
}

/** As it should end. */
export function endedWell(said: string): Ended {
  return { code: 0, said }
}
