/** Two readings of pg_stat_statements: which statements took most time in between. */

export interface StatementTotals {
  /** Of statement and database. */
  readonly key: string
  readonly calls: number
  readonly totalMs: number
  readonly rows: number
}

export interface StatementsSample {
  readonly atMs: number
  /** Null: not known, before PostgreSQL 14. */
  readonly resetAtMs: number | null
  readonly statements: readonly StatementTotals[]
}

export interface StatementsGrowth {
  readonly since: 'watch' | 'reset'
  readonly overMs?: number
  /** All that have run, the longest first. */
  readonly statements: readonly StatementTotals[]
}

/** Of fewer calls than this nothing is concluded. */
const fewestCalls = 100

/** `isOwn` tells the keys of our own statements: they don't count. */
export function growthBetween(
  before: StatementsSample,
  after: StatementsSample,
  isOwn: (key: string) => boolean,
): StatementsGrowth {
  const earlier = new Map(before.statements.map((totals) => [totals.key, totals]))
  const grown = ranked(
    after.statements.map((later) => difference(later, earlier.get(later.key))),
    isOwn,
  )
  if (callsOf(grown) >= fewestCalls) return { since: 'watch', overMs: after.atMs - before.atMs, statements: grown }
  const overMs = after.resetAtMs === null ? {} : { overMs: after.atMs - after.resetAtMs }
  return { since: 'reset', ...overMs, statements: ranked(after.statements, isOwn) }
}

/** One that is new, or has been forgotten in between and come again, began with nothing. */
function difference(later: StatementTotals, earlier: StatementTotals | undefined): StatementTotals {
  if (earlier === undefined || later.calls < earlier.calls) return later
  return {
    key: later.key,
    calls: later.calls - earlier.calls,
    totalMs: Math.max(0, later.totalMs - earlier.totalMs),
    rows: Math.max(0, later.rows - earlier.rows),
  }
}

function ranked(all: readonly StatementTotals[], isOwn: (key: string) => boolean): StatementTotals[] {
  return all.filter(({ key, calls }) => calls > 0 && !isOwn(key)).sort((one, other) => other.totalMs - one.totalMs)
}

export function callsOf(statements: readonly StatementTotals[]): number {
  return statements.reduce((sum, { calls }) => sum + calls, 0)
}
