/**
 * The log: one line an event on a stream handed in, in PgBouncer's shape (`2026-02-03 12:00:00.123 UTC [PID] LOG …`) or as
 * JSON. Lines are bounded and control characters in what peers sent are escaped, so that no client can forge a line.
 * Secrets and statement texts are never given to it.
 */

export type LogLevel = 'debug' | 'info' | 'warning' | 'error'
export type LogFormat = 'text' | 'json'

const rank: Record<LogLevel, number> = { debug: 0, info: 1, warning: 2, error: 3 }
/** What PgBouncer calls them. */
const label: Record<LogLevel, string> = { debug: 'DEBUG', info: 'LOG', warning: 'WARNING', error: 'ERROR' }
const longestText = 4000

/** The connection that a line is about. */
export interface LogSubject {
  /** PgBouncer's letters. C: a client. S: a server. */
  readonly side: 'C' | 'S'
  readonly id: number
  /** Texts, not byte strings; empty while they are not known. */
  readonly database: string
  readonly user: string
  /** Of the other end; `unix` on a unix socket. */
  readonly address: string
  readonly port: number
}

export interface LogOptions {
  readonly threshold?: LogLevel
  readonly format?: LogFormat
  readonly pid?: number
  readonly wallClock?: () => Date
}

export class Log {
  readonly #write: (line: string) => void
  readonly #wallClock: () => Date
  readonly #pid: number
  #threshold: number
  #format: LogFormat

  /** `write` receives whole lines, each ending with a newline; it must not throw. From `info` on, as text, unless told. */
  constructor(write: (line: string) => void, options: LogOptions = {}) {
    this.#write = write
    this.#threshold = rank[options.threshold ?? 'info']
    this.#format = options.format ?? 'text'
    this.#pid = options.pid ?? process.pid
    this.#wallClock = options.wallClock ?? (() => new Date())
  }

  /** From now on. */
  configure(threshold: LogLevel, format: LogFormat): void {
    this.#threshold = rank[threshold]
    this.#format = format
  }

  debug(message: string, subject?: LogSubject): void {
    this.#line('debug', message, subject)
  }

  info(message: string, subject?: LogSubject): void {
    this.#line('info', message, subject)
  }

  warning(message: string, subject?: LogSubject): void {
    this.#line('warning', message, subject)
  }

  error(message: string, subject?: LogSubject): void {
    this.#line('error', message, subject)
  }

  #line(level: LogLevel, message: string, subject: LogSubject | undefined): void {
    if (rank[level] < this.#threshold) return
    const text = message.length > longestText ? `${message.slice(0, longestText)}…` : message
    const line = this.#format === 'json' ? this.#json(level, text, subject) : this.#text(level, text, subject)
    this.#write(`${line}\n`)
  }

  #text(level: LogLevel, message: string, subject: LogSubject | undefined): string {
    const time = this.#wallClock().toISOString().replace('T', ' ').replace('Z', ' UTC')
    const who = subject ? `${nameOf(subject)}: ${originOf(subject)} ` : ''
    return `${time} [${this.#pid}] ${label[level]} ${escapeControl(who + message)}`
  }

  #json(level: LogLevel, message: string, subject: LogSubject | undefined): string {
    const time = this.#wallClock().toISOString()
    const fields = { time, pid: this.#pid, level: label[level].toLowerCase(), message, ...(subject && about(subject)) }
    return JSON.stringify(fields).replace(control, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
  }
}

/** Discards everything. */
export const silentLog = new Log(() => undefined, { threshold: 'error' })

/** What a connection is called in log and console: `C-0x1f`. */
function nameOf({ side, id }: Pick<LogSubject, 'side' | 'id'>): string {
  return `${side}-0x${id.toString(16)}`
}

function originOf({ database, user, address, port }: LogSubject): string {
  return `${database || '(nodb)'}/${user || '(nouser)'}@${address.includes(':') ? `[${address}]` : address}:${port}`
}

function about({ side, id, database, user, address, port }: LogSubject): object {
  return { [side === 'C' ? 'client' : 'server']: id, database, user, address, port }
}

function escapeControl(text: string): string {
  return text.replace(control, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

// eslint-disable-next-line no-control-regex -- these are what it is about
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g
