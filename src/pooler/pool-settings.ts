/** What one pool is like: what is said of its user, else of its database, else of all, in the engine's terms. */

import type { Tuning } from '../engine/options.ts'
import type { RecordedSettings } from '../metrics/recorded-pool.ts'
import { type Credentials, credentialsOf, NoSecret } from '../auth/secret.ts'
import type { ServerAddress, ServerEncryption } from '../server/target.ts'
import type { LoadBalanceHosts } from './figures.ts'
import { type SessionRules, transactionRules } from './session-rules.ts'
import type { LiveDatabase, LiveUser } from './live.ts'
import type { Database, PoolerOptions } from './options.ts'

export interface ServerPoolSettings {
  readonly addresses: readonly ServerAddress[]
  readonly balance: LoadBalanceHosts
  readonly encryption: ServerEncryption
  /** What logs the user in whom the database forces; undefined: it forces none. */
  readonly forcedCredentials: Credentials | undefined
  /** Of a client's own user, as long as no client has proved more: what is stored. */
  readonly storedCredentials: Credentials
  readonly startup: ReadonlyMap<string, string>
  readonly maxSize: number
  /** At most `maxSize`. */
  readonly minSize: number
  readonly reserveSize: number
  readonly tuning: Tuning
  readonly rules: SessionRules
  /** So many servers may be kept by clients beyond their transactions. */
  readonly maxPinned: number
  /** One in so many leases ends with a look at all that is in the session; 0: none. */
  readonly sessionAuditEvery: number
  /** How many of its newest arrivals are recorded; 0: none. */
  readonly recordingEntries: number
  /** What a recording says of it. */
  readonly recorded: RecordedSettings
  /** Undefined: it is found out. */
  readonly serverIsPooler: boolean | undefined
  readonly connectTimeoutMs: number
  readonly cancelTimeoutMs: number
  readonly settleTimeoutMs: number
  /** What is logged of its servers. */
  readonly logs: PoolerOptions['logs']
}

const noneForced = new NoSecret('no password is configured for the user whom the database forces')
const noneStored = new NoSecret('no password is stored for this user')

/** Where a pool has no limit of its own. */
const unlimitedServers = 1_000_000

export function settingsOf(options: PoolerOptions, database: LiveDatabase, user: LiveUser): ServerPoolSettings {
  const { options: said } = database
  const { poolSize, reservePoolSize, queryWaitTimeoutMs, poolMode, sessionState, maxPinned } = {
    poolMode: options.poolMode ?? transactionRules.mode,
    sessionState: options.sessionState ?? transactionRules.sessionState,
    maxPinned: options.maxPinned,
    ...said,
    ...user.options,
  }
  const { reserveAfterMs, isServerRoundRobin } = options
  const maxSize = poolSize === 0 ? unlimitedServers : poolSize
  const minSize = Math.min(said.minPoolSize, maxSize)
  const mostServers = Math.min(maxSize, database.limit.max, user.limit.max)
  return {
    addresses: said.addresses,
    balance: said.loadBalanceHosts ?? 'round-robin',
    encryption: options.serverEncryption,
    forcedCredentials: said.user === undefined ? undefined : (said.credentials ?? noneForced),
    storedCredentials: credentialsOf(options.authentication.secrets?.get(user.name) ?? noneStored, undefined),
    startup: new Map([
      ['user', said.user ?? user.name],
      ['database', said.name ?? database.name],
      ...(said.parameters ?? []),
    ]),
    maxSize,
    minSize,
    reserveSize: reserveAfterMs === 0 ? 0 : reservePoolSize,
    tuning: {
      waitTimeoutMs: queryWaitTimeoutMs,
      // What there is no reserve for may be anything; but the engine wants a time where there is one, at every moment.
      reserveAfterMs: Math.max(reserveAfterMs, 1),
      retryMaxMs: options.serverLoginRetryMs,
      lifetimeMs: said.serverLifetimeMs,
      idleTimeoutMs: options.serverIdleTimeoutMs,
      checkAfterMs: options.serverCheckQuery === undefined ? Infinity : (options.serverCheckDelayMs ?? Infinity),
      reuse: isServerRoundRobin ? 'round robin' : 'lifo',
    },
    rules: rulesOf(options, said, { mode: poolMode, sessionState }),
    maxPinned: maxPinned ?? Math.max(0, mostServers - 1),
    sessionAuditEvery: options.sessionAuditEvery ?? 10_000,
    recordingEntries: options.recordingEntries ?? 0,
    recorded: {
      maxSize: mostServers === unlimitedServers ? 0 : mostServers,
      minSize: Math.min(minSize, mostServers),
      waitTimeoutMs: queryWaitTimeoutMs,
      idleTimeoutMs: options.serverIdleTimeoutMs,
    },
    serverIsPooler: options.serverIsPooler,
    connectTimeoutMs: options.serverConnectTimeoutMs,
    cancelTimeoutMs: options.cancelWaitTimeoutMs,
    settleTimeoutMs: options.settleTimeoutMs,
    logs: options.logs,
  }
}

type PoolRules = Pick<SessionRules, 'mode' | 'sessionState'>

function rulesOf(options: PoolerOptions, said: Database, rules: PoolRules): SessionRules {
  return {
    ...rules,
    resetQuery: options.serverResetQuery ?? transactionRules.resetQuery,
    resetsAlways: options.serverResetQueryAlways ?? transactionRules.resetsAlways,
    checkQuery: options.serverCheckQuery,
    connectQuery: said.connectQuery ?? transactionRules.connectQuery,
    closesFast: options.serverFastClose ?? transactionRules.closesFast,
    isUsedOnce: said.serverLifetimeMs === 0,
    maxPreparedStatements: options.maxPreparedStatements ?? transactionRules.maxPreparedStatements,
  }
}

/** Whether servers that were opened under the one may serve under the other. */
export function areRulesAlike(one: SessionRules, other: SessionRules): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
