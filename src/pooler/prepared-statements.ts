/**
 * Prepared statements that clients of one pool share. One entry stands for one text with its parameter types under one set of the parameters that
 * PostgreSQL bakes into a plan (see `ParameterSet.planKey`); on servers it has a name of ours. Clients refer to entries by the names that they chose
 * themselves. Entries that no client refers to any more are kept for a while: applications connect anew and prepare the same again.
 */

import type { Effects } from '../sql/effect.ts'
import { parseStatement } from '../wire/statement-name.ts'

/** The parameters under which a statement is prepared. */
export interface PlanParameters {
  readonly planKey: number
  /** No character of their encoding contains an ASCII byte. */
  readonly isTransparent: boolean
}

/** Tells what running a text does to a session: the bytes from `from` to `to`. */
export interface StatementClassifier {
  classify(bytes: Buffer, from: number, to: number, isTransparent: boolean): Effects
}

/** All names of ours on servers begin with it. */
export const ourPrefix = 'taxirank_'
/** A statement of this name is never prepared. */
export const nobodysName = `${ourPrefix}0`

export class PreparedStatement {
  /** On servers. */
  readonly name: string
  /** What stands behind the name in a Parse: text and parameter types; a byte string. */
  readonly content: string
  /** What running it does to a session. */
  readonly effects: Effects
  readonly planKey: number
  /** Others may have it, too. */
  readonly isShared: boolean
  /** How many names of clients stand for it. */
  users = 0
  /** Grows when what servers have prepared of it is of no use any more. */
  version = 0
  #parse: Buffer | undefined

  constructor(name: string, content: string, effects: Effects, planKey: number, isShared: boolean) {
    this.name = name
    this.isShared = isShared
    this.content = content
    this.effects = effects
    this.planKey = planKey
  }

  /** The whole message that prepares it on a server. */
  get parse(): Buffer {
    this.#parse ??= parseStatement(this.name, this.content)
    return this.#parse
  }

  /** What it costs to keep. */
  get size(): number {
    return 2 * this.content.length + entryBytes
  }
}

const entryBytes = 200
/** Of no parameters. */
const noPlanKey = 0
/** A literal that is read as the moment of the Parse: it is not another client's. */
const momentary = /['$]\s*(now|today|tomorrow|yesterday)/i

export interface StatementLimits {
  /** Of those that clients refer to. */
  readonly mostBytes: number
  /** Of those that are kept without. */
  readonly mostUnused: number
  readonly mostUnusedBytes: number
}

const usualLimits: StatementLimits = { mostBytes: 256 << 20, mostUnused: 2_000, mostUnusedBytes: 8 << 20 }

export class PreparedStatements {
  readonly #classifier: StatementClassifier
  readonly #limits: StatementLimits
  /** By plan key, then by content. */
  readonly #byKey = new Map<number, Map<string, PreparedStatement>>()
  /** Least recently given up first. */
  readonly #unused = new Set<PreparedStatement>()
  #unusedBytes = 0
  #bytes = 0
  #lastNumber = 0

  constructor(classifier: StatementClassifier, limits = usualLimits) {
    this.#classifier = classifier
    this.#limits = limits
  }

  /** No further one may be used. */
  get isFull(): boolean {
    return this.#bytes - this.#unusedBytes >= this.#limits.mostBytes
  }

  get size(): number {
    let size = 0
    for (const entries of this.#byKey.values()) size += entries.size
    return size
  }

  of(content: string, { planKey, isTransparent }: PlanParameters): PreparedStatement {
    let entries = this.#byKey.get(planKey)
    if (!entries) this.#byKey.set(planKey, (entries = new Map<string, PreparedStatement>()))
    const known = entries.get(content)
    if (known) return known
    const isShared = !momentary.test(content)
    const made = this.#make(content, this.#effectsOf(content, isTransparent), planKey, isShared)
    if (isShared) entries.set(content, made)
    return made
  }

  /** One that nobody else gets, and its client no more once its parameters are known. */
  alone(content: string, isTransparent: boolean): PreparedStatement {
    return this.#make(content, this.#effectsOf(content, isTransparent), noPlanKey, false)
  }

  #make(content: string, effects: Effects, planKey: number, isShared: boolean): PreparedStatement {
    const made = new PreparedStatement(`${ourPrefix}${++this.#lastNumber}`, content, effects, planKey, isShared)
    this.#bytes += made.size
    this.#keepUnused(made)
    return made
  }

  #effectsOf(content: string, isTransparent: boolean): Effects {
    const text = Buffer.from(content, 'latin1')
    const end = text.indexOf(0)
    return this.#classifier.classify(text, 0, end < 0 ? text.length : end, isTransparent)
  }

  /** A name of a client's stands for it from now on. */
  use(statement: PreparedStatement): void {
    if (statement.users++ > 0) return
    if (this.#unused.delete(statement)) this.#unusedBytes -= statement.size
    // It was forgotten meanwhile: what gave it up was skipped.
    else this.#bytes += statement.size
  }

  /** One name less. */
  giveUp(statement: PreparedStatement): void {
    if (--statement.users > 0) return
    if (statement.isShared) this.#keepUnused(statement)
    else this.#bytes -= statement.size
  }

  #keepUnused(statement: PreparedStatement): void {
    this.#unused.add(statement)
    this.#unusedBytes += statement.size
    const { mostUnused, mostUnusedBytes } = this.#limits
    for (const oldest of this.#unused) {
      if (this.#unused.size <= mostUnused && this.#unusedBytes <= mostUnusedBytes) return
      if (oldest !== statement) this.#forget(oldest)
    }
  }

  #forget(statement: PreparedStatement): void {
    this.#unused.delete(statement)
    this.#unusedBytes -= statement.size
    this.#bytes -= statement.size
    if (!statement.isShared) return
    const entries = this.#byKey.get(statement.planKey)
    entries?.delete(statement.content)
    if (entries?.size === 0) this.#byKey.delete(statement.planKey)
  }
}
