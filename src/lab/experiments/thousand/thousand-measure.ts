/** A crowd of clients by one way to the database: what they get, and what it costs. */

import { memoryOf } from '../../../advisor/read-backend-memory.ts'
import type { PooledDatabase } from '../../pooler-request.ts'
import type { OpenPooler } from '../../openings.ts'
import type { Rig } from '../../rig.ts'
import type { CrowdService, CrowdTimes } from './crowd-book.ts'
import { type Crowd, dismiss, gather, serve } from './crowd.ts'

export interface CrowdResult extends Omit<Crowd, 'clients'>, CrowdService {
  readonly name: string
  readonly connected: number
  readonly backends: number
  /** NaN: they can't be seen. */
  readonly ownBytes: number
  /** With their part of what is shared. */
  readonly proportionalBytes: number
  /** Of the pooler; NaN: there is none, or it can't be seen. */
  readonly poolerBytes: number
  /** Before the first client came. */
  readonly poolerAloneBytes: number
  /** Servers that were in a transaction, on average; NaN: not known. */
  readonly busy: number
}

export interface CrowdPlan extends CrowdTimes {
  readonly clients: number
  /** Of each pool. */
  readonly servers: number
  /** How long a client may wait for one in session mode. */
  readonly waitMs: number
}

const noPooler = { poolerBytes: Number.NaN, poolerAloneBytes: Number.NaN, busy: Number.NaN }

export async function measureDirect(rig: Rig, name: string, plan: CrowdPlan): Promise<CrowdResult> {
  const crowd = await gather(rig, plan.clients, rig.direct)
  const service = await serve(rig, crowd, { ...plan, isGreeted: true })
  return finish(rig, name, crowd, service, noPooler)
}

export async function measurePooled(rig: Rig, mode: PooledDatabase['mode'], plan: CrowdPlan): Promise<CrowdResult> {
  const { clients, servers, waitMs } = plan
  const options = { maxClients: clients + 100, ...(mode === 'session' && { queryWaitTimeoutMs: waitMs }) }
  const pooler = await rig.pooler([{ name: mode, mode, size: servers }], options)
  const poolerAloneBytes = bytesOf(pooler)
  const crowd = await gather(rig, clients, pooler.way(mode))
  let before: BusyTime = { atMs: 0, inTransactionMs: 0 }
  const service = await serve(rig, crowd, {
    ...plan,
    // In session mode nobody but the first would ever be answered.
    isGreeted: mode !== 'session',
    begun: async () => {
      before = await busyTimeOf(pooler, mode)
    },
  })
  const after = await busyTimeOf(pooler, mode)
  const poolerBytes = bytesOf(pooler)
  const busy = (after.inTransactionMs - before.inTransactionMs) / (after.atMs - before.atMs)
  return finish(rig, mode, crowd, service, { poolerAloneBytes, poolerBytes, busy }, () => pooler.stop())
}

async function finish(
  rig: Rig,
  name: string,
  crowd: Crowd,
  service: CrowdService,
  pooler: typeof noPooler,
  stop: () => Promise<void> = () => Promise.resolve(),
): Promise<CrowdResult> {
  const backends = await rig.backends()
  const memory = rig.processes?.memory(backends)
  await stop()
  await dismiss(rig, crowd)
  return {
    name,
    wanted: crowd.wanted,
    connected: crowd.clients.length,
    refusals: crowd.refusals,
    ...service,
    ...pooler,
    backends: backends.length,
    ownBytes: memory?.privateBytes ?? Number.NaN,
    proportionalBytes: memory ? memory.proportionalBytes + memory.sharedBytes : Number.NaN,
  }
}

function bytesOf({ pid }: OpenPooler): number {
  return memoryOf(pid)?.proportionalBytes ?? Number.NaN
}

interface BusyTime {
  readonly atMs: number
  /** Of all servers together, since the pooler began. */
  readonly inTransactionMs: number
}

async function busyTimeOf(pooler: OpenPooler, database: string): Promise<BusyTime> {
  const rows = await pooler.console<{ database: string; total_xact_time: string }>('SHOW STATS')
  const row = rows.find((one) => one.database === database)
  return { atMs: performance.now(), inTransactionMs: Number(row?.total_xact_time ?? 0) / 1_000 }
}
