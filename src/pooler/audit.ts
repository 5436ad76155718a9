/**
 * What applications do that plain transaction pooling would break, in whatever mode they are served: counted, so that a team can see what moving to
 * transaction mode would mean for it. Never a value of anybody's: names of parameters and kinds of state only.
 */

import type { Effect } from '../sql/effect.ts'
import { isIdentity, type ParameterSet } from './parameters.ts'

export interface AuditRow {
  readonly applicationName: string
  readonly what: string
  readonly times: number
  readonly firstAtMs: number
  readonly lastAtMs: number
}

/** Applications make up names; what is beyond these is counted as one. */
const mostRows = 1_000
const others = 'others'

type Counted = { -readonly [Name in keyof AuditRow]: AuditRow[Name] }

export class Audit {
  readonly #rows = new Map<string, Counted>()

  get rows(): readonly AuditRow[] {
    return [...this.#rows.values()]
  }

  /** True the first time. */
  note(applicationName: string, what: string, atMs: number): boolean {
    const isKnown = this.#rows.has(`${applicationName}\0${what}`)
    const isRoom = isKnown || this.#rows.size < mostRows
    const [name, kind] = isRoom ? [applicationName, what] : [others, others]
    const key = `${name}\0${kind}`
    const row = this.#rows.get(key) ?? { applicationName: name, what: kind, times: 0, firstAtMs: atMs, lastAtMs: atMs }
    row.times++
    row.lastAtMs = atMs
    this.#rows.set(key, row)
    return row.times === 1
  }
}

/** Of a parameter: rows are kept. */
const longestName = 200

/** What is counted of an effect; undefined: plain transaction pooling has nothing against it. */
export function auditedAs(effect: Effect, session: ParameterSet): string | undefined {
  switch (effect.kind) {
    case 'set':
      if (effect.value === null) return undefined
      return session.reports(effect.name) && !isIdentity(effect.name)
        ? undefined
        : `SET ${effect.name.slice(0, longestName)}`
    case 'set unknown':
    case 'set unnamed':
    case 'set given':
      return 'parameters set by code or by computed names'
    case 'unsure':
      return 'code that can not be seen: DO, CALL'
    case 'prepare':
      return 'SQL PREPARE'
    case 'listen':
      return 'LISTEN'
    case 'temporary':
      return 'temporary objects'
    case 'lock':
      return 'session advisory locks'
    case 'hold':
      return 'WITH HOLD cursors'
    case 'indelible':
      return effect.what
    case 'read sequence':
      return 'currval or lastval'
    default:
      return undefined
  }
}
