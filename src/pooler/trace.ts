import type { Traffic } from '../client/client.ts'
import type { PoolMode } from './figures.ts'

export type { Traffic }

/** Why bytes of a client were used up without being forwarded: the reasons of docs/trace.md, record 7. */
export const ClientDiscard = {
  login: 1,
  terminate: 2,
  lateCopy: 3,
  cancelled: 4,
  console: 5,
  closing: 6,
  copyInSync: 7,
  answered: 8,
} as const

/** Why bytes of a server were used up without being forwarded: record 14. */
export const ServerSwallow = { login: 1, ours: 2, clientGone: 3, unsolicited: 4 } as const

/** How a wait ended: record 9. */
export const WaitEnd = { granted: 1, timedOut: 2, cancelled: 3, clientGone: 4, refused: 5, shutdown: 6 } as const

/** What the pooler tells the trace, one method a record. Ids are those of clients, servers and pools. */
export interface Trace {
  clientTraffic(client: number): Traffic
  serverTraffic(server: number): Traffic
  poolDefined(pool: number, maxServers: number, database: string, user: string, mode: PoolMode): void
  clientAccepted(client: number): void
  clientAuthenticated(client: number, pool: number): void
  clientClosed(client: number, isReset: boolean): void
  waiterQueued(client: number, pool: number): void
  waiterEnded(client: number, pool: number, how: number): void
  serverOpening(server: number, pool: number): void
  serverReady(server: number, pool: number): void
  serverDestroyed(server: number, reason: string): void
  serverClosed(server: number): void
  leaseGranted(client: number, server: number): void
  /** `isReset`: the server is cleaned up before it is lent again. */
  leaseReleased(client: number, server: number, isReset: boolean): void
  /** The client keeps the server beyond its transaction, or not any more (then the client may be 0). */
  pinned(client: number, server: number, isPinned: boolean): void
  cancelReceived(client: number): void
  cancelSent(client: number, server: number): void
  cancelDone(client: number, server: number, isFailure: boolean): void
  ended(): void
}

const nothing = (): void => undefined
const noTraffic: Traffic = { read: nothing, wrote: nothing, replaced: nothing, usedUp: nothing }

/** When no trace is written. */
export const noTrace: Trace = {
  clientTraffic: () => noTraffic,
  serverTraffic: () => noTraffic,
  poolDefined: nothing,
  clientAccepted: nothing,
  clientAuthenticated: nothing,
  clientClosed: nothing,
  waiterQueued: nothing,
  waiterEnded: nothing,
  serverOpening: nothing,
  serverReady: nothing,
  serverDestroyed: nothing,
  serverClosed: nothing,
  leaseGranted: nothing,
  leaseReleased: nothing,
  pinned: nothing,
  cancelReceived: nothing,
  cancelSent: nothing,
  cancelDone: nothing,
  ended: nothing,
}
