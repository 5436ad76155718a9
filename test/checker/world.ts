/**
 * The world as the trace tells it: pools, clients, servers, who holds and who waits. `apply` moves it by one record and
 * nothing else moves it; clients and servers that are gone are forgotten. It judges nothing: the rules do.
 */
import { Client } from './client.ts'
import { Deque } from './deque.ts'
import type { Listeners, Span } from './rule.ts'
import { noListeners } from './rule.ts'
import { Server } from './server.ts'

export interface Wait {
  readonly client: Client
  readonly pool: Pool
  isOver: boolean
}

/** How record 9 says that a wait ended. */
export const waitEnds = { granted: 1, timedOut: 2, cancelled: 3, clientGone: 4, refused: 5, shutdown: 6 } as const
/** What record 1 says of a pool. */
export const poolModes = { transaction: 0, session: 1, statement: 2 } as const
/** Why record 7 says that a client's bytes were discarded. */
export const discards = {
  login: 1,
  terminate: 2,
  lateCopy: 3,
  cancelled: 4,
  console: 5,
  closing: 6,
  syncInCopy: 7,
  answered: 8,
} as const

/** Why record 14 says that a server's bytes were swallowed. */
export const swallows = { login: 1, ours: 2, clientGone: 3, unsolicited: 4 } as const

export class Pool {
  readonly id: number
  readonly name: string
  readonly mode: number
  max: number
  /** Opening, ready, leased or closing: every socket that exists. */
  size = 0
  /** Servers that could be lent now. */
  readonly idle = new Set<Server>()
  /** Since when servers are idle while clients wait. */
  contendedSinceMs: number | undefined
  readonly #waits = new Deque<Wait>()
  #waiting = 0

  constructor(id: number, name: string, max: number, mode: number) {
    this.id = id
    this.name = name
    this.mode = mode
    this.max = max
  }

  get waiting(): number {
    return this.#waiting
  }

  /** The client that has waited longest. */
  firstWait(): Wait | undefined {
    while (this.#waits.first()?.isOver) this.#waits.shift()
    return this.#waits.first()
  }

  queue(wait: Wait): void {
    this.#waits.push(wait)
    this.#waiting++
  }

  end(wait: Wait): void {
    wait.isOver = true
    this.#waiting--
    this.firstWait()
  }
}

export interface Counts {
  records: number
  clients: number
  servers: number
  leases: number
  /** Query, FunctionCall, Sync and startup packets of clients. */
  requests: number
  /** Read from clients and servers. */
  bytes: number
  /** Streams of clients and servers that break the protocol. */
  peerFaults: number
}

export class World {
  sequence = 0
  nowMs = 0
  readonly counts: Counts = {
    records: 0,
    clients: 0,
    servers: 0,
    leases: 0,
    requests: 0,
    bytes: 0,
    peerFaults: 0,
  }
  readonly pools = new Map<number, Pool>()
  readonly clients = new Map<number, Client>()
  readonly servers = new Map<number, Server>()
  /** Cancel connections under way, by server: the client named, 0 for one that is gone. */
  readonly cancels = new Map<number, number>()
  readonly contended = new Set<Pool>()
  lastClient = 0
  lastServer = 0
  readonly listeners: Listeners = noListeners()

  definePool(id: number, name: string, max: number, mode: number): void {
    const pool = this.pools.get(id)
    if (pool) pool.max = max
    else this.pools.set(id, new Pool(id, name, max, mode))
  }

  accept(id: number): void {
    this.lastClient = Math.max(this.lastClient, id)
    this.clients.set(id, new Client(id, this))
    this.counts.clients++
  }

  clientBytes(client: Client, span: Span): void {
    this.counts.bytes += span.end - span.start
    client.read(span)
  }

  authenticate(client: Client, pool: Pool | undefined): void {
    client.isAuthenticated = true
    client.pool = pool
  }

  clientWritten(client: Client, source: Server | undefined, span: Span): void {
    client.write(span, source)
    source?.use(span.end - span.start)
  }

  closeClient(client: Client): void {
    client.isClosed = true
    client.isClosing = true
    this.#forget(client)
  }

  discard(client: Client, count: number, reason: number): void {
    client.use(count)
    if (reason === discards.terminate || reason === discards.closing) client.isClosing = true
  }

  queue(client: Client, pool: Pool): void {
    if (client.wait) pool.end(client.wait)
    client.wait = { client, pool, isOver: false }
    pool.queue(client.wait)
    this.#contend(pool)
  }

  endWait(client: Client): void {
    const { wait } = client
    if (wait === undefined) return
    client.wait = undefined
    wait.pool.end(wait)
    this.#contend(wait.pool)
    this.#forget(client)
  }

  openServer(id: number, pool: Pool): void {
    this.lastServer = Math.max(this.lastServer, id)
    this.servers.set(id, new Server(id, pool, this))
    this.counts.servers++
    pool.size++
  }

  readyServer(server: Server): void {
    server.isReady = true
    this.#reviewIdle(server)
  }

  serverBytes(server: Server, span: Span): void {
    this.counts.bytes += span.end - span.start
    server.read(span)
    if (!server.holder) this.#reviewIdle(server)
  }

  serverWritten(server: Server, source: Client | undefined, span: Span): void {
    server.write(span, source)
    source?.use(span.end - span.start)
    if (!server.holder) this.#reviewIdle(server)
  }

  swallow(server: Server, count: number): void {
    server.use(count)
  }

  replaceOfClient(client: Client, count: number, span: Span): void {
    client.replace(count, span)
  }

  replaceOfServer({ received }: Server, count: number, { bytes, start, end }: Span): void {
    received.replace(count, bytes, start, end)
  }

  lend(client: Client, server: Server): void {
    this.counts.leases++
    if (server.holder) server.holder.lease = undefined
    if (client.lease) client.lease.holder = undefined
    client.lease = server
    server.holder = client
    this.#reviewIdle(server)
  }

  /** Ends the server's lease, whoever holds it. */
  endLease(server: Server): void {
    const { holder } = server
    server.holder = undefined
    if (holder) {
      holder.lease = undefined
      this.#forget(holder)
    }
    this.#reviewIdle(server)
  }

  destroyServer(server: Server): void {
    server.isDestroyed = true
    this.endLease(server)
  }

  closeServer(server: Server): void {
    this.destroyServer(server)
    server.pool.size--
    this.servers.delete(server.id)
  }

  sendCancel(client: number, server: Server): void {
    this.cancels.set(server.id, client)
    this.#reviewIdle(server)
  }

  endCancel(serverId: number): void {
    this.cancels.delete(serverId)
    const server = this.servers.get(serverId)
    if (server) this.#reviewIdle(server)
  }

  /** A closed client is remembered for as long as a server is settled for it, or its wait has not ended. */
  #forget(client: Client): void {
    if (client.isClosed && !client.lease && !client.wait) this.clients.delete(client.id)
  }

  /** A server is idle when it could be lent: not while the pooler itself asks it something, or a cancel is under way. */
  #reviewIdle(server: Server): void {
    const { idle } = server.pool
    const isIdle =
      server.isReady &&
      !server.isDestroyed &&
      server.holder === undefined &&
      server.account.whyNotClean() === undefined &&
      !this.cancels.has(server.id)
    if (isIdle === idle.has(server)) return
    if (isIdle) idle.add(server)
    else idle.delete(server)
    this.#contend(server.pool)
  }

  #contend(pool: Pool): void {
    const isContended = pool.waiting > 0 && pool.idle.size > 0
    if (!isContended) {
      pool.contendedSinceMs = undefined
      this.contended.delete(pool)
    } else if (pool.contendedSinceMs === undefined) {
      pool.contendedSinceMs = this.nowMs
      this.contended.add(pool)
    }
  }
}
