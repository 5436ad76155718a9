/**
 * The prepared statements that one client has, as it believes: by the names it gave them, and the unnamed one. They stay with it from server to
 * server.
 */

import { type Effects, noEffects, unsure } from '../sql/effect.ts'
import type { MessageBytes } from '../wire/read.ts'
import type { PlanParameters, PreparedStatement, PreparedStatements } from './prepared-statements.ts'

/** Far more than any driver's cache: 10,000 clients may have so many each. */
const mostNames = 16_384
/** A longer Parse of the unnamed statement is not kept: it is gone at the end of its lease. */
const longestUnnamed = 1 << 20
/** A longer buffer is given up with the statement in it. */
const keptUnnamedBytes = 16_384
const noBytes = Buffer.alloc(0)

/** So many are told apart. */
const mostTold = 100
const anyEffects: Effects = [...unsure, { kind: 'indelible', what: 'many statements without a name in one group' }]

function mostEffects(effects: Effects): Effects {
  return effects.length > mostTold ? anyEffects : effects
}

export class ClientStatements {
  readonly #store: PreparedStatements
  readonly #byName = new Map<string, PreparedStatement>()
  /** Grows when the client sends a Parse of the unnamed statement or drops it: tells its newest from an older one on another server. */
  unnamedParses = 0
  #unnamedEffects: Effects = noEffects
  /** Those of its newest Parse. */
  #newestEffects: Effects = noEffects
  #unnamed: Buffer = noBytes
  #unnamedBytes = 0

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
    const statement = this.#byName.get(name)
    if (statement === undefined || statement.planKey === parameters.planKey) return statement
    const other = this.#store.of(statement.content, parameters)
    this.set(name, other)
    return other
  }

  /** As it was when it was last prepared or used, whatever the parameters are now. */
  asUsed(name: string): PreparedStatement | undefined {
    return this.#byName.get(name)
  }

  /** One of its names for what servers have under this one. */
  nameOf(ours: string): string | undefined {
    for (const [name, statement] of this.#byName) if (statement.name === ours) return name
    return undefined
  }

  has(name: string): boolean {
    return this.#byName.has(name)
  }

  /** For a Parse: what its text is shared as. */
  share(content: string, parameters: PlanParameters): PreparedStatement {
    return this.#store.of(content, parameters)
  }

  set(name: string, statement: PreparedStatement): void {
    this.#store.use(statement)
    this.delete(name)
    this.#byName.set(name, statement)
  }

  /** What it stood for. */
  delete(name: string): PreparedStatement | undefined {
    const statement = this.#byName.get(name)
    if (statement === undefined) return undefined
    this.#byName.delete(name)
    this.#store.giveUp(statement)
    return statement
  }

  /** It does not stand for this, if it still does, but for what it stood for before; undefined: for nothing. */
  takeBack(name: string, statement: PreparedStatement, before: PreparedStatement | undefined): void {
    if (this.#byName.get(name) !== statement) return
    if (before) this.set(name, before)
    else this.delete(name)
  }

  /** All of them, but for those that are kept. */
  clear(isKept = (_name: string): boolean => false): void {
    for (const name of this.#byName.keys()) if (!isKept(name)) this.delete(name)
  }

  /** What servers have prepared for it is of no use any more. */
  expire(): void {
    for (const statement of this.#byName.values()) statement.version++
  }

  // The unnamed statement.

  /** Hot path. A Parse of it: kept, since its Bind may come when the client has another server. */
  unnamedParsed({ bytes, start, end }: MessageBytes, isWhole: boolean): void {
    this.unnamedParses++
    const length = end - start
    this.#unnamedBytes = isWhole && length <= longestUnnamed ? length : 0
    if (this.#unnamedBytes > this.#unnamed.length) this.#unnamed = Buffer.allocUnsafeSlow(length)
    if (this.#unnamedBytes > 0) bytes.copy(this.#unnamed, 0, start, end)
  }

  /** Hot path. What running it does to a session. */
  get unnamedEffects(): Effects {
    return this.#unnamedEffects
  }

  /** A Parse of it has these effects. `maySkip`: PostgreSQL may skip it behind an error, and then what there was before is still there. */
  unnamedGets(effects: Effects, maySkip: boolean): void {
    const before = this.#unnamedEffects
    this.#newestEffects = effects
    if (!maySkip || before.length === 0) this.#unnamedEffects = effects
    else if (effects.length > 0 && effects !== before) this.#unnamedEffects = mostEffects([...before, ...effects])
  }

  /** Hot path. Whatever was sent has been answered: if it is there, it is the newest. */
  unnamedSettled(): void {
    this.#unnamedEffects = this.#newestEffects
  }

  /** Hot path. A Query or a Close drops it: what other servers have of it is none of the client's any more. */
  unnamedDropped(): void {
    this.#unnamedBytes = 0
    this.#unnamedEffects = this.#newestEffects = noEffects
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

  /** The Parse that makes it anew: a copy, undefined if there is none. */
  get unnamedParse(): Buffer | undefined {
    return this.hasUnnamed ? Buffer.from(this.#unnamed.subarray(0, this.#unnamedBytes)) : undefined
  }
}
