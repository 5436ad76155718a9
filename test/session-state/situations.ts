/** The ways in which a client can run the statements that make a state. */

import * as raw from '../support/raw-messages.ts'
import type { Step } from './kind.ts'

export interface Situation {
  readonly name: string
  /** In the tables. */
  readonly short: string
  /** Each is answered by one ReadyForQuery; undefined where it can't be done that way. */
  readonly requests: (make: readonly Step[]) => readonly Buffer[] | undefined
}

export const situations: readonly Situation[] = [
  { name: 'each statement on its own', short: 'own', requests: (make) => make.map(request) },
  { name: 'in a block', short: 'block', requests: (make) => between(['begin'], make, ['commit']) },
  { name: 'rolled back', short: 'rb', requests: (make) => between(['begin'], make, ['rollback']) },
  {
    name: 'in a savepoint that is released',
    short: 'sp',
    requests: (make) => between(['begin', 'savepoint s'], make, ['release s', 'commit']),
  },
  {
    name: 'rolled back to a savepoint, then COMMIT',
    short: 'sp rb',
    requests: (make) => between(['begin', 'savepoint s'], make, ['rollback to s', 'commit']),
  },
  {
    name: 'in a block that fails, then COMMIT',
    short: 'failed',
    requests: (make) => between(['begin'], make, ['select 1/0', 'commit']),
  },
  { name: 'in one Query', short: 'multi', requests: (make) => oneQuery(make) },
  { name: 'in one Query that fails at its end', short: 'multi ✗', requests: (make) => oneQuery(make, 'select 1/0') },
  {
    name: 'a block in one Query',
    short: 'multi block',
    requests: (make) => oneQuery(['begin', ...make, 'commit']),
  },
  { name: 'inside DO', short: 'DO', requests: insideDo },
  { name: 'by the extended protocol', short: 'ext', requests: (make) => texts(make)?.map(extended) },
  { name: 'in one pipeline', short: 'pipe', requests: (make) => pipeline(make) },
  {
    name: 'in a pipeline that fails at its end',
    short: 'pipe ✗',
    requests: (make) => pipeline([...make, 'select 1/0']),
  },
]

function request(step: Step): Buffer {
  return typeof step === 'string' ? raw.query(step) : raw.all(step.extended, raw.sync)
}

function extended(text: string): Buffer {
  return raw.all(raw.statement(text), raw.sync)
}

/** The text of each step, if each has one. */
function texts(make: readonly Step[]): string[] | undefined {
  const found = make.filter((step) => typeof step === 'string')
  return found.length === make.length ? found : undefined
}

function between(first: readonly string[], make: readonly Step[], last: readonly string[]): Buffer[] {
  return [...first, ...make, ...last].map(request)
}

function oneQuery(make: readonly Step[], ...last: readonly string[]): Buffer[] | undefined {
  const found = texts(make)
  return found && [raw.query([...found, ...last].join('; '))]
}

function insideDo(make: readonly Step[]): Buffer[] | undefined {
  const body = texts(make)?.map((text) => `execute $make$${text}$make$;`)
  return body && [raw.query(`do $body$ begin ${body.join(' ')} end $body$`)]
}

function pipeline(make: readonly Step[]): Buffer[] {
  const groups = make.map((step) => (typeof step === 'string' ? raw.statement(step) : step.extended))
  return [raw.all(...groups, raw.sync)]
}
