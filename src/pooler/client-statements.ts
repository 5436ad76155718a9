/**
 * The prepared statements that one client has, as it believes: by the names it gave them, and the unnamed one. They stay with it from server to
 * server.
 */

import { isAscii } from '../sql/ascii.ts'
import { type Effects, noEffects } from '../sql/effect.ts'
import type { MessageBytes } from '../wire/read.ts'
import type { PlanParameters, PreparedStatement, PreparedStatements } from './prepared-statements.ts'

/** Far more than any driver's cache: 10,000 clients may have so many each. */
const mostNames = 16_384
/** A longer Parse of the unnamed statement is not kept: it is gone at the end of its lease. */
const longestUnnamed = 1 << 20
/** A longer buffer is given up with the statement in it. */
const keptUnnamedBytes = 16_384
const noBytes = Buffer.alloc(0)
/** Of a message: its type and length. */
const header = 5

/** What a name stands for, from the Parse that gave it. */
interface Named {
  statement: PreparedStatement
}

export class ClientStatements {
  readonly #store: PreparedStatements
  readonly #byName = new Map<string, Named>()
  /** The client is gone: what comes too late is given back to nobody. */
  #isOver = false
  /** Grows when the client sends a Parse of the unnamed statement or drops it: tells its newest from an older one on another server. */
  unnamedParses = 0
  /** What running the unnamed statement does to a session, if its newest Parse has run. */
  unnamedEffects: Effects = noEffects
  /** See `unnamedParsed`. */
  #unsureGroup = -1
  #unnamed: Buffer = noBytes
  #unnamedBytes = 0
  #unnamedEncoding = ''

  constructor(store: PreparedStatements) {
    this.#store = store
  }

  get size(): number {
    return this.#byName.size
  }

  get isFull(): boolean {
    return this.#byName.size >= mostNames || this.#store.isFull
  }

  /** What the name stands for, as it must be prepared under these parameters; undefined: nothing. */
  get(name: string, parameters: PlanParameters): PreparedStatement | undefined {
    const named = this.#byName.get(name)
    if (named && named.statement.planKey !== parameters.planKey && !named.statement.isForeignIn(parameters.encoding))
      this.#turn(named, this.#store.of(named.statement.content, parameters))
    return named?.statement
  }

  /** The name stands for the same text all the time: only how it is analysed changes. */
  #turn(named: Named, statement: PreparedStatement): void {
    this.#store.use(statement)
    this.#store.giveUp(named.statement)
    named.statement = statement
  }

  /** As it was when it was last prepared or used, whatever the parameters are now. */
  asUsed(name: string): PreparedStatement | undefined {
    return this.#byName.get(name)?.statement
  }

  /** One of its names for what servers have under this one. */
  nameOf(ours: string): string | undefined {
    for (const [name, { statement }] of this.#byName) if (statement.name === ours) return name
    return undefined
  }

  has(name: string): boolean {
    return this.#byName.has(name)
  }

  /** For a Parse: what its text is shared as. */
  share(content: string, parameters: PlanParameters): PreparedStatement {
    return this.#store.of(content, parameters)
  }

  /** The same where nobody knows under which parameters it runs: nobody else may have it. */
  alone(content: string, parameters: PlanParameters): PreparedStatement {
    return this.#store.alone(content, parameters)
  }

  set(name: string, statement: PreparedStatement): void {
    if (this.#isOver) return
    this.#store.use(statement)
    this.delete(name)
    this.#byName.set(name, { statement })
  }

  /** What it stood for. */
  delete(name: string): PreparedStatement | undefined {
    const statement = this.#byName.get(name)?.statement
    if (statement === undefined) return undefined
    this.#byName.delete(name)
    this.#store.giveUp(statement)
    return statement
  }

  /** Returns what undoes it: then the name stands for what it stood for before, if `isThere` says that it was not dropped meanwhile. */
  give(name: string, statement: PreparedStatement, isThere: () => boolean): () => void {
    const before = this.#byName.get(name)
    this.set(name, statement)
    const given = this.#byName.get(name)
    return () => {
      if (this.#byName.get(name) !== given) return
      this.delete(name)
      if (before && isThere()) this.#putBack(name, before)
    }
  }

  /** Deletes it, and returns what undoes that, if the name was not given again meanwhile; undefined: there is none. */
  takeBack(name: string): (() => void) | undefined {
    const named = this.#byName.get(name)
    this.delete(name)
    return named && (() => this.#putBack(name, named))
  }

  #putBack(name: string, named: Named): void {
    if (this.#isOver || this.#byName.has(name)) return
    this.#store.use(named.statement)
    this.#byName.set(name, named)
  }

  /** All of them, but for those that are kept. */
  clear(isKept = (_name: string): boolean => false): void {
    for (const name of this.#byName.keys()) if (!isKept(name)) this.delete(name)
  }

  end(): void {
    this.#isOver = true
    this.clear()
  }

  /** What servers have prepared for it is of no use any more. Whoever else has it finds out for himself. */
  expire(): void {
    for (const named of this.#byName.values()) this.#turn(named, this.#store.renewed(named.statement))
  }

  // The unnamed statement.

  /**
   * Hot path. A Parse of it: kept, since its Bind may come when the client has another server. `unsureGroup`: the group that it was sent in, if
   * PostgreSQL may skip it behind an error, and has another statement then; -1: it can't. `encoding`: what it is in; '': nobody knows.
   */
  unnamedParsed({ bytes, start, end }: MessageBytes, isWhole: boolean, unsureGroup: number, encoding: string): void {
    this.unnamedParses++
    this.#unnamedEncoding = encoding
    this.#unsureGroup = unsureGroup
    const length = end - start
    this.#unnamedBytes = isWhole && length <= longestUnnamed ? length : 0
    if (this.#unnamedBytes > this.#unnamed.length) this.#unnamed = Buffer.allocUnsafeSlow(length)
    if (this.#unnamedBytes > 0) bytes.copy(this.#unnamed, 0, start, end)
  }

  /** Hot path. In that group it may be one that was parsed before its newest. In the group of its newest Parse nothing runs without that. */
  isUnnamedUnsure(group: number): boolean {
    return this.#unsureGroup >= 0 && this.#unsureGroup !== group
  }

  /** Hot path. Whatever was sent has been answered: if it is there, it is the newest. */
  unnamedSettled(): void {
    this.#unsureGroup = -1
  }

  /** Hot path. A Query or a Close drops it: what other servers have of it is none of the client's any more. */
  unnamedDropped(): void {
    this.#unnamedBytes = 0
    this.unnamedEffects = noEffects
    this.#unsureGroup = -1
    this.unnamedParses++
    if (this.#unnamed.length > keptUnnamedBytes) this.#unnamed = noBytes
  }

  /** Its newest Parse has failed. */
  unnamedFailed(): void {
    this.#unnamedBytes = 0
  }

  get hasUnnamed(): boolean {
    return this.#unnamedBytes > 0
  }

  /** The Parse that makes it anew: a copy, undefined if there is none, or if it would be read otherwise in this encoding. */
  unnamedParseIn(encoding: string): Buffer | undefined {
    if (!this.hasUnnamed) return undefined
    const parse = this.#unnamed.subarray(0, this.#unnamedBytes)
    const isForeign = encoding !== this.#unnamedEncoding && !isAscii(parse, header)
    return isForeign ? undefined : Buffer.from(parse)
  }
}
