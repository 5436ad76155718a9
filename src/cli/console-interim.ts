/**
 * Stands in for what the console is handed: the figures of pools that the pooler has so far, and a process that can't be
 * changed from the console.
 */

import type { ProcessControl } from '../console/process-control.ts'
import { TaxirankError } from '../errors.ts'
import type { PoolerFigures, PoolerVerbs, PoolFigures } from '../pooler/figures.ts'
import type { Pooler } from '../pooler/pooler.ts'
import type { ServerPoolFigures } from '../pooler/server-pool.ts'
import { versionLine } from './version.ts'

function unsupported(): never {
  throw new TaxirankError('console_refused', 'not supported in this version')
}

export const processControl: ProcessControl = {
  version: versionLine,
  settings: () => [],
  memory: () => {
    const { heapTotal, heapUsed, external, rss } = process.memoryUsage()
    return [
      { name: 'heap', itemBytes: 1, used: heapUsed, free: Math.max(0, heapTotal - heapUsed) },
      { name: 'external', itemBytes: 1, used: external, free: 0 },
      { name: 'resident', itemBytes: 1, used: rss, free: 0 },
    ]
  },
  reload: unsupported,
  set: unsupported,
  shutdown: () => undefined,
}

const verbs: PoolerVerbs = {
  pause: unsupported,
  resume: unsupported,
  disable: unsupported,
  enable: unsupported,
  reconnect: unsupported,
  kill: unsupported,
  killClient: () => false,
  waitClose: unsupported,
  suspend: unsupported,
}

export function seenByConsole(pooler: Pooler): { readonly figures: PoolerFigures; readonly verbs: PoolerVerbs } {
  const figures: PoolerFigures = {
    clients: () => [],
    servers: () => [],
    pools: () => pooler.figures().map(poolFigures),
    databases: () => [],
    users: () => [],
    stats: () => [],
    lists: () => ({
      databases: 0,
      users: 0,
      pools: pooler.figures().length,
      clients: 0,
      loggingIn: 0,
      servers: 0,
      dnsNames: 0,
      dnsPending: 0,
    }),
    dnsHosts: () => [],
    state: () => ({ isPaused: false, isSuspended: false, isDraining: false }),
  }
  return { figures, verbs }
}

function poolFigures(pool: ServerPoolFigures): PoolFigures {
  const [database = '', user = ''] = [pool.database, pool.user].map((name) =>
    Buffer.from(name, 'latin1').toString('utf8'),
  )
  const { clients, waiting, cancelling, leased, idle, opening, longestWaitMs } = pool
  const seen: Omit<PoolFigures, 'snapshot'> = {
    database,
    user,
    mode: 'transaction',
    loadBalanceHosts: undefined,
    clients: {
      idle: 0,
      active: clients - waiting,
      waiting,
      active_cancel_req: cancelling,
      waiting_cancel_req: 0,
    },
    servers: {
      login: opening,
      idle,
      used: 0,
      tested: 0,
      active: leased,
      active_cancel: cancelling,
      being_canceled: 0,
    },
    longestWaitMs,
  }
  return seen as PoolFigures
}
