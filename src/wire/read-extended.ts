/**
 * Reads the messages of the extended protocol, for who answers them here: the console. Names and texts are UTF-8. Every
 * read is bounded by its own message, and what is left over behind the last field is refused, as PostgreSQL does.
 */

import { TaxirankError } from '../errors.ts'
import type { MessageBytes } from './read.ts'

export interface Parse {
  readonly statement: string
  readonly text: string
  /** How many parameters it gives types for. */
  readonly parameterTypes: number
}

export interface Bind {
  readonly portal: string
  readonly statement: string
  /** How many values it brings. */
  readonly values: number
  /** One for all columns, one a column, or none: all as text. */
  readonly resultFormats: readonly number[]
}

/** What a Describe or a Close is about. */
export interface Target {
  readonly kind: 'statement' | 'portal'
  readonly name: string
}

export interface Execute {
  readonly portal: string
  /** 0: all of them. */
  readonly maxRows: number
}

export function readParse(message: MessageBytes): Parse {
  const fields = new Fields('Parse', message)
  const statement = fields.text()
  const text = fields.text()
  const parameterTypes = fields.int16()
  fields.skip(4 * parameterTypes)
  fields.end()
  return { statement, text, parameterTypes }
}

export function readBind(message: MessageBytes): Bind {
  const fields = new Fields('Bind', message)
  const portal = fields.text()
  const statement = fields.text()
  fields.skip(2 * fields.int16())
  const values = fields.int16()
  for (let value = 0; value < values; value++) fields.skip(Math.max(0, fields.int32()))
  const resultFormats = Array.from({ length: fields.int16() }, () => fields.int16())
  fields.end()
  return { portal, statement, values, resultFormats }
}

/** Describe or Close. */
export function readTarget(message: MessageBytes): Target {
  const fields = new Fields('Describe or Close', message)
  const letter = fields.byte()
  const name = fields.text()
  fields.end()
  if (letter === 0x53) return { kind: 'statement', name }
  if (letter === 0x50) return { kind: 'portal', name }
  throw malformed('Describe or Close')
}

export function readExecute(message: MessageBytes): Execute {
  const fields = new Fields('Execute', message)
  const portal = fields.text()
  const maxRows = Math.max(0, fields.int32())
  fields.end()
  return { portal, maxRows }
}

class Fields {
  readonly #what: string
  readonly #bytes: Buffer
  readonly #end: number
  #at: number

  constructor(what: string, { bytes, start, end }: MessageBytes) {
    this.#what = what
    this.#bytes = bytes
    this.#at = start + 5
    this.#end = end
  }

  text(): string {
    const terminator = this.#bytes.indexOf(0, this.#at)
    const from = this.#at
    this.skip(terminator < 0 ? Infinity : terminator + 1 - from)
    return this.#bytes.toString('utf8', from, terminator)
  }

  byte(): number {
    this.skip(1)
    return this.#bytes[this.#at - 1] as number
  }

  int16(): number {
    this.skip(2)
    return this.#bytes.readUInt16BE(this.#at - 2)
  }

  int32(): number {
    this.skip(4)
    return this.#bytes.readInt32BE(this.#at - 4)
  }

  skip(bytes: number): void {
    if (bytes > this.#end - this.#at) throw malformed(this.#what)
    this.#at += bytes
  }

  end(): void {
    if (this.#at !== this.#end) throw malformed(this.#what)
  }
}

function malformed(what: string): TaxirankError {
  return new TaxirankError('protocol_violation', `malformed ${what}`)
}
