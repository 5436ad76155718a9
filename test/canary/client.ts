/**
 * One canary client: who it is, what it has said, and what it must therefore find. It runs scenarios one after another
 * until the budget of statements is used up, and connects again whenever its connection is gone.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../src/random.ts'
import { BreachError, LostError } from './breach.ts'
import type { Canary } from './canary.ts'
import { Connection, type Exchange, type Target } from './connection.ts'
import type { Line } from './ledger.ts'
import type { TransactionStatus } from './replies.ts'
import { pickScenario } from './scenarios.ts'
import { reportedSettings, startupSettings, unreportedDefaults } from './settings.ts'
import type { Text } from './prepared.ts'

export interface Identity {
  readonly user: string
  readonly database: string
}

/** An exchange that decides what becomes of rows: once it is answered, `lines` are what `outcome` says. */
export interface Step extends Exchange {
  readonly lines: readonly Line[]
  readonly outcome: 'committed' | 'absent'
}

/** A transaction block of this client's. */
export interface Transaction {
  /** The backend that the first statement ran on: the others must, too. */
  backend: string | undefined
  hasWritten: boolean
  readonly lines: Line[]
  readonly settingsBefore: ReadonlyMap<string, string>
}

/** After a calm has begun, what was broken before may still come to light for this long. */
const settlingMs = 1000

/** Behind a COPY that fails with Syncs inside nobody can tell how many replies are owed: a client with state in that session loses it. */
const countLost = "its client's state is lost: nobody knows how many replies it owes"

export class CanaryClient {
  readonly id: number
  readonly random: Random
  readonly identity: Identity
  readonly canary: Canary
  readonly target: Target
  /** What this session's parameters must be. */
  settings = new Map<string, string>()
  /** Those that the startup packet asked for: a pooler's RESET may not know of them. */
  startupSettings: ReadonlySet<string> = new Set()
  /** What the names stand for that it has given to prepared statements. */
  readonly prepared = new Map<string, Text>()
  /** While it has something that keeps its server: the backend that it was seen on. */
  pin: { backend: string | undefined } | undefined
  /** To a channel of its own. */
  isListening = false
  transaction: Transaction | undefined
  scenario = 'nothing'
  progressMs = performance.now()
  isBusy = false
  finishedScenarios = 0
  #connection: Connection | undefined
  #sequence = 0

  constructor(id: number, random: Random, identity: Identity, target: Target, canary: Canary) {
    this.id = id
    this.random = random
    this.identity = identity
    this.target = target
    this.canary = canary
  }

  get connection(): Connection {
    if (!this.#connection) throw new LostError('not connected')
    return this.#connection
  }

  get status(): TransactionStatus {
    return this.transaction ? 'T' : 'I'
  }

  /** A token that no other statement carries, in this run or elsewhere. */
  token(): string {
    this.canary.countStatement()
    const nonce = this.random.uint32().toString(16).padStart(8, '0')
    return `c${this.id}:${++this.#sequence}:${nonce}`
  }

  /** One that this client has not used for anything yet. */
  nextNumber(): number {
    return ++this.#sequence
  }

  /** A row that is going to be written, by the statement that carries this token. */
  line(token: string): Line {
    return this.canary.ledger.line(this.identity.database, this.id, this.scenario, token)
  }

  begin(): Transaction {
    this.transaction = { backend: undefined, hasWritten: false, lines: [], settingsBefore: new Map(this.settings) }
    return this.transaction
  }

  /** Sends all steps in one write and waits for their answers. True: one of them was cancelled. */
  ask(...steps: readonly Step[]): Promise<boolean> {
    for (const step of steps) markSent(step)
    return this.connection.ask(...steps.map((step) => this.#followed(step)))
  }

  /** Sends only the first bytes of the steps: those that aren't whole can have no effect. */
  sendPart(steps: readonly Step[], mostBytes: number): void {
    let end = 0
    for (const step of steps) {
      end += step.bytes.length
      if (end <= mostBytes) markSent(step)
    }
    this.connection
      .askPart(
        steps.map((step) => this.#followed(step)),
        mostBytes,
      )
      .catch(() => undefined)
  }

  /** Leaves, and is connected again before the next scenario. */
  leave(how: 'reset' | 'fin' | 'politely'): void {
    if (how === 'politely') this.connection.close()
    else this.connection.vanish(how)
    this.#forget()
  }

  /** Runs until `isDone`. */
  async run(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      await this.attempt(pickScenario(this.random, this.canary.weather.mayVanish))
    }
  }

  /** Runs one scenario; true if nothing went wrong. It is busy until a scenario has gone well. */
  async attempt(scenario: (client: CanaryClient) => Promise<void>): Promise<boolean> {
    this.scenario = scenario.name
    const startedMs = performance.now()
    if (!this.isBusy) this.progressMs = startedMs
    this.isBusy = true
    try {
      if (!this.#connection) await this.#connect()
      await scenario(this)
      this.#checkReportedSettings()
      this.finishedScenarios++
      this.isBusy = false
      return true
    } catch (error) {
      this.#failed(error, startedMs)
      await sleep(this.random.integer(5, 50))
      return false
    }
  }

  /** Ends the connection of a client that makes no progress. */
  declareStuck(): void {
    const transcript = this.#connection?.transcript.lines() ?? []
    this.canary.breach(new BreachError('stuck', `no progress in ${this.scenario}`), this.id, transcript)
    this.progressMs = performance.now()
    this.#connection?.vanish('reset')
  }

  finish(): void {
    if (this.#connection) this.leave('politely')
  }

  /** After a RESET ALL: reported parameters are as the server begins with them, which this client can only be told. */
  settingsReset(): void {
    const { parameters } = this.connection.conversation
    this.settings = new Map(
      [...this.settings.keys()].map((name) => [name, unreportedDefaults.get(name) ?? parameters.get(name) ?? '']),
    )
    const name = this.settings.get('application_name') ?? ''
    if (name.startsWith('canary ') && !name.startsWith(`canary ${this.id} `)) {
      throw new BreachError('wrong setting', `application_name is "${name}" after a reset`)
    }
  }

  async #connect(): Promise<void> {
    const connection = new Connection(this.id, this.canary.onError)
    this.#connection = connection
    const wanted = startupSettings(this)
    await connection.open(this.target, new Map([...Object.entries(this.identity), ...wanted]))
    this.progressMs = performance.now()
    this.canary.countLogin()
    const { parameters } = connection.conversation
    this.startupSettings = new Set(wanted.keys())
    this.settings = new Map(
      reportedSettings.flatMap((name) => {
        const value = wanted.get(name) ?? parameters.get(name)
        return parameters.has(name) && value !== undefined ? [[name, value] as const] : []
      }),
    )
    for (const [name, value] of unreportedDefaults) this.settings.set(name, wanted.get(name) ?? value)
    this.#checkReportedSettings()
  }

  #followed(step: Step): Exchange {
    return {
      ...step,
      answered: (wasCanceled) => {
        this.progressMs = performance.now()
        for (const line of step.lines) line.outcome = wasCanceled ? 'absent' : step.outcome
      },
    }
  }

  /** What the server reported last must be what this client set, once nothing is under way. */
  #checkReportedSettings(): void {
    if (!this.#connection || this.#connection.over || this.transaction) return
    for (const [name, value] of this.settings) {
      if (unreportedDefaults.has(name)) continue
      const reported = this.#connection.conversation.parameters.get(name)
      if (reported !== value) {
        throw new BreachError('wrong setting', `${name} was reported as "${reported}" and is "${value}"`)
      }
    }
  }

  #failed(error: unknown, startedMs: number): void {
    const connection = this.#connection
    const lines = connection?.transcript.lines() ?? []
    if (error instanceof BreachError) this.canary.breach(error, this.id, lines)
    else if (error instanceof LostError) this.#lost(error, startedMs, lines)
    else throw error
    if (connection && !connection.over) connection.vanish('reset')
    this.#forget()
  }

  #lost(error: LostError, startedMs: number, lines: readonly string[]): void {
    this.canary.countLoss(error.reason)
    if (error.reason.endsWith(countLost)) return
    const { calmSinceMs } = this.canary.weather
    const aliveMs = Math.max(startedMs, this.progressMs)
    if (calmSinceMs === undefined || aliveMs < calmSinceMs + settlingMs) return
    this.canary.breach(new BreachError('lost without a fault', `${error.reason} in ${this.scenario}`), this.id, lines)
  }

  #forget(): void {
    this.#connection = undefined
    this.transaction = undefined
    this.pin = undefined
    this.isListening = false
    this.prepared.clear()
  }
}

/** From now on it may have happened. */
function markSent(step: Step): void {
  if (step.outcome === 'committed') for (const line of step.lines) line.outcome = 'unknown'
}
