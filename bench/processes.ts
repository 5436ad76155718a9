/**
 * The processes of a benchmark. Every child runs in a session of its own, so that Ctrl-C reaches only us and we stop
 * the children in order, the youngest first. When we are killed ourselves, the guard kills them.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { TaxirankError } from '../src/errors.ts'
import { Guard } from './guard.ts'

/** A child that runs until it is stopped. */
export interface Service {
  readonly name: string
  readonly pid: number
  /** Throws, with the end of what it said on stderr, when the process has ended. */
  assertRunning(): void
  /** Resolves when the process has ended, by whatever cause. */
  readonly ended: Promise<void>
  /** SIGTERM, and SIGKILL when that did not end it within 5 s. */
  stop(): Promise<void>
}

export interface Output {
  readonly stdout: string
  readonly stderr: string
}

const keptOutput = 200_000
const stopLimitMs = 5000

interface Child {
  readonly name: string
  readonly process: ChildProcess
  readonly output: { stdout: string; stderr: string }
  readonly ended: Promise<void>
}

/** Starts children and answers for their end. */
export class Processes {
  readonly #children = new Set<Child>()
  readonly #stopping = new AbortController()
  readonly #guard = new Guard()

  /** Aborted from `stopAll` on: nothing can be started any more. */
  get stopping(): AbortSignal {
    return this.#stopping.signal
  }

  /** A child that stays. Rejects when it cannot be started at all. `hear` is given all that it says on stderr. */
  async startService(
    name: string,
    command: string,
    args: readonly string[],
    hear?: (text: string) => void,
  ): Promise<Service> {
    const child = this.#spawn(name, command, args)
    if (hear) child.process.stderr?.on('data', hear)
    await started(child)
    return {
      name,
      pid: child.process.pid as number,
      assertRunning: () => {
        if (hasEnded(child)) throw new Error(`${name} ended (${howItEnded(child)}): ${lastLines(child.output.stderr)}`)
      },
      ended: child.ended,
      stop: () => stop(child),
    }
  }

  /** Runs to the end. Rejects when it cannot start, fails, or takes longer than `limitMs`: then it is killed. */
  async run(name: string, command: string, args: readonly string[], limitMs: number): Promise<Output> {
    const child = this.#spawn(name, command, args)
    await started(child)
    const timer = setTimeout(() => child.process.kill('SIGKILL'), limitMs)
    await child.ended
    clearTimeout(timer)
    if (child.process.exitCode !== 0) {
      const how = child.process.signalCode === 'SIGKILL' ? `no end within ${limitMs / 1000} s` : howItEnded(child)
      throw new Error(`${name} failed (${how}): ${lastLines(child.output.stderr)}`)
    }
    return child.output
  }

  /** Stops every child, the youngest first. */
  async stopAll(): Promise<void> {
    this.#stopping.abort(new Error('the benchmark is stopping'))
    for (const child of [...this.#children].reverse()) await stop(child)
    await this.#guard.close()
  }

  #spawn(name: string, command: string, args: readonly string[]): Child {
    this.stopping.throwIfAborted()
    const spawned = spawn(command, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: plainEnvironment(process.env),
    })
    const output = { stdout: '', stderr: '' }
    spawned.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.stdout = (output.stdout + text).slice(-keptOutput)
    })
    spawned.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr = (output.stderr + text).slice(-keptOutput)
    })
    const ended = new Promise<void>((resolve) => {
      spawned.once('close', () => resolve())
      spawned.once('error', () => resolve())
    })
    const { pid } = spawned
    if (pid !== undefined) this.#guard.started(pid)
    const child = { name, process: spawned, output, ended }
    this.#children.add(child)
    void ended.then(() => {
      this.#children.delete(child)
      if (pid !== undefined) this.#guard.ended(pid)
    })
    return child
  }
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('a listening TCP server has a port')
  return address.port
}

/** libpq's variables would bend what pgbench does. GSS is off: its probe for credentials costs the client only. */
function plainEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const rest = Object.entries(environment).filter(([name]) => !name.startsWith('PG'))
  return { ...Object.fromEntries(rest), PGGSSENCMODE: 'disable' }
}

function started(child: Child): Promise<void> {
  return new Promise((resolve, reject) => {
    child.process.once('spawn', resolve)
    child.process.once('error', (cause) => {
      reject(new TaxirankError('bad_configuration', `${child.name} cannot be started: ${cause.message}`, { cause }))
    })
  })
}

async function stop(child: Child): Promise<void> {
  if (hasEnded(child)) return
  child.process.kill('SIGTERM')
  const timer = setTimeout(() => child.process.kill('SIGKILL'), stopLimitMs)
  await child.ended
  clearTimeout(timer)
}

function hasEnded(child: Child): boolean {
  return child.process.exitCode !== null || child.process.signalCode !== null || child.process.pid === undefined
}

function howItEnded(child: Child): string {
  return child.process.signalCode ?? `exit code ${child.process.exitCode}`
}

function lastLines(text: string): string {
  const lines = text.trim().split('\n').slice(-5).join('\n')
  return lines === '' ? 'it said nothing' : lines
}
