/** Risks of sizes and times: what can't fit, and what waits for ever. */

import { databaseEntries } from '../config/config.ts'
import type { Config, DatabaseConfig } from '../config/config.ts'
import { databaseSettings, databaseSizes, poolSettings, userSettings } from '../config/precedence.ts'
import type { CheckedSystem, Finding, Level } from './check-finding.ts'
import { databaseFindings, settingPlace } from './check-finding.ts'
import { descriptorNeed, descriptorProblem, serverNeed } from './limits.ts'

/** PostgreSQL's max_connections, unless it is configured, less what it keeps for superusers. */
const usualConnections = 97
/** Clients for each server from which on session mode makes nearly all of them wait. */
const crowded = 10

export function sizeRisks(config: Config, system: CheckedSystem): Finding[] {
  const { global } = config
  const tell = (name: string, text: string, level: Level = 'warning'): Finding => ({
    ...settingPlace(config, name),
    level,
    text: `${name}: ${text}`,
  })
  const descriptors = descriptorProblem(descriptorNeed(config), system.descriptorLimit)
  const findings = descriptors === undefined ? [] : [tell('max_client_conn', descriptors, 'error')]
  if (global.queryWaitTimeoutMs === 0) {
    findings.push(tell('query_wait_timeout', '0: clients wait for ever, and nobody is told that servers are missing'))
  }
  if (global.serverResetQueryAlways && global.serverResetQuery !== undefined) {
    const modes = [...databaseEntries(config).values()].map((database) => poolSettings(config, database, '').mode)
    if ([global.poolMode, ...modes].some((mode) => mode !== 'session')) {
      findings.push(tell('server_reset_query_always', 'runs server_reset_query after every transaction'))
    }
  }
  return [...findings, ...crowdedSessions(config), ...unreachableSizes(config), ...fullServers(config)]
}

function crowdedSessions(config: Config): Finding[] {
  const clients = config.global.maxClientConn
  return databaseFindings(config, (database) => {
    const { mode, size } = poolSettings(config, database, database.user ?? '')
    if (mode !== 'session' || size === 0 || clients <= size * crowded) return undefined
    return (
      `in session mode a client keeps its server until it leaves: ${count(size)} of up to ${count(clients)} clients are ` +
      `served, the others wait`
    )
  })
}

/** Pools that may have more servers than another limit leaves them. */
function unreachableSizes(config: Config): Finding[] {
  // Who has a limit of its own and no pool size is meant to have fewer than others.
  const sized = Array.from(config.users).flatMap(([name, { poolSize }]) => (poolSize === undefined ? [] : [name]))
  return databaseFindings(config, (database) => {
    const users = database.user === undefined ? ['', ...sized] : [database.user]
    return users.map((user) => unreachableSize(config, database, user)).find((text) => text !== undefined)
  })
}

function unreachableSize(config: Config, database: DatabaseConfig, user: string): string | undefined {
  const { size } = poolSettings(config, database, user)
  const limits = {
    max_db_connections: databaseSizes(config, database).maxServers,
    max_user_connections: userSettings(config, user).maxServers,
  }
  const exceeded = Object.entries(limits).find(([, most]) => most !== 0 && size > most)
  if (exceeded === undefined) return undefined
  const [name, most] = exceeded
  const pool = user === '' ? 'a pool' : `the pool of "${user}"`
  return `${pool} can never have its ${count(size)} servers: ${name} is ${count(most)}`
}

/** PostgreSQL servers that may be asked for more connections than they usually have. */
function fullServers(config: Config): Finding[] {
  const needs = new Map<string, number>()
  const last = new Map<string, string>()
  for (const [name, database] of databaseEntries(config)) {
    const address = addressOf(config, database)
    needs.set(address, (needs.get(address) ?? 0) + serverNeed(config, database))
    last.set(address, name)
  }
  return databaseFindings(config, (database) => {
    const address = addressOf(config, database)
    const need = needs.get(address) ?? 0
    if (need <= usualConnections || last.get(address) !== database.name) return undefined
    return (
      `up to ${count(need)} servers at ${address}, all databases and known users together; PostgreSQL's ` +
      `max_connections is 100 unless it was raised`
    )
  })
}

function addressOf(config: Config, database: DatabaseConfig): string {
  const [first] = databaseSettings(config, database).hosts
  return first === undefined ? '' : first.kind === 'unix' ? first.path : `${first.host}:${first.port}`
}

function count(number: number): string {
  return number.toLocaleString('en-US')
}
