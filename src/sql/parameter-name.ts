/** Parameters by name. */

import { lowered } from './lexer.ts'

const oldNames = new Map([
  ['sort_mem', 'work_mem'],
  ['vacuum_mem', 'maintenance_work_mem'],
])

/** As PostgreSQL shows it: some are known by an older name, too. */
export function parameterName(text: string): string {
  const name = lowered(text)
  return oldNames.get(name) ?? name
}

const transactionNames = new Set(['transaction_isolation', 'transaction_read_only', 'transaction_deferrable'])

/** Every transaction begins with its own, though PostgreSQL may say that they were set in the session. */
export function isOfTransaction(name: string): boolean {
  return transactionNames.has(name)
}
