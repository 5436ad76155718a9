/** What can be seen of a running pooler: plain values, made when somebody asks. */

import type { ServerAddress } from '../server/target.ts'
import { TransactionStatus } from '../wire/messages.ts'
import type { Arrival } from './arrival.ts'
import type { CancelTarget } from './cancel-keys.ts'
import type {
  AuditFigures,
  ClientFigures,
  ClientState,
  DatabaseFigures,
  DatabaseStats,
  DnsHostFigures,
  HolderFigures,
  HoldingState,
  ListFigures,
  PinFigures,
  PoolerFigures,
  PoolFigures,
  RecordingFigures,
  ServerFigures,
  ServerState,
  UserFigures,
} from './figures.ts'
import { configuredMax, type LiveDatabase, type LiveUser } from './live.ts'
import { textOf } from './names.ts'
import { clientFigures } from './client-figures.ts'
import { PooledClient } from './pooled-client.ts'
import type { PooledServer } from './pooled-server.ts'
import type { Pools } from './pools.ts'
import type { ServerPool } from './server-pool.ts'
import type { Stats } from './stats.ts'

/** What the survey needs of the pooler. */
export interface SurveyDesk {
  readonly pools: Pools
  readonly stats: Stats
  readonly now: () => number
  isSuspended(): boolean
  isDraining(): boolean
  clients(): PooledClient[]
  arrivals(): Arrival[]
  dnsHosts(): DnsHostFigures[]
}

export class Survey implements PoolerFigures {
  readonly #desk: SurveyDesk

  constructor(desk: SurveyDesk) {
    this.#desk = desk
  }

  clients(): ClientFigures[] {
    const now = this.#desk.now()
    const epochMs = Date.now() - now
    const arrivals = this.#desk.arrivals().map((arrival) => arrivalFigures(arrival, epochMs))
    return [...this.#desk.clients().map((client) => client.figures(epochMs, now)), ...arrivals]
  }

  servers(): ServerFigures[] {
    const epochMs = Date.now() - this.#desk.now()
    return this.#desk.pools.all.flatMap((pool) => pool.servers.map((server) => serverFigures(server, pool, epochMs)))
  }

  pools(): PoolFigures[] {
    const counted = new Map<ServerPool, Partial<Record<ClientState, number>>>()
    const cancelling = this.#desk
      .arrivals()
      .flatMap(({ cancels }) => (cancels instanceof PooledClient ? [cancels] : []))
    const all = [
      ...this.#desk.clients(),
      ...cancelling.map((client) => ({ pool: client.pool, state: cancelState(client) })),
    ]
    for (const { pool, state } of all) {
      const counts = counted.get(pool) ?? {}
      counts[state] = (counts[state] ?? 0) + 1
      counted.set(pool, counts)
    }
    return this.#desk.pools.all.map((pool) => this.#poolFigures(pool, counted.get(pool) ?? {}))
  }

  #poolFigures(pool: ServerPool, clients: Partial<Record<ClientState, number>>): PoolFigures {
    const now = this.#desk.now()
    const snapshot = pool.snapshot(now)
    const { database, user } = pool
    return {
      database: textOf(database.name),
      user: textOf(user.name),
      mode: pool.mode,
      loadBalanceHosts: balanceOf(database),
      clients: {
        idle: clients.idle ?? 0,
        active: clients.active ?? 0,
        waiting: clients.waiting ?? 0,
        active_cancel_req: clients.active_cancel_req ?? 0,
        waiting_cancel_req: clients.waiting_cancel_req ?? 0,
      },
      servers: countServers(pool),
      longestWaitMs: snapshot.longestWaitMs,
      pinned: pool.pinned,
      maxPinned: pool.maxPinned,
      pinnedMs: pool.pinnedMs(now),
      listeners: pool.listeners.size,
      snapshot,
    }
  }

  pins(): PinFigures[] {
    const now = this.#desk.now()
    return this.#desk.pools.all.flatMap((pool) => pool.servers.flatMap((server) => pinsOf(server, pool, now)))
  }

  holders(): HolderFigures[] {
    const now = this.#desk.now()
    const all = this.#desk.pools.all.flatMap((pool) => pool.servers.flatMap((server) => holdersOf(server, pool, now)))
    return all.sort((one, other) => other.heldMs - one.heldMs)
  }

  audit(): AuditFigures[] {
    return this.#desk.pools.all.flatMap((pool) => {
      const { database, user, mode } = pool
      const { sessionState } = pool.rules
      const of = { database: textOf(database.name), user: textOf(user.name), mode, sessionState }
      return pool.audit.rows.map((row) => {
        return { ...of, ...row, applicationName: textOf(row.applicationName), what: textOf(row.what) }
      })
    })
  }

  recordings(): RecordingFigures[] {
    const now = this.#desk.now()
    return this.#desk.pools.current.flatMap((pool) => recordingsOf(pool, now))
  }

  recording(database: string, user: string): Uint8Array | undefined {
    const { pools, now } = this.#desk
    const isMeant = (pool: ServerPool): boolean =>
      textOf(pool.database.name) === database && textOf(pool.user.name) === user
    return pools.current.find(isMeant)?.recording(now())
  }

  databases(): DatabaseFigures[] {
    return [...this.#desk.pools.databases].map((database) => databaseFigures(database))
  }

  users(): UserFigures[] {
    return [...this.#desk.pools.users].map((user) => userFigures(user))
  }

  stats(): DatabaseStats[] {
    return this.#desk.stats.now()
  }

  lists(): ListFigures {
    const { pools } = this.#desk
    const dns = this.#desk.dnsHosts()
    return {
      databases: [...pools.databases].length,
      users: [...pools.users].length,
      pools: pools.all.length,
      clients: this.#desk.clients().length,
      loggingIn: this.#desk.arrivals().length,
      servers: pools.all.reduce((sum, { servers }) => sum + servers.length, 0),
      dnsNames: dns.length,
      dnsPending: 0,
    }
  }

  dnsHosts(): DnsHostFigures[] {
    return this.#desk.dnsHosts()
  }

  state(): ReturnType<PoolerFigures['state']> {
    const { pools } = this.#desk
    return { isPaused: pools.isPaused, isSuspended: this.#desk.isSuspended(), isDraining: this.#desk.isDraining() }
  }
}

function arrivalFigures(arrival: Arrival, epochMs: number): ClientFigures {
  const connectedAtMs = epochMs + arrival.arrivedAtMs
  const state = arrival.cancels ? cancelState(arrival.cancels) : 'login'
  return { ...clientFigures(arrival.client), state, connectedAtMs, requestedAtMs: connectedAtMs }
}

/** One that must not meet a request of the pooler's own waits until that is answered. */
function cancelState({ isCancelHeldBack = false }: CancelTarget): ClientState {
  return isCancelHeldBack ? 'waiting_cancel_req' : 'active_cancel_req'
}

function serverFigures(server: PooledServer, pool: ServerPool, epochMs: number): ServerFigures {
  const address = addressOf(server.target.address)
  const { way } = server
  return {
    id: server.id,
    user: textOf(server.target.startup.get('user') ?? ''),
    database: textOf(pool.database.name),
    state: stateOf(server, pool),
    address: way?.address ?? address.host ?? 'unix',
    port: address.port,
    localAddress: way?.localAddress ?? '',
    localPort: way?.localPort ?? 0,
    connectedAtMs: epochMs + server.connectedAtMs,
    requestedAtMs: epochMs + server.requestedAtMs,
    waitMs: 0,
    isMarked: server.isMarked,
    linkedTo: server.holder?.id,
    remotePid: server.processId,
    tls: way?.tls ?? '',
    applicationName: textOf(server.applicationName),
    preparedStatements: server.preparedStatements,
    heldBytes: 0,
    unsentBytes: server.unsentBytes,
  }
}

/** One, or none. */
function pinsOf(server: PooledServer, pool: ServerPool, now: number): PinFigures[] {
  const { pin, holder } = server
  if (!pin || !holder) return []
  return [
    {
      database: textOf(pool.database.name),
      user: textOf(pool.user.name),
      applicationName: textOf(holder.applicationName),
      clientId: holder.id,
      serverId: server.id,
      reasons: [...pin.kinds],
      sinceMs: Date.now() - (now - pin.sinceMs),
      pinnedMs: now - pin.sinceMs,
      idleMs: server.isAsked ? 0 : now - server.requestedAtMs,
      pinned: pool.pinned,
      maxPinned: pool.maxPinned,
      waiting: pool.snapshot(now).waiting,
    },
  ]
}

/** One, or none: who is gone holds nothing, though its server may still be coming to rest. */
function holdersOf(server: PooledServer, pool: ServerPool, now: number): HolderFigures[] {
  const { holder, pin } = server
  if (!holder?.isReading) return []
  const heldMs = now - server.lease.grantedAtMs
  return [
    {
      database: textOf(pool.database.name),
      user: textOf(pool.user.name),
      applicationName: textOf(holder.applicationName),
      clientId: holder.id,
      serverId: server.id,
      mode: pool.mode,
      state: holdingOf(server),
      sinceMs: Date.now() - heldMs,
      heldMs,
      idleMs: server.isAsked ? 0 : now - server.requestedAtMs,
      pinReasons: pin ? [...pin.kinds] : [],
      holder: holder.namedAs,
    },
  ]
}

/** One, or none. */
function recordingsOf({ recorder, database, user }: ServerPool, now: number): RecordingFigures[] {
  if (!recorder) return []
  const { size: entries, capacity, overwritten } = recorder.recording
  const [ofDatabase, ofUser] = [textOf(database.name), textOf(user.name)]
  return [
    { database: ofDatabase, user: ofUser, entries, capacity, overwritten, recordedMs: now - recorder.startedAtMs },
  ]
}

function holdingOf({ isAsked, status }: PooledServer): HoldingState {
  if (isAsked) return 'active'
  if (status === TransactionStatus.idle) return 'idle'
  return status === TransactionStatus.failed ? 'idle in transaction (aborted)' : 'idle in transaction'
}

function stateOf(server: PooledServer, pool: ServerPool): ServerState {
  if (server.isCancelling) return 'being_canceled'
  switch (pool.stateOf(server)) {
    case 'opening':
      return 'login'
    case 'checking':
    case 'resetting':
      return 'tested'
    case 'leased':
    case 'shared':
      return 'active'
    default:
      return server.processId === 0 ? 'login' : 'idle'
  }
}

/** `active_cancel` are connections that carry a cancel; what they are for is counted with its own state. */
function countServers(pool: ServerPool): Record<ServerState, number> {
  const counts = { login: 0, idle: 0, used: 0, tested: 0, active: 0, active_cancel: 0, being_canceled: 0 }
  for (const server of pool.servers) {
    const state = stateOf(server, pool)
    if (state === 'being_canceled') counts.active_cancel++
    counts[state]++
  }
  return counts
}

function databaseFigures(database: LiveDatabase): DatabaseFigures {
  const { options } = database
  const hosts = options.addresses.map((address) => addressOf(address).host)
  const isByHost = hosts.every((host) => host !== undefined)
  return {
    name: textOf(database.name),
    host: isByHost ? [...new Set(hosts)].join(',') : undefined,
    port: options.addresses[0] ? addressOf(options.addresses[0]).port : 0,
    database: textOf(options.name ?? database.name),
    forcedUser: options.user === undefined ? undefined : textOf(options.user),
    poolSize: options.poolSize,
    minPoolSize: options.minPoolSize,
    reservePoolSize: options.reservePoolSize,
    serverLifetimeMs: options.serverLifetimeMs,
    mode: options.poolMode,
    loadBalanceHosts: balanceOf(database),
    maxServers: options.maxServers,
    servers: database.limit.taken,
    maxClients: options.maxClients,
    clients: database.clients,
    isPaused: database.isPaused,
    isDisabled: database.isDisabled,
  }
}

function userFigures(user: LiveUser): UserFigures {
  return {
    name: textOf(user.name),
    poolSize: user.options.poolSize,
    reservePoolSize: user.options.reservePoolSize,
    mode: user.options.poolMode,
    maxServers: configuredMax(user.limit),
    servers: user.limit.taken,
    maxClients: user.options.maxClients,
    clients: user.clients,
  }
}

/** PgBouncer shows it only where there are several. */
function balanceOf({ options }: LiveDatabase): DatabaseFigures['loadBalanceHosts'] {
  return options.addresses.length > 1 ? (options.loadBalanceHosts ?? 'round-robin') : undefined
}

/** Without a host: a unix socket. */
function addressOf(address: ServerAddress): { readonly host?: string; readonly port: number } {
  return 'host' in address ? address : { port: 0 }
}
