/** What one client of the console has prepared by the extended protocol: statements, and portals that run them. */

import { TaxirankError } from '../errors.ts'
import type { Format } from '../wire/build-result.ts'
import type { Answer } from './command.ts'
import type { Plan } from './commands.ts'
import { shown } from './statement.ts'

/** `plan` is undefined for an empty text. */
export interface Prepared {
  readonly plan: Plan | undefined
}

/** `progress`: what of its answer was sent. An answer without rows is over when it was sent. */
export interface Portal extends Prepared {
  readonly formats: readonly Format[]
  progress: { readonly name: 'new' } | { readonly name: 'begun'; readonly answer: Answer; at: number }
}

/** Of each kind, for one client. */
const mostNames = 1_000

export class PreparedNames {
  readonly #statements = new Map<string, Prepared>()
  readonly #portals = new Map<string, Portal>()

  get statements(): number {
    return this.#statements.size
  }

  /** Throws what PostgreSQL does if a named one is there already. */
  prepare(name: string, statement: Prepared): void {
    put(this.#statements, name, statement, 'prepared statement', '42P05')
  }

  open(name: string, portal: Portal): void {
    put(this.#portals, name, portal, 'portal', '42P03')
  }

  statement(name: string): Prepared {
    return get(this.#statements, name, 'prepared statement', '26000')
  }

  portal(name: string): Portal {
    return get(this.#portals, name, 'portal', '34000')
  }

  close(kind: 'statement' | 'portal', name: string): void {
    if (kind === 'statement') this.#statements.delete(name)
    else this.#portals.delete(name)
  }

  /** Portals live as long as their transaction. */
  closePortals(): void {
    this.#portals.clear()
  }

  closeStatements(): void {
    this.#statements.clear()
  }
}

/** One for all columns, one a column, or none. Throws for any other number, and for a format there is none of. */
export function resultFormats(asked: readonly number[], columns: number): readonly Format[] {
  if (asked.length > 1 && asked.length !== columns) {
    throw refused(`Bind has ${asked.length} result formats, and there are ${columns} columns`, '08P01')
  }
  const formats = asked.map((format): Format => {
    if (format === 0 || format === 1) return format
    throw refused(`unsupported format code: ${format}`, '22023')
  })
  const only = formats.length === 1 ? formats[0] : undefined
  return only === undefined ? formats : Array.from({ length: columns }, () => only)
}

function put<T>(all: Map<string, T>, name: string, value: T, what: string, sqlState: string): void {
  if (name !== '' && all.has(name)) throw refused(`${what} ${shown(name)} already exists`, sqlState)
  if (all.size >= mostNames && !all.has(name)) {
    throw refused(`a client of the console may have ${mostNames} of each kind: close a ${what} first`, '54000')
  }
  all.set(name, value)
}

function get<T>(all: ReadonlyMap<string, T>, name: string, what: string, sqlState: string): T {
  const found = all.get(name)
  if (found === undefined) throw refused(`${what} ${shown(name)} does not exist`, sqlState)
  return found
}

export function refused(message: string, sqlState: string): TaxirankError {
  return new TaxirankError('console_refused', message, { sqlState })
}
