/**
 * Databases and users as they are while the pooler runs: what is configured of them now, and what their pools share. Both
 * outlive a reload, and hold what it must not forget.
 */

import { Limit } from '../engine/limit.ts'
import type { Limits } from '../engine/limits.ts'
import { TaxirankError } from '../errors.ts'
import { textOf } from './names.ts'
import type { Database, User } from './options.ts'
import { Tally } from './tally.ts'

export class LiveDatabase {
  readonly name: string
  options: Database
  /** Only the template knows it. */
  isAuto: boolean
  readonly tally = new Tally()
  /** On servers of all its pools. */
  readonly limit: Limit
  /** How often a client has made, changed or dropped what statements may be about. */
  definitions = 0
  /** Logged in, or about to be. */
  clients = 0
  /** By a PAUSE or KILL of this database: one of all is kept elsewhere. */
  isPaused = false
  isDisabled = false

  constructor(name: string, options: Database, isAuto: boolean, group: Limits) {
    this.name = name
    this.options = options
    this.isAuto = isAuto
    this.limit = new Limit(`max_db_connections of "${textOf(name)}"`, limitFrom(options.maxServers), group)
  }

  /** True if servers that are open would be opened otherwise now. */
  reconfigure(options: Database, isAuto: boolean, now: number): boolean {
    const isOther = identityOf(options) !== identityOf(this.options)
    this.options = options
    this.isAuto = isAuto
    resize(this.limit, options.maxServers, now)
    return isOther
  }

  /** Throws why no further client may log in to it. */
  checkRoom(): void {
    const { maxClients } = this.options
    const name = textOf(this.name)
    if (this.isDisabled) throw new TaxirankError('database_disabled', `database "${name}" is disabled`)
    if (maxClients === 0 || this.clients < maxClients) return
    const text = `no more connections allowed to database "${name}": max_db_client_connections is ${maxClients}, and all are in use`
    throw new TaxirankError('too_many_clients', text)
  }
}

export class LiveUser {
  readonly name: string
  options: LimitedUser
  /** On servers of all pools whose servers log in as this user. */
  readonly limit: Limit
  /** Those that have logged in with this name, or are about to. */
  clients = 0

  constructor(name: string, options: LimitedUser, group: Limits) {
    this.name = name
    this.options = options
    this.limit = new Limit(`max_user_connections of "${textOf(name)}"`, limitFrom(options.maxServers), group)
  }

  reconfigure(options: LimitedUser, now: number): void {
    this.options = options
    resize(this.limit, options.maxServers, now)
  }

  /** Throws why no further client may log in with this name. */
  checkRoom(): void {
    const { maxClients } = this.options
    if (maxClients === 0 || this.clients < maxClients) return
    const text = `no more connections allowed to user "${textOf(this.name)}": max_user_client_connections is ${maxClients}, and all are in use`
    throw new TaxirankError('too_many_clients', text)
  }
}

/** With the limits of all where a user has none. */
export type LimitedUser = User & Required<Pick<User, 'maxServers' | 'maxClients'>>

/** As configured: 0 is no limit. */
export function configuredMax({ max }: Limit): number {
  return max === Infinity ? 0 : max
}

function limitFrom(max: number): number {
  return max === 0 ? Infinity : max
}

function resize(limit: Limit, max: number, now: number): void {
  if (limit.max !== limitFrom(max)) limit.resize(limitFrom(max), now)
}

/** How many servers and clients there may be, and for how long: a server that is open is as good after a change. */
const unrelated = new Set<string>([
  'poolSize',
  'minPoolSize',
  'reservePoolSize',
  'queryWaitTimeoutMs',
  'serverLifetimeMs',
  'maxServers',
  'maxClients',
  'poolMode',
  'sessionState',
  'maxPinned',
  // Of no matter to a server that is open: who is asked about others, and what `credentialsId` stands for.
  'authQuery',
  'credentials',
] satisfies (keyof Database)[])

/** All the rest, which decides what a server is like. */
function identityOf(database: Database): string {
  const rest = Object.entries(database).filter(([name]) => !unrelated.has(name))
  return JSON.stringify(
    rest.toSorted(([a], [b]) => (a < b ? -1 : 1)),
    (_, value: unknown) => (value instanceof Map ? [...(value as Map<unknown, unknown>)] : value),
  )
}
