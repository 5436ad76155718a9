/**
 * Where log lines go: a file, stderr, both or neither. A full disk or a pipe that nobody reads costs lines, never the
 * service: they are counted, and the count is written as soon as a line gets through again.
 */

import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'
import { dlopen, FFIType, ptr } from 'bun:ffi'
import { TaxirankError } from '../errors.ts'

const stderr = 2

export interface LogSink {
  /** Never throws and never waits. */
  readonly write: (line: string) => void
  /** Opens the file anew, after logrotate has moved it. When that throws (`bad_configuration`), the old one stays. */
  readonly reopen: () => void
  /** Lines that went nowhere, since the start. */
  readonly lost: () => number
}

/** Appends to `logfile`, if one is set, and writes to stderr unless `quiet`. Throws `bad_configuration`. */
export function openLog(logfile: string | undefined, quiet: boolean): LogSink {
  let descriptor = logfile === undefined ? undefined : openForAppend(logfile)
  const file = descriptor === undefined ? undefined : new LogStream(writerTo(descriptor))
  const console = quiet ? undefined : new LogStream(stderrWriter())
  return {
    write(line) {
      file?.write(line)
      console?.write(line)
    },
    reopen() {
      if (logfile === undefined || descriptor === undefined) return
      const old = descriptor
      descriptor = openForAppend(logfile)
      file?.moveTo(writerTo(descriptor))
      closeSync(old)
    },
    lost: () => (file?.lost ?? 0) + (console?.lost ?? 0),
  }
}

/** Takes some of the bytes, or none: then it throws, or gives less than 0. */
type Write = (bytes: Buffer) => number

class LogStream {
  lost = 0
  #write: Write
  #untold = 0
  /** The end of a line of which the stream has taken the beginning. */
  #rest: Buffer | undefined

  constructor(write: Write) {
    this.#write = write
  }

  write(line: string): void {
    if (this.#untold > 0) this.#tell()
    if (!this.#send(Buffer.from(line))) {
      this.lost++
      this.#untold++
    }
  }

  moveTo(write: Write): void {
    this.#write = write
    this.#rest = undefined
  }

  #tell(): void {
    const lines = this.#untold === 1 ? 'a line' : `${this.#untold} lines`
    if (this.#send(Buffer.from(`${new Date().toISOString()} ${lines} of this log could not be written and are lost\n`)))
      this.#untold = 0
  }

  #send(bytes: Buffer): boolean {
    if (this.#rest && !this.#take(this.#rest)) return false
    return this.#take(bytes)
  }

  /** False if nothing of it was written. A part of it will be completed before anything else is written. */
  #take(bytes: Buffer): boolean {
    try {
      const taken = this.#write(bytes)
      if (taken < 0) return false
      this.#rest = taken < bytes.length ? bytes.subarray(taken) : undefined
      return true
    } catch {
      return false
    }
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

/** Writes to stderr without ever waiting for whoever reads it, and without changing it for those who share it with us. */
function stderrWriter(): Write {
  try {
    const kind = fstatSync(stderr)
    if (kind.isSocket()) return sendNow(stderr)
    if (!kind.isFIFO() && !kind.isCharacterDevice()) return writerTo(stderr)
    return writerTo(openSync(`/proc/self/fd/${stderr}`, constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK))
  } catch {
    return writerTo(stderr)
  }
}

function writerTo(descriptor: number): Write {
  return (bytes) => writeSync(descriptor, bytes)
}

/** A socket, as systemd gives, can't be opened anew. Linux. */
function sendNow(descriptor: number): Write {
  const dontWait = 0x40
  const { symbols } = dlopen('libc.so.6', {
    send: { args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
  })
  return (bytes) => symbols.send(descriptor, ptr(bytes), bytes.length, dontWait)
}
