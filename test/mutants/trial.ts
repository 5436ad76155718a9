/** One soak of the sources in a folder, and who saw something. */

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a soak found. Red is what the canary or the checker saw; anything else proves nothing about them. */
export interface Verdict {
  readonly isRed: boolean
  /** The soak ended by itself, with no breach. */
  readonly isGreen: boolean
  /** How many breaches of which kind or rule, as in `foreign token 3`. */
  readonly canary: string
  readonly checker: string
  /** The first breach in full, or why there is no verdict. */
  readonly first: string
}

export interface TrialOptions {
  readonly folder: string
  readonly seed: number
  readonly statements: number
}

/** A soak that hangs because of its bug is ended after this long; what the canary has said by then counts. */
const limitMs = 200_000
const killAfterMs = 10_000
/** The engine's tests take a quarter of this. A bug that makes them go on for ever is one that is seen. */
const engineLimitMs = 90_000

export async function runTrial({ folder, seed, statements }: TrialOptions): Promise<Verdict> {
  const args = ['--statements', `${statements}`, '--seed', `${seed}`, '--clients', '32', '--pool', '3']
  const soak = Bun.spawn([process.execPath, join(folder, 'test/soak/main.ts'), ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const end = (): void => soak.kill()
  process.once('exit', end)
  const limit = setTimeout(() => void endHard(soak), limitMs)
  const [output, errors] = await Promise.all([new Response(soak.stdout).text(), new Response(soak.stderr).text()])
  await soak.exited
  clearTimeout(limit)
  process.off('exit', end)
  return readVerdict(output, errors)
}

/** The engine's own tests, with the sources in a folder. */
export async function runEngineTrial(folder: string): Promise<Verdict> {
  const tests = Bun.spawn([process.execPath, 'test', './src/engine', './test/engine'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const end = (): void => tests.kill()
  process.once('exit', end)
  const beganAtMs = performance.now()
  const limit = setTimeout(() => void endHard(tests), engineLimitMs)
  const output = await new Response(tests.stderr).text()
  const code = await tests.exited
  const isEndless = performance.now() - beganAtMs >= engineLimitMs
  clearTimeout(limit)
  process.off('exit', end)
  const failed = [...output.matchAll(/^\(fail\) (.+?)(?: \[[\d.]+m?s\])?$/gm)].map((match) => match[1] ?? '')
  const seen = failed.length > 0 ? `${failed.length} tests, the first: ${failed[0]}` : ''
  const first = isEndless ? `the tests do not end; ${seen || 'none has failed before'}` : seen
  return { isRed: failed.length > 0 || isEndless, isGreen: code === 0, canary: '', checker: '', first }
}

async function endHard(soak: Bun.Subprocess): Promise<void> {
  soak.kill()
  await Promise.race([soak.exited, sleep(killAfterMs)])
  if (soak.exitCode === null && soak.signalCode === null) soak.kill('SIGKILL')
}

/** Reads what a soak printed. */
export function readVerdict(output: string, errors: string): Verdict {
  const kinds = [...output.matchAll(/^BREACH (.+), client \d+, seed \d+: /gm)].map((match) => match[1] ?? '')
  const canary = [...Map.groupBy(kinds, (kind) => kind)].map(([kind, all]) => `${kind} ${all.length}`).join(', ')
  const checker = /^by rule: (.+)$/m.exec(output)?.[1] ?? ''
  const breaches = /^\d+ statements, \d+ faults, (\d+) breaches, seed \d+$/m.exec(output)?.[1]
  const isRed = canary !== '' || checker !== ''
  return { isRed, isGreen: !isRed && breaches === '0', canary, checker, first: firstMessage(output, errors, breaches) }
}

function firstMessage(output: string, errors: string, breaches: string | undefined): string {
  const byChecker = /^(?:checker: )?([A-Z]\d* at record .+)$/m.exec(output)?.[1]
  const byCanary = /^BREACH (.+)$/m.exec(output)?.[1]
  if (byChecker ?? byCanary) return byChecker ?? byCanary ?? ''
  if (breaches !== undefined) return ''
  return `the soak gave no verdict: ${errors.trim().split('\n').at(-1) ?? ''}`
}
