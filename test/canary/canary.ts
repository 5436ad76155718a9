/**
 * The canary: many clients against one server or pooler, every statement with a token that the reply must show. It
 * reports what must never happen (breaches) and counts what may happen while something is being broken.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../../src/random.ts'
import type { Breach, BreachError } from './breach.ts'
import { CanaryClient, type Identity } from './client.ts'
import type { Target } from './connection.ts'
import { Ledger } from './ledger.ts'
import type { ServerMessage } from './messages.ts'
import { recover } from './scenarios.ts'
import { vanishings, type Vanishing } from './vanish.ts'

/** What is being broken at the moment. Whoever breaks things changes it. */
export interface Weather {
  /** Since when nothing is; undefined: something is. */
  calmSinceMs: number | undefined
  /** Clients leave in the middle of things. */
  mayVanish: boolean
}

export interface CanaryOptions {
  readonly clients: number
  readonly statements: number
  readonly seed: number
  readonly identities: readonly Identity[]
  /** Where the client of this number connects to. */
  readonly target: (client: number) => Target
  /** Where cancel requests go: nothing may delay or lose them, or they could hit a later statement by right. */
  readonly cancelTarget: Target
  /**
   * How many requests of a pipeline one CancelRequest may end. PostgreSQL before 17 signals the backend twice, so 2 where
   * clients talk to it directly; 1 for a pooler that lets nothing stand behind a request it cancels.
   */
  readonly mostCancelHits: number
  /** Oids for FunctionCall: `textcat(text, text)` and `int4pl(int4, int4)`. */
  readonly functions: { readonly textcat: number; readonly int4pl: number }
  readonly weather: Weather
  /** Told of each breach at once. */
  readonly onBreach: (breach: Breach) => void
  /** Told of each error and notice that a client gets, every field of it. */
  readonly onError?: (text: string) => void
}

const stuckMs = 30_000

export class Canary {
  readonly clients: readonly CanaryClient[]
  readonly ledger = new Ledger()
  readonly breaches: Breach[] = []
  readonly weather: Weather
  readonly functions: CanaryOptions['functions']
  readonly cancelTarget: Target
  readonly mostCancelHits: number
  readonly #options: CanaryOptions
  readonly #random: Random
  readonly #extras: CanaryClient[] = []
  /** How often connections were lost, by reason. */
  readonly losses = new Map<string, number>()
  readonly vanished: Record<Vanishing, number>
  readonly canceled = { running: 0, queued: 0, missed: 0 }
  readonly pins = { kept: 0, refused: 0 }
  statements = 0
  logins = 0

  constructor(options: CanaryOptions) {
    this.#options = options
    this.weather = options.weather
    this.functions = options.functions
    this.cancelTarget = options.cancelTarget
    this.mostCancelHits = options.mostCancelHits
    this.vanished = Object.fromEntries(vanishings.map((where) => [where, 0])) as Record<Vanishing, number>
    this.#random = new Random(options.seed)
    this.clients = Array.from({ length: options.clients }, (_, n) => {
      const identity = options.identities[n % options.identities.length] as Identity
      return this.#newClient(n + 1, identity, options.target(n + 1))
    })
  }

  /** A client that runs only what its owner makes it attempt. */
  addClient(identity: Identity, target: Target): CanaryClient {
    const client = this.#newClient(this.clients.length + this.#extras.length + 1, identity, target)
    this.#extras.push(client)
    return client
  }

  /** Runs until the statements are used up and `mayEnd`; then every client must get through once more. */
  async run(mayEnd: () => boolean = () => true): Promise<void> {
    const watchdog = setInterval(() => this.#findStuck(), 1000)
    try {
      await Promise.all(
        this.clients.map((client) => client.run(() => mayEnd() && this.statements >= this.#options.statements)),
      )
      await Promise.all(this.clients.map((client) => client.attempt(recover)))
    } finally {
      clearInterval(watchdog)
      for (const client of [...this.clients, ...this.#extras]) client.finish()
    }
  }

  countStatement(): void {
    this.statements++
  }

  countLogin(): void {
    this.logins++
  }

  countLoss(reason: string): void {
    this.losses.set(reason, (this.losses.get(reason) ?? 0) + 1)
  }

  countPin(isRefused: boolean): void {
    this.pins[isRefused ? 'refused' : 'kept']++
  }

  countVanishing(where: Vanishing): void {
    this.vanished[where]++
  }

  /** PostgreSQL names the routine that noticed the cancel; for a queued request there was none. */
  countCancel(hit: ServerMessage | undefined): void {
    if (!hit) this.canceled.missed++
    else if (hit.routine) this.canceled.running++
    else this.canceled.queued++
  }

  get onError(): (text: string) => void {
    return this.#options.onError ?? (() => undefined)
  }

  breach(error: BreachError, client: number, transcript: readonly string[]): void {
    const breach: Breach = { kind: error.kind, client, message: error.message, transcript }
    this.breaches.push(breach)
    this.#options.onBreach(breach)
  }

  /** Compares the tables with what clients know. `read` gives the tokens in a database's table. */
  async compareLedger(read: (database: string) => Promise<string[]>): Promise<void> {
    for (const database of this.ledger.databases) {
      for (const breach of this.ledger.compare(database, await read(database))) {
        this.breaches.push(breach)
        this.#options.onBreach(breach)
      }
    }
  }

  /** The time a client takes between two statements: mostly none. */
  async think(random: Random): Promise<void> {
    if (random.chance(0.1)) await sleep(random.integer(0, 3))
  }

  #findStuck(): void {
    const now = performance.now()
    for (const client of [...this.clients, ...this.#extras]) {
      if (client.isBusy && now - client.progressMs > stuckMs) client.declareStuck()
    }
  }

  #newClient(id: number, identity: Identity, target: Target): CanaryClient {
    return new CanaryClient(id, this.#random.fork(id), identity, target, this)
  }
}
