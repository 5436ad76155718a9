/**
 * The log: one line an event on a stream handed in. Lines are bounded and control characters in what peers sent are
 * escaped, so that no client can forge a line. Secrets and statement texts are never given to it.
 */

export type LogLevel = 'debug' | 'info' | 'warning' | 'error'

const rank: Record<LogLevel, number> = { debug: 0, info: 1, warning: 2, error: 3 }
const longestLine = 4000

export class Log {
  readonly #write: (line: string) => void
  readonly #threshold: number
  readonly #wallClock: () => Date

  /** `write` receives whole lines, each ending with a newline; it must not throw. */
  constructor(write: (line: string) => void, threshold: LogLevel = 'info', wallClock: () => Date = () => new Date()) {
    this.#write = write
    this.#threshold = rank[threshold]
    this.#wallClock = wallClock
  }

  debug(message: string): void {
    this.#line('debug', message)
  }

  info(message: string): void {
    this.#line('info', message)
  }

  warning(message: string): void {
    this.#line('warning', message)
  }

  error(message: string): void {
    this.#line('error', message)
  }

  #line(level: LogLevel, message: string): void {
    if (rank[level] < this.#threshold) return
    const text = escapeControl(message.length > longestLine ? `${message.slice(0, longestLine)}…` : message)
    this.#write(`${this.#wallClock().toISOString()} ${level.toUpperCase()} ${text}\n`)
  }
}

/** Discards everything. */
export const silentLog = new Log(() => undefined, 'error')

function escapeControl(text: string): string {
  return text.replace(control, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

// eslint-disable-next-line no-control-regex -- these are what it is about
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g
