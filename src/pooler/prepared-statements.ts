/**
 * Prepared statements that clients of one pool share. One entry stands for one text with its parameter types under one set of the parameters that
 * PostgreSQL bakes into a plan (see `ParameterSet.planKey`); on servers it has a name of ours. Clients refer to entries by the names that they chose
 * themselves. Entries that no client refers to any more are kept for a while: applications connect anew and prepare the same again.
 *
 * PostgreSQL fixes the types of a statement's parameters when it is prepared, and what its names stand for. So when a table was changed, as far as that
 * is known, or a result has changed, whoever prepares the text from then on gets a new entry, and who has the old one keeps it, as it would be without
 * us.
 */

import { isAsciiText } from '../sql/ascii.ts'
import type { Effects } from '../sql/effect.ts'
import { isMomentary } from '../sql/moments.ts'
import { ourPrefix } from '../sql/statement-prefix.ts'
import { parseStatement } from '../wire/statement-name.ts'

/** The parameters under which a statement is prepared. */
export interface PlanParameters {
  readonly planKey: number
  /** client_encoding; '': it may be another one by then. */
  readonly encoding: string
  /** No character of their encoding contains an ASCII byte. */
  readonly isTransparent: boolean
}

/** Tells what running a text does to a session: the bytes from `from` to `to`. */
export interface StatementClassifier {
  classify(bytes: Buffer, from: number, to: number, isTransparent: boolean): Effects
}

/** A statement of this name is never prepared. */
export const nobodysName = `${ourPrefix}0`

/** Where a statement comes from. */
type Origin = Pick<PreparedStatement, 'planKey' | 'encoding'>

export class PreparedStatement {
  /** On servers. */
  readonly name: string
  /** What stands behind the name in a Parse: text and parameter types; a byte string. */
  readonly content: string
  /** What running it does to a session. */
  readonly effects: Effects
  readonly planKey: number
  /** What its content is in; undefined: ASCII, which is the same in all. */
  readonly encoding: string | undefined
  /** Whoever prepares the same text has it, too. */
  isShared: boolean
  /** How many names of clients stand for it. */
  users = 0
  #parse: Buffer | undefined

  constructor(name: string, content: string, effects: Effects, { planKey, encoding }: Origin, isShared: boolean) {
    this.name = name
    this.encoding = encoding
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

  /** PostgreSQL would read something else than what the client has sent. */
  isForeignIn(encoding: string): boolean {
    return this.encoding !== undefined && this.encoding !== encoding
  }

  /** What it costs to keep. */
  get size(): number {
    return 2 * this.content.length + entryBytes
  }
}

const entryBytes = 200
/** Of no parameters. */
const noPlanKey = 0

/** The database that they are prepared in. */
export interface Definitions {
  /** Grows when what statements may be about has changed. */
  readonly definitions: number
}

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
  readonly #database: Definitions
  readonly #limits: StatementLimits
  /** How many definitions there were when entries were last looked at. */
  #definitions = 0
  /** By plan key, then by content. */
  readonly #byKey = new Map<number, Map<string, PreparedStatement>>()
  /** Least recently given up first. */
  readonly #unused = new Set<PreparedStatement>()
  #unusedBytes = 0
  #bytes = 0
  #lastNumber = 0

  constructor(classifier: StatementClassifier, database: Definitions, limits = usualLimits) {
    this.#classifier = classifier
    this.#database = database
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

  of(content: string, { planKey, encoding, isTransparent }: PlanParameters): PreparedStatement {
    this.#heedDefinitions()
    const known = this.#byKey.get(planKey)?.get(content)
    return known ?? this.#share(content, this.#effectsOf(content, isTransparent), originOf(content, planKey, encoding))
  }

  #share(content: string, effects: Effects, origin: Origin): PreparedStatement {
    const { planKey } = origin
    const isShared = !isMomentary(content)
    const made = this.#make(content, effects, origin, isShared)
    if (!isShared) return made
    const entries = this.#byKey.get(planKey) ?? new Map<string, PreparedStatement>()
    this.#byKey.set(planKey, entries.set(content, made))
    return made
  }

  /** What its text is prepared as from now on. */
  renewed(statement: PreparedStatement): PreparedStatement {
    if (statement.isShared) this.#outdate(statement)
    const { content, effects, planKey } = statement
    if (planKey === noPlanKey) return this.#make(content, effects, statement, false)
    return this.#byKey.get(planKey)?.get(content) ?? this.#share(content, effects, statement)
  }

  #heedDefinitions(): void {
    const { definitions } = this.#database
    if (this.#definitions === definitions) return
    this.#definitions = definitions
    for (const entries of this.#byKey.values()) for (const each of entries.values()) this.#outdate(each)
  }

  /** Those who have it keep it. */
  #outdate(statement: PreparedStatement): void {
    if (this.#unused.has(statement)) return this.#forget(statement)
    this.#unlist(statement)
    statement.isShared = false
  }

  /** One that nobody else gets, and its client no more once its parameters are known. */
  alone(content: string, { encoding, isTransparent }: PlanParameters): PreparedStatement {
    const origin = originOf(content, noPlanKey, encoding)
    return this.#make(content, this.#effectsOf(content, isTransparent), origin, false)
  }

  #make(content: string, effects: Effects, origin: Origin, isShared: boolean): PreparedStatement {
    const made = new PreparedStatement(`${ourPrefix}${++this.#lastNumber}`, content, effects, origin, isShared)
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
    if (statement.isShared) this.#unlist(statement)
  }

  #unlist(statement: PreparedStatement): void {
    const entries = this.#byKey.get(statement.planKey)
    if (entries?.get(statement.content) === statement) entries.delete(statement.content)
    if (entries?.size === 0) this.#byKey.delete(statement.planKey)
  }
}

function originOf(content: string, planKey: number, encoding: string): Origin {
  const text = content.slice(0, content.indexOf('\0'))
  return { planKey, encoding: isAsciiText(text) ? undefined : encoding }
}
