/** Conversations by family, and what the families have in common to say. */

import * as raw from '../support/raw-messages.ts'
import type { Step } from '../support/step.ts'

export interface Transcript {
  readonly family: string
  readonly name: string
  readonly steps: readonly Step[]
  /** Somewhere in it the client keeps a server beyond its transaction: a pool of one server would refuse that. */
  readonly isPinning: boolean
  /** Of the startup packet, besides user and database. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
}

export type Steps = Readonly<Record<string, readonly Step[]>>

export function family(name: string, steps: Steps, { isPinning = false } = {}): Transcript[] {
  return Object.entries(steps).map(([what, said]) => ({ family: name, name: what, steps: said, isPinning }))
}

/** Messages in one write, for answers up to their only ReadyForQuery. */
export function g(...messages: readonly Buffer[]): Step {
  return [raw.all(...messages, raw.sync)]
}

/** In one write, for that many ReadyForQuery. */
export function pipeline(count: number, ...messages: readonly Buffer[]): Step {
  return [raw.all(...messages), 'Z', count]
}

/** In one write, for answers up to a message of that type. */
export function upTo(type: string, ...messages: readonly Buffer[]): Step {
  return [raw.all(...messages), type]
}

/** Bind and Execute of a named statement. */
export function run(name: string, ...values: (string | null)[]): Buffer {
  return raw.all(raw.bind(values, name), raw.execute())
}

export interface Bound {
  readonly statement?: string
  readonly portal?: string
  /** Of the values; none: all are text. */
  readonly formats?: readonly number[]
  readonly values?: readonly (string | Buffer | null)[]
  /** Of the results. */
  readonly results?: readonly number[]
}

/** A Bind that says formats. */
export function bindAs({ statement = '', portal = '', formats = [], values = [], results = [] }: Bound): Buffer {
  const fields = values.map((value) => {
    if (value === null) return int(4, -1)
    const bytes = Buffer.from(value as string)
    return Buffer.concat([int(4, bytes.length), bytes])
  })
  const names = Buffer.from(`${portal}\0${statement}\0`)
  const ints = (list: readonly number[]): Buffer => raw.all(int(2, list.length), ...list.map((one) => int(2, one)))
  return raw.message('B', names, ints(formats), int(2, values.length), ...fields, ints(results))
}

/** A Parse that says types of parameters, by OID. */
export function parseTyped(sql: string, types: readonly number[], name = ''): Buffer {
  return raw.message('P', Buffer.from(`${name}\0${sql}\0`), int(2, types.length), ...types.map((oid) => int(4, oid)))
}

function int(bytes: 2 | 4, value: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  buffer.writeIntBE(value, 0, bytes)
  return buffer
}
