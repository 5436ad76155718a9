/**
 * File descriptors. At EMFILE the accept loop spins and no client gets in, so settings that could reach the limit are
 * refused at start, with the arithmetic.
 */

import { databaseEntries } from '../config/config.ts'
import type { Config, DatabaseConfig } from '../config/config.ts'
import { databaseSizes, poolSettings, userSettings } from '../config/precedence.ts'
import type { PoolSettings } from '../config/precedence.ts'
import type { ReadFile } from '../config/read-ini.ts'
import { TaxirankError } from '../errors.ts'

/** Listeners, log, trace, Bun's own, auth_query, and clients that are only accepted to be told there is no room. */
export const otherDescriptors = 48

/** The most sockets the settings allow at once. */
export interface DescriptorNeed {
  readonly clients: number
  readonly servers: number
}

/** What a configuration may need. `*` counts as one database. */
export function descriptorNeed(config: Config): DescriptorNeed {
  const databases = [...databaseEntries(config).values()]
  const servers = databases.reduce((sum, database) => sum + serverNeed(config, database), 0)
  return { clients: config.global.maxClientConn, servers }
}

/**
 * The most servers a database may have. A pool is a database and a user, as PgBouncer counts: a database with a user of
 * its own has one pool, any other has one for every name in auth_file and [users]. No pool needs more servers than
 * there may be clients.
 */
export function serverNeed(config: Config, database: DatabaseConfig): number {
  const names = new Set([...config.users.keys(), ...(config.userlist?.keys() ?? [])])
  const users = database.user === undefined && names.size > 0 ? names : [database.user ?? '']
  const most = databaseSizes(config, database).maxServers
  let sum = 0
  for (const user of users) {
    const need = poolNeed(config, poolSettings(config, database, user))
    const { maxServers } = userSettings(config, database.user ?? user)
    sum += maxServers === 0 ? need : Math.min(need, maxServers)
  }
  return most === 0 ? sum : Math.min(sum, most)
}

function poolNeed({ global }: Config, { size, reserveSize }: PoolSettings): number {
  const most = size === 0 ? Infinity : size + (global.reservePoolTimeoutMs > 0 ? reserveSize : 0)
  return Math.min(most, global.maxClientConn)
}

/** Throws `bad_configuration` when the limit is too low. */
export function checkDescriptors(need: DescriptorNeed, limit: number): void {
  const problem = descriptorProblem(need, limit)
  if (problem !== undefined) throw new TaxirankError('bad_configuration', problem)
}

/** Undefined: the limit suffices. Every server may have one cancel request on its way. */
export function descriptorProblem(need: DescriptorNeed, limit: number): string | undefined {
  const total = need.clients + need.servers + need.servers + otherDescriptors
  if (total <= limit) return undefined
  const sum = `${count(need.clients, 'client')} + ${count(need.servers, 'server')} + ${count(need.servers, 'cancel')}`
  return (
    `needs ${sum} + ${otherDescriptors} others = ${total.toLocaleString('en-US')} file descriptors, ` +
    `the limit is ${limit.toLocaleString('en-US')}: raise it (ulimit -n) or lower max_client_conn or the pool sizes`
  )
}

/** RLIMIT_NOFILE as it is now (Bun raises the soft limit to the hard one at start). Infinity: none, or not known. */
export function descriptorLimit(readFile: ReadFile): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFile('/proc/self/limits'))?.[1]
    return soft === undefined ? Infinity : Number(soft)
  } catch {
    return Infinity
  }
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`
}
