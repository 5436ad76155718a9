/**
 * The trace checker: reads a trace as docs/trace.md describes it and verifies docs/invariants.md. It shares no code with
 * the pooler. Memory follows what is open and unused, not the length of the trace.
 *
 * Here records meet the world: ids are resolved (an id that can't be is a breach of T, and the record is left out), the
 * rules hear of the event, then the world moves.
 */
import type { Client } from './client.ts'
import type { BreachFound, Report } from './report.ts'
import { shown } from './report.ts'
import type { About } from './rule.ts'
import { listen } from './rule.ts'
import { rules } from './rules/index.ts'
import type { Server } from './server.ts'
import type { TraceRecord } from './trace-reader.ts'
import { TraceReader, kinds } from './trace-reader.ts'
import type { Pool } from './world.ts'
import { poolModes, World } from './world.ts'

export interface CheckerOptions {
  /** Accept a trace that stops without record 22, also in the middle of a record: the pooler was killed. */
  readonly isUnfinished?: boolean
}

export class Checker {
  readonly #world = new World()
  readonly #on = this.#world.listeners
  readonly #reader: TraceReader
  readonly #isUnfinished: boolean
  readonly #first: BreachFound[] = []
  readonly #byRule = new Map<string, number>()
  readonly #handlers: readonly ((record: TraceRecord) => void)[]
  #breaches = 0
  #hasEnd = false

  constructor(options: CheckerOptions = {}) {
    this.#isUnfinished = options.isUnfinished === true
    const breach = this.#breach.bind(this)
    for (const rule of rules) listen(this.#on, rule(this.#world, breach))
    this.#handlers = this.#makeHandlers()
    this.#reader = new TraceReader(
      (record) => this.#take(record),
      (what) => this.#breach('T', 'records as docs/trace.md describes them', what),
    )
  }

  /** The next piece of the trace, of any size. It may be overwritten after the call. */
  push(chunk: Buffer): void {
    this.#reader.push(chunk)
  }

  /** Breaches so far. */
  get breaches(): number {
    return this.#breaches
  }

  /** Call once, after the last `push`. */
  finish(): Report {
    if (!this.#isUnfinished) {
      const left = this.#reader.unfinishedBytes
      if (left > 0) this.#breach('T', 'whole records', `${left} bytes of one that is cut off`)
      if (!this.#hasEnd) this.#breach('I18', 'record 22 at the end', 'the trace stops without it')
    }
    for (const hear of this.#on.finished) hear(this.#hasEnd)
    return { breaches: this.#breaches, first: this.#first, byRule: this.#byRule, counts: this.#world.counts }
  }

  #take(record: TraceRecord): void {
    const world = this.#world
    world.sequence = record.sequence
    world.counts.records++
    for (const hear of this.#on.record) hear(record)
    world.nowMs = record.timeMs
    const handle = this.#handlers[record.kind]
    if (handle) handle(record)
    else this.#malformed('a kind between 1 and 25', `${record.kind}`)
  }

  #breach(rule: string, expected: string, seen: string, about: About = {}): void {
    this.#breaches++
    this.#byRule.set(rule, (this.#byRule.get(rule) ?? 0) + 1)
    if (this.#first.length >= shown) return
    const { sequence, nowMs: timeMs } = this.#world
    this.#first.push({ rule, sequence, timeMs, about, expected, seen })
  }

  #malformed(expected: string, seen: string, about: About = {}): undefined {
    this.#breach('T', expected, seen, about)
    return undefined
  }

  #makeHandlers(): ((record: TraceRecord) => void)[] {
    const handlers: ((record: TraceRecord) => void)[] = []
    handlers[kinds.poolDefined] = (record) => this.#poolDefined(record)
    handlers[kinds.clientAccepted] = (record) => this.#clientAccepted(record)
    handlers[kinds.clientBytes] = (record) => this.#clientBytes(record)
    handlers[kinds.clientAuthenticated] = (record) => this.#clientAuthenticated(record)
    handlers[kinds.clientWritten] = (record) => this.#clientWritten(record)
    handlers[kinds.clientClosed] = (record) => this.#clientClosed(record)
    handlers[kinds.clientDiscarded] = (record) => this.#clientDiscarded(record)
    handlers[kinds.waiterQueued] = (record) => this.#waiterQueued(record)
    handlers[kinds.waiterEnded] = (record) => this.#waiterEnded(record)
    handlers[kinds.serverOpening] = (record) => this.#serverOpening(record)
    handlers[kinds.serverReady] = (record) => this.#serverReady(record)
    handlers[kinds.serverBytes] = (record) => this.#serverBytes(record)
    handlers[kinds.serverWritten] = (record) => this.#serverWritten(record)
    handlers[kinds.serverSwallowed] = (record) => this.#serverSwallowed(record)
    handlers[kinds.leaseGranted] = (record) => this.#leaseGranted(record)
    handlers[kinds.leaseReleased] = (record) => this.#leaseReleased(record)
    handlers[kinds.serverDestroyed] = (record) => this.#serverDestroyed(record)
    handlers[kinds.serverClosed] = (record) => this.#serverClosed(record)
    handlers[kinds.cancelReceived] = (record) => this.#cancelReceived(record)
    handlers[kinds.cancelSent] = (record) => this.#cancelSent(record)
    handlers[kinds.cancelDone] = (record) => this.#cancelDone(record)
    handlers[kinds.clientReplaced] = (record) => this.#clientReplaced(record)
    handlers[kinds.serverReplaced] = (record) => this.#serverReplaced(record)
    // Rules that want to know hear it as a record.
    handlers[kinds.pinned] = () => undefined
    handlers[kinds.end] = () => {
      this.#hasEnd = true
    }
    return handlers
  }

  #poolDefined({ a, b, detail, bytes, start, end }: TraceRecord): void {
    const name = bytes.toString('utf8', start, end).replace('\0', ' as ')
    const known = this.#world.pools.get(a)
    if (a === 0) this.#malformed('a positive id', '0', { pool: a })
    else if (known && known.name !== name) this.#malformed(known.name, name, { pool: a })
    else if (known && known.mode !== detail) this.#malformed(`pool mode ${known.mode}`, `${detail}`, { pool: a })
    else if (detail > poolModes.statement) this.#malformed('a pool mode between 0 and 2', `${detail}`, { pool: a })
    else this.#world.definePool(a, name, b, detail)
  }

  #clientAccepted({ a }: TraceRecord): void {
    if (a <= this.#world.lastClient) this.#malformed(`an id above ${this.#world.lastClient}`, `${a}`, { client: a })
    else this.#world.accept(a)
  }

  #clientBytes(record: TraceRecord): void {
    const client = this.#openClient(record.a)
    if (client) this.#world.clientBytes(client, record)
  }

  #clientAuthenticated({ a, b }: TraceRecord): void {
    const client = this.#openClient(a)
    const pool = b === 0 ? undefined : this.#pool(b)
    if (!client || (b !== 0 && !pool)) return
    if (client.isAuthenticated) this.#malformed('a client that logs in once', 'record 4 again', { client: a })
    for (const hear of this.#on.clientAuthenticated) hear(client, pool)
    this.#world.authenticate(client, pool)
  }

  #clientWritten(record: TraceRecord): void {
    const client = this.#openClient(record.a)
    const source = record.b === 0 ? undefined : this.#server(record.b)
    if (!client || (record.b !== 0 && !source)) return
    for (const hear of this.#on.clientWritten) hear(client, source, record)
    this.#world.clientWritten(client, source, record)
  }

  #clientClosed({ a }: TraceRecord): void {
    const client = this.#openClient(a)
    if (!client) return
    for (const hear of this.#on.clientClosed) hear(client)
    this.#world.closeClient(client)
  }

  #clientDiscarded({ a, b, detail }: TraceRecord): void {
    const client = this.#client(a)
    if (!client) return
    for (const hear of this.#on.clientDiscarded) hear(client, b, detail)
    this.#world.discard(client, b, detail)
  }

  #clientReplaced(record: TraceRecord): void {
    const client = this.#client(record.a)
    if (!client) return
    for (const hear of this.#on.clientReplaced) hear(client, record.b, record)
    this.#world.replaceOfClient(client, record.b, record)
  }

  #serverReplaced(record: TraceRecord): void {
    const server = this.#server(record.a)
    if (!server) return
    for (const hear of this.#on.serverReplaced) hear(server, record.b, record)
    this.#world.replaceOfServer(server, record.b, record)
  }

  #waiterQueued({ a, b }: TraceRecord): void {
    const client = this.#openClient(a)
    const pool = this.#pool(b)
    if (!client || !pool) return
    for (const hear of this.#on.waiterQueued) hear(client, pool)
    this.#world.queue(client, pool)
  }

  #waiterEnded({ a, b, detail }: TraceRecord): void {
    const client = this.#client(a)
    const pool = this.#pool(b)
    if (!client || !pool) return
    for (const hear of this.#on.waiterEnded) hear(client, pool, detail)
    this.#world.endWait(client)
  }

  #serverOpening({ a, b }: TraceRecord): void {
    const pool = this.#pool(b)
    if (!pool) return
    if (a <= this.#world.lastServer) {
      this.#malformed(`an id above ${this.#world.lastServer}`, `${a}`, { server: a })
      return
    }
    for (const hear of this.#on.serverOpening) hear(pool, a)
    this.#world.openServer(a, pool)
  }

  #serverReady({ a, b }: TraceRecord): void {
    const server = this.#openServer(a)
    if (!server) return
    if (server.isReady) this.#malformed('a server that logs in once', 'record 11 again', { server: a })
    if (server.pool.id !== b) this.#malformed(`pool ${server.pool.id}`, `pool ${b}`, { server: a })
    for (const hear of this.#on.serverReady) hear(server)
    this.#world.readyServer(server)
  }

  #serverBytes(record: TraceRecord): void {
    const server = this.#server(record.a)
    if (server) this.#world.serverBytes(server, record)
  }

  #serverWritten(record: TraceRecord): void {
    const server = this.#server(record.a)
    const source = record.b === 0 ? undefined : this.#client(record.b)
    if (!server || (record.b !== 0 && !source)) return
    for (const hear of this.#on.serverWritten) hear(server, source, record)
    this.#world.serverWritten(server, source, record)
  }

  #serverSwallowed({ a, b, detail }: TraceRecord): void {
    const server = this.#server(a)
    if (!server) return
    for (const hear of this.#on.serverSwallowed) hear(server, b, detail)
    this.#world.swallow(server, b)
  }

  #leaseGranted({ a, b, detail }: TraceRecord): void {
    const client = this.#client(a)
    const server = this.#server(b)
    if (!client || !server) return
    for (const hear of this.#on.leaseGranted) hear(client, server, detail === 1)
    this.#world.lend(client, server)
  }

  #leaseReleased({ a, b, detail }: TraceRecord): void {
    const client = this.#client(a)
    const server = this.#server(b)
    if (!client || !server) return
    for (const hear of this.#on.leaseReleased) hear(client, server, detail === 1)
    if (server.holder === client) this.#world.endLease(server)
  }

  #serverDestroyed({ a }: TraceRecord): void {
    const server = this.#openServer(a)
    if (!server) return
    for (const hear of this.#on.serverDestroyed) hear(server)
    this.#world.destroyServer(server)
  }

  #serverClosed({ a }: TraceRecord): void {
    const server = this.#server(a)
    if (!server) return
    for (const hear of this.#on.serverClosed) hear(server)
    this.#world.closeServer(server)
  }

  #cancelReceived({ a }: TraceRecord): void {
    const client = a === 0 ? undefined : this.#openClient(a)
    if (client) for (const hear of this.#on.cancelReceived) hear(client)
  }

  #cancelSent({ a, b }: TraceRecord): void {
    const server = this.#openServer(b)
    if (!server) return
    for (const hear of this.#on.cancelSent) hear(a, server)
    this.#world.sendCancel(a, server)
  }

  #cancelDone({ a, b }: TraceRecord): void {
    if (!this.#world.cancels.has(b)) {
      this.#malformed('the end of a cancel that was sent', 'none is under way', { client: a, server: b })
      return
    }
    for (const hear of this.#on.cancelDone) hear(a, b)
    this.#world.endCancel(b)
  }

  #client(id: number): Client | undefined {
    const client = this.#world.clients.get(id)
    return client ?? this.#malformed('a known client', missing(id, this.#world.lastClient), { client: id })
  }

  #openClient(id: number): Client | undefined {
    const client = this.#client(id)
    return client?.isClosed ? this.#malformed('an open client', 'it was closed', { client: id }) : client
  }

  #server(id: number): Server | undefined {
    const server = this.#world.servers.get(id)
    return server ?? this.#malformed('a known server', missing(id, this.#world.lastServer), { server: id })
  }

  #openServer(id: number): Server | undefined {
    const server = this.#server(id)
    return server?.isDestroyed ? this.#malformed('a server in use', 'it was destroyed', { server: id }) : server
  }

  #pool(id: number): Pool | undefined {
    return this.#world.pools.get(id) ?? this.#malformed('a defined pool', 'no record 1 names it', { pool: id })
  }
}

function missing(id: number, last: number): string {
  return id > 0 && id <= last ? 'it was closed' : 'no record opens it'
}
