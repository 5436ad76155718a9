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

const planless = new Set([
  'application_name',
  'default_transaction_read_only',
  'extra_float_digits',
  'client_min_messages',
  'in_hot_standby',
  'scram_iterations',
])

/** By lower-case name. No plan depends on it: custom parameters are read when a statement runs. */
export function isPlanless(name: string): boolean {
  return planless.has(name) || name.includes('.') || name.endsWith('_timeout')
}

/** What the grammar and the input of types read: literals stay as they were analysed under these. */
const baked = new Set([
  'array_nulls',
  'backslash_quote',
  'client_encoding',
  'datestyle',
  'intervalstyle',
  'lc_monetary',
  'standard_conforming_strings',
  'timezone',
  'timezone_abbreviations',
  'transform_null_equals',
  'xmloption',
])

/** By lower-case name. What is prepared under one value stays what it is under another. For the rest PostgreSQL sees to it itself, or only costs differ. */
export function isBaked(name: string): boolean {
  return baked.has(name)
}

/** Every transaction begins with its own, though PostgreSQL may say that they were set in the session. */
export function isOfTransaction(name: string): boolean {
  return transactionNames.has(name)
}
