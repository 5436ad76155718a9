/** Names as PostgreSQL reads them, and parameters by name. */

import { lowered } from './lexer.ts'

/** PostgreSQL keeps this much of a name in SQL. */
export const nameBytes = 63

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

const planless = new Set([
  'application_name',
  'default_transaction_read_only',
  'client_min_messages',
  'in_hot_standby',
  'scram_iterations',
])

/** By lower-case name. No plan depends on it: custom parameters are read when a statement runs. */
export function isPlanless(name: string): boolean {
  return planless.has(name) || name.includes('.') || name.endsWith('_timeout')
}

/** Every transaction begins with its own, though PostgreSQL may say that they were set in the session. */
export function isOfTransaction(name: string): boolean {
  return transactionNames.has(name)
}
