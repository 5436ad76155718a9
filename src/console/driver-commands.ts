/**
 * What drivers say to any PostgreSQL, asked or not, before and between their users' commands: answered as harmlessly as
 * PgBouncer does, or, where it refuses (transactions, DISCARD), so that the driver can go on.
 */

import type { Answer } from './command.ts'
import { int4, type Row, text } from './result.ts'
import { keyword, type Word } from './statement.ts'
import type { Column } from '../wire/build-result.ts'

/** What such a statement answers, always the same. */
export interface DriverCommand {
  readonly columns?: readonly Column[]
  readonly answer: Answer
}

/** Parameters of PostgreSQL that drivers set, in lower case; the console has no use for their values. */
const settable = new Set([
  'application_name',
  'bytea_output',
  'client_encoding',
  'client_min_messages',
  'datestyle',
  'default_transaction_isolation',
  'default_transaction_read_only',
  'extra_float_digits',
  'idle_in_transaction_session_timeout',
  'intervalstyle',
  'lock_timeout',
  'search_path',
  'session_replication_role',
  'standard_conforming_strings',
  'statement_timeout',
  'timezone',
])

const readable: Readonly<Record<string, readonly [column: string, value: string]>> = {
  client_encoding: ['client_encoding', 'UTF-8'],
  datestyle: ['datestyle', 'ISO'],
  default_transaction_isolation: ['default_transaction_isolation', 'read committed'],
  standard_conforming_strings: ['standard_conforming_strings', 'on'],
  timezone: ['timezone', 'GMT'],
  'transaction isolation level': ['transaction_isolation', 'read committed'],
  transaction_isolation: ['transaction_isolation', 'read committed'],
}

const ignored: DriverCommand = { answer: { tag: 'SET', notice: { text: 'SET ignored' } } }
const noTransactions = { text: 'the console has no transactions: every command takes effect at once' }

const begun: DriverCommand = { answer: { tag: 'BEGIN', transaction: 'begun', notice: noTransactions } }
const committed: DriverCommand = { answer: { tag: 'COMMIT', transaction: 'ended' } }
const rolledBack: DriverCommand = { answer: { tag: 'ROLLBACK', transaction: 'ended' } }

const transactionWords: Readonly<Record<string, DriverCommand>> = {
  abort: rolledBack,
  begin: begun,
  commit: committed,
  end: committed,
  rollback: rolledBack,
}

/** SET of a parameter of PostgreSQL. `key` in lower case. Undefined: it is none that drivers set. */
export function driverSet(key: string): DriverCommand | undefined {
  return settable.has(key) ? ignored : undefined
}

/** Undefined: it is nothing that drivers say. */
export function driverCommand(words: readonly Word[]): DriverCommand | undefined {
  const [first = '', second, ...more] = words.map((word) => keyword(word) ?? '')
  if (first === 'show' && second !== undefined) return shown([second, ...more].join(' '))
  if (first === 'select' && second === '1' && more.length === 0) return one
  if (first === 'set' && second === 'session' && more[0] === 'characteristics') return ignored
  if (first === 'set' && second === 'time' && more[0] === 'zone') return ignored
  if (first === 'start' && second === 'transaction') return begun
  if ((first === 'discard' || first === 'deallocate') && second === 'all' && more.length === 0) {
    return { answer: { tag: `${first.toUpperCase()} ALL`, forgetsStatements: true } }
  }
  return Object.hasOwn(transactionWords, first) ? transactionWords[first] : undefined
}

function shown(name: string): DriverCommand | undefined {
  const found = Object.hasOwn(readable, name) ? readable[name] : undefined
  return found && rows([text(found[0])], [[found[1]]], 'SHOW')
}

const one = rows([int4('?column?')], [[1]], 'SELECT 1')

function rows(columns: readonly Column[], values: readonly Row[], tag: string): DriverCommand {
  return { columns, answer: { tag, rows: values } }
}
