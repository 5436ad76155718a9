/**
 * What an experiment is given: the database and what is known of it, whatever it may open (`openings.ts`), and someone to tell
 * what it predicts and how far it is.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, QueryResultRow } from 'pg'
import type { OpenAnother } from './lab-database.ts'
import { connectLimitMs, Openings } from './openings.ts'
import type { Memory, PostgresProcesses } from './postgres-processes.ts'
import type { StartPooler } from './pooler-request.ts'
import { type DatabaseFacts, freeConnections, type Prediction } from './results.ts'
import { applicationName, type Target } from './target.ts'
import type { Work } from './work.ts'

/** What all experiments share. */
export interface RigParts {
  readonly facts: DatabaseFacts
  /** Whom experiments connect as. */
  readonly target: Target
  /** Who may do more: on the embedded PostgreSQL only. */
  readonly superuser: Target | undefined
  /** What is in the lab's schema, and statements of known length. */
  readonly work: Work
  readonly processes: PostgresProcesses | undefined
  /** The lab's own connection, held from beginning to end: when the server is full, this one is in. */
  readonly control: Client
  readonly startPooler: StartPooler
  readonly isQuick: boolean
  /** The end of PostgreSQL's log; undefined: it is not ours. */
  readonly logTail: (() => string) | undefined
  readonly openAnother: OpenAnother | undefined
}

export interface RigWatch {
  /** Ends the experiment. */
  readonly signal: AbortSignal
  /** 0 to 1, and what is done now. */
  readonly progressed: (share: number, doing: string) => void
}

export class Rig extends Openings implements RigParts {
  readonly facts: DatabaseFacts
  readonly superuser: Target | undefined
  readonly work: Work
  readonly processes: PostgresProcesses | undefined
  readonly control: Client
  readonly isQuick: boolean
  readonly logTail: (() => string) | undefined
  readonly openAnother: OpenAnother | undefined
  readonly #progressed: RigWatch['progressed']
  #prediction: Prediction | undefined

  constructor(parts: RigParts, { signal, progressed }: RigWatch) {
    super(parts.target, parts.startPooler, signal)
    this.facts = parts.facts
    this.superuser = parts.superuser
    this.work = parts.work
    this.processes = parts.processes
    this.control = parts.control
    this.isQuick = parts.isQuick
    this.logTail = parts.logTail
    this.openAnother = parts.openAnother
    this.#progressed = progressed
  }

  /** What will be found, before it is measured. */
  predict(text: string, figures: Readonly<Record<string, number>> = {}): void {
    const finite = Object.entries(figures).map(([name, value]) => [name, Number.isFinite(value) ? value : null])
    this.#prediction = { text, figures: Object.fromEntries(finite) as Prediction['figures'] }
  }

  get prediction(): Prediction | undefined {
    return this.#prediction
  }

  progress(share: number, doing: string): void {
    this.signal.throwIfAborted()
    this.#progressed(Math.min(1, Math.max(0, share)), doing)
  }

  /** Moves the bar from one share to another while `work` goes on, which takes about `ms`. */
  async progressWhile<T>(work: Promise<T>, bar: { from: number; to: number; ms: number; doing: string }): Promise<T> {
    const { from, to, ms, doing } = bar
    const startMs = performance.now()
    const timer = setInterval(() => {
      const done = Math.min(1, (performance.now() - startMs) / ms)
      this.#progressed(from + (to - from) * done, doing)
    }, 100)
    try {
      return await work
    } finally {
      clearInterval(timer)
    }
  }

  /** One of two, by how much time there is. */
  pace<T>({ quick, usual }: { readonly quick: T; readonly usual: T }): T {
    return this.isQuick ? quick : usual
  }

  async sleep(ms: number): Promise<void> {
    await sleep(Math.max(0, ms), undefined, { signal: this.signal })
  }

  get freeConnections(): number {
    return freeConnections(this.facts)
  }

  // The database itself.

  /** On the lab's own connection, which no experiment fills. */
  async ask<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    this.signal.throwIfAborted()
    return (await this.control.query<Row>(text, [...values])).rows
  }

  /** Process ids of the backends of experiments; also of those that a pooler of ours has. Others of the same user aren't ours. */
  async backends(): Promise<readonly number[]> {
    const rows = await this.ask<{ pid: number }>(
      `select pid from pg_stat_activity where usename = $1 and application_name = $2 and pid <> pg_backend_pid()`,
      [this.target.user, applicationName],
    )
    return rows.map(({ pid }) => pid)
  }

  /** Of the backends of experiments together; undefined: it can't be seen from here. */
  async memory(): Promise<Memory | undefined> {
    return this.processes?.memory(await this.backends())
  }

  /** Resolves when no backend of an experiment is left: what ends by itself is waited for, so that nothing is left to the next. */
  async untilFree(): Promise<void> {
    const deadline = performance.now() + connectLimitMs
    while ((await this.backends()).length > 0 && performance.now() < deadline) await this.sleep(10)
  }

  /** Does something on another embedded PostgreSQL, with these settings, which is gone when it is done. */
  async onAnother<T>(
    open: OpenAnother,
    settings: Readonly<Record<string, string>>,
    work: (rig: Rig) => Promise<T>,
  ): Promise<T> {
    const { startPooler, isQuick, signal } = this
    const database = await open(settings)
    const rig = new Rig({ ...database, startPooler, isQuick }, { signal, progressed: this.#progressed })
    try {
      return await work(rig)
    } finally {
      await rig.clear()
      await database.close()
    }
  }
}
