/** What a pool says and does, as plain values that can be compared: clients are numbered as they appear. */

import { inspect } from 'node:util'
import type { AnyPool } from './library.ts'

const events = ['connect', 'acquire', 'release', 'remove', 'error'] as const

export class Transcript {
  readonly #lines: string[] = []
  readonly #clients: unknown[] = []

  /** Of all that a pool emits from now on. */
  static of(pool: AnyPool): Transcript {
    const transcript = new Transcript()
    for (const event of events) {
      pool.on(event as 'connect', (...args: unknown[]) => transcript.note(event, ...args))
    }
    return transcript
  }

  /** So far. */
  get lines(): string[] {
    return [...this.#lines]
  }

  note(what: string, ...args: unknown[]): void {
    this.#lines.push([what, ...args.map((arg) => this.#text(arg))].join(' '))
  }

  #text(value: unknown): string {
    if (value instanceof Error) return `${value.constructor.name}(${value.message})`
    if (typeof value === 'function') return 'function'
    // No error is null or undefined, as it comes.
    if (value === null) return 'undefined'
    if (typeof value !== 'object') return typeof value === 'string' ? value : inspect(value)
    if (!('release' in value || 'query' in value)) return JSON.stringify(value)
    if (!this.#clients.includes(value)) this.#clients.push(value)
    return `client ${this.#clients.indexOf(value) + 1}`
  }
}

export function countsOf(pool: AnyPool): string {
  const { totalCount, idleCount, waitingCount, expiredCount } = pool as AnyPool & { expiredCount: number }
  return `${totalCount} there, ${idleCount} idle, ${waitingCount} waiting, ${expiredCount} expired`
}

/** What a call comes to, be it a promise or not. */
export async function outcome(call: () => unknown): Promise<string> {
  try {
    const value = await call()
    return `gave ${value === null || typeof value !== 'object' ? String(value) : 'an object'}`
  } catch (error) {
    return `threw ${describeError(error)}`
  }
}

export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as Error & { code?: string }
  const cause = error.cause instanceof Error ? `, caused by ${describeError(error.cause)}` : ''
  return `${error.constructor.name}(${error.message})${code === undefined ? '' : ` ${code}`}${cause}`
}
