/**
 * One driver's script against one target. The script is a process: it finds the target and the numbers of its steps in
 * its environment (targets.ts) and prints one JSON line for each step:
 *
 *     {"step": 2, "result": "ok" | "failed" | "n/a", "message": "…"}
 *
 * It may ask for something and then reads one line: `{"ask": "restart"}` restarts PostgreSQL, `{"ask": "left"}` says what
 * clients have left behind. The answer is `done`, or what is wrong. A step that hangs or kills its script has failed;
 * the script is started again for what remains.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Guard } from '../../bench/guard.ts'
import type { Target } from './targets.ts'

export interface Outcome {
  readonly step: number
  readonly result: 'ok' | 'failed' | 'n/a'
  /** Why it failed, or why there is nothing to try. */
  readonly message: string
}

export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

interface Line extends Partial<Outcome> {
  readonly ask?: 'restart' | 'left'
}

interface Surroundings {
  readonly target: Pick<Target, 'environment' | 'renewServers' | 'whatIsLeft'>
  readonly guard: Guard
  readonly restart: () => Promise<void>
}

const stepLimitMs = 40_000
const keptComplaints = 2_000

/** The outcome of each of these steps, in their order. */
export async function runDriver(
  command: Command,
  steps: readonly number[],
  surroundings: Surroundings,
): Promise<Outcome[]> {
  await surroundings.target.renewServers()
  const outcomes: Outcome[] = []
  while (outcomes.length < steps.length) {
    const script = new Script(command, steps.slice(outcomes.length), surroundings)
    const reported = await script.run()
    outcomes.push(...reported)
    const missing = steps.slice(outcomes.length)
    // One that can't even begin won't do so the next time.
    const isHopeless = outcomes.length === 0 && !script.isLate
    for (const step of isHopeless ? missing : missing.slice(0, 1)) {
      outcomes.push({ step, result: 'failed', message: script.ending })
    }
  }
  return outcomes
}

class Script {
  readonly #child: ChildProcess
  readonly #surroundings: Surroundings
  readonly #reported: Outcome[] = []
  isLate = false
  #complaints = ''
  #how = ''
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor({ program, args, environment }: Command, steps: readonly number[], surroundings: Surroundings) {
    this.#surroundings = surroundings
    this.#child = spawn(program, args, {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...withoutLibpqVariables(process.env),
        ...environment,
        ...surroundings.target.environment,
        DRIVER_STEPS: steps.join(','),
      },
    })
  }

  /** Why the step behind the last reported one has no outcome. */
  get ending(): string {
    if (this.isLate) return `no answer within ${stepLimitMs / 1000} s`
    const lines = this.#complaints.trim().split('\n')
    const why = lines.find((line) => /error/i.test(line)) ?? lines.slice(-3).join(' ')
    return `the script ended (${this.#how}): ${why}`
  }

  async run(): Promise<Outcome[]> {
    const { guard } = this.#surroundings
    const { pid } = this.#child
    if (pid !== undefined) guard.started(pid)
    this.#child.stdin?.on('error', () => undefined)
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-keptComplaints)
    })
    const ended = this.#ended()
    this.#wait()
    if (this.#child.stdout) {
      for await (const line of createInterface({ input: this.#child.stdout })) await this.#hear(line)
    }
    await ended
    clearTimeout(this.#timer)
    if (pid !== undefined) guard.ended(pid)
    return this.#reported
  }

  #ended(): Promise<void> {
    return new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        this.#how = signal ?? `exit code ${code}`
        resolve()
      })
      this.#child.once('error', ({ message }) => {
        this.#how = message
        resolve()
      })
    })
  }

  #wait(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.isLate = true
      this.#kill()
    }, stepLimitMs)
  }

  #kill(): void {
    const { pid } = this.#child
    if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return
    // Its group: a driver may have started processes of its own.
    process.kill(-pid, 'SIGKILL')
  }

  async #hear(text: string): Promise<void> {
    const line = parse(text)
    if (line === undefined) this.#complaints = `${this.#complaints}${text}\n`.slice(-keptComplaints)
    else if (line.ask !== undefined) this.#child.stdin?.write(`${oneLine(await this.#answer(line.ask))}\n`)
    else this.#report(line)
    this.#wait()
  }

  #report({ step, result, message = '' }: Line): void {
    if (step === undefined || result === undefined) throw new Error(`a script said neither a step nor what it asks for`)
    this.#reported.push({ step, result, message: oneLine(message) })
  }

  async #answer(asked: 'restart' | 'left'): Promise<string> {
    if (asked === 'left') return (await this.#surroundings.target.whatIsLeft()) ?? 'done'
    await this.#surroundings.restart()
    return 'done'
  }
}

/** Undefined for what a driver itself prints. */
function parse(text: string): Line | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text) as Line
  } catch {
    return undefined
  }
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim().slice(0, 400)

function withoutLibpqVariables(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('PG')))
}
