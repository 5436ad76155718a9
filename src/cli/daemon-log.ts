import { closeSync, openSync, writeSync } from 'node:fs'
import { TaxirankError } from '../errors.ts'

const stderr = 2

/** Where log lines go: a file, stderr, both or neither. */
export interface LogSink {
  /** Never throws: a full disk costs lines, not the service. */
  readonly write: (line: string) => void
  /** Opens the file anew, after logrotate has moved it. When that throws (`bad_configuration`), the old one stays. */
  readonly reopen: () => void
}

/** Appends to `logfile`, if one is set, and writes to stderr unless `quiet`. Throws `bad_configuration`. */
export function openLog(logfile: string | undefined, quiet: boolean): LogSink {
  let file = logfile === undefined ? undefined : openForAppend(logfile)
  return {
    write(line) {
      if (file !== undefined) writeQuietly(file, line)
      if (!quiet) writeQuietly(stderr, line)
    },
    reopen() {
      if (logfile === undefined || file === undefined) return
      const old = file
      file = openForAppend(logfile)
      closeSync(old)
    },
  }
}

function openForAppend(path: string): number {
  try {
    return openSync(path, 'a', 0o644)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new TaxirankError('bad_configuration', `cannot open logfile ${path}: ${reason}`, { cause: error })
  }
}

function writeQuietly(descriptor: number, line: string): void {
  try {
    writeSync(descriptor, line)
  } catch {
    // Nowhere left to say so.
  }
}
