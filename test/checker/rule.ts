/**
 * What a rule is: a function of the world that returns the events it listens to. A rule hears of a record before the
 * world moves on, so it sees the state that the pooler decided in. Messages are heard while the bytes of their record
 * are walked. Rules never change the world (but for I10, which gives up a stream that differs); what a rule must
 * remember it keeps in its own closure.
 */
import type { Client } from './client.ts'
import type { Entry } from './reply-account.ts'
import type { Server } from './server.ts'
import type { TraceRecord } from './trace-reader.ts'
import type { Pool, World } from './world.ts'

/** `bytes[start, end)` of a record or of a message's body. */
export interface Span {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
}

export interface Events {
  /** Every record, before its own event. */
  record(record: TraceRecord): void
  clientAuthenticated(client: Client, pool: Pool | undefined): void
  clientWritten(client: Client, source: Server | undefined, span: Span): void
  /** The client's next `count` bytes stand as the span from here on. */
  clientReplaced(client: Client, count: number, span: Span): void
  serverReplaced(server: Server, count: number, span: Span): void
  clientDiscarded(client: Client, count: number, reason: number): void
  clientClosed(client: Client): void
  waiterQueued(client: Client, pool: Pool): void
  waiterEnded(client: Client, pool: Pool, how: number): void
  serverOpening(pool: Pool, server: number): void
  serverReady(server: Server): void
  serverWritten(server: Server, source: Client | undefined, span: Span): void
  serverSwallowed(server: Server, count: number, reason: number): void
  leaseGranted(client: Client, server: Server, isShared: boolean): void
  /** `isReset`: the server is cleaned up before it is lent again. */
  leaseReleased(client: Client, server: Server, isReset: boolean): void
  serverDestroyed(server: Server): void
  serverClosed(server: Server): void
  /** A client was given its cancel key, as hexadecimal digits. */
  keyGiven(client: Client, key: string): void
  /** A connection is a CancelRequest with this key. */
  cancelAsked(key: string): void
  cancelReceived(client: Client): void
  cancelSent(client: number, server: Server): void
  cancelDone(client: number, server: number): void
  /** A message to a server begins. */
  requestBegan(server: Server, type: number): void
  /** A message to a server is complete. */
  requestSent(server: Server, source: Client | undefined, type: number, body: Span): void
  /**
   * A server has answered a message, or with an ErrorResponse. All before it have been, or were skipped. A Query that
   * fails is heard of twice, since its ReadyForQuery comes behind.
   */
  requestSettled(server: Server, entry: Entry, isFailed: boolean): void
  /** A command has ended all prepared statements of a server, or one; `owner` as in `Entry`. */
  statementsDropped(server: Server, owner: number, which: 'all' | 'one'): void
  /**
   * A ReadyForQuery reached a client. `answered` is the client's oldest request, undefined if that is uncertain;
   * `request` is where the request that `source` answered with it ends in the client's stream.
   */
  readyGiven(client: Client, source: Server | undefined, answered: Entry | undefined, request: number | undefined): void
  /** A reply reached a client that answers nothing the client sent. */
  replyUnexplained(client: Client, what: string): void
  /** What the pooler writes to a peer can't be cut into messages. */
  framingBroke(to: Client | Server, why: string): void
  /** The trace is over. */
  finished(hasEnd: boolean): void
}

/** Reports a breach. `about` gives the ids that matter. */
export type Breach = (rule: string, expected: string, seen: string, about?: About) => void

export interface About {
  readonly client?: number
  readonly server?: number
  readonly pool?: number
}

export type Rule = (world: World, breach: Breach) => Partial<Events>

export type Listeners = { readonly [K in keyof Events]: Events[K][] }

const names: readonly (keyof Events)[] = [
  'record',
  'clientAuthenticated',
  'clientWritten',
  'clientReplaced',
  'serverReplaced',
  'clientDiscarded',
  'clientClosed',
  'waiterQueued',
  'waiterEnded',
  'serverOpening',
  'serverReady',
  'serverWritten',
  'serverSwallowed',
  'leaseGranted',
  'leaseReleased',
  'serverDestroyed',
  'serverClosed',
  'keyGiven',
  'cancelAsked',
  'cancelReceived',
  'cancelSent',
  'cancelDone',
  'requestBegan',
  'requestSent',
  'requestSettled',
  'statementsDropped',
  'readyGiven',
  'replyUnexplained',
  'framingBroke',
  'finished',
]

export function noListeners(): Listeners {
  return Object.fromEntries(names.map((name) => [name, []])) as unknown as Listeners
}

/** Adds what a rule listens to. */
export function listen(listeners: Listeners, events: Partial<Events>): void {
  for (const name of names) {
    const heard = events[name]
    if (heard) (listeners[name] as unknown[]).push(heard)
  }
}
