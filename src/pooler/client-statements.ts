/**
 * The prepared statements that one client has, as it believes: by the names it gave them, and the unnamed one. They stay with it from server to
 * server.
 */

import { type Effects, noEffects } from '../sql/effect.ts'
import type { MessageBytes } from '../wire/read.ts'
import type { PreparedStatement, PreparedStatements } from './prepared-statements.ts'

/** Far more than any driver's cache: 10,000 clients may have so many each. */
const mostNames = 16_384
/** A longer Parse of the unnamed statement is not kept: it is gone at the end of its lease. */
const longestUnnamed = 1 << 20
const noBytes = Buffer.alloc(0)

export class ClientStatements {
  readonly #store: PreparedStatements
  readonly #byName = new Map<string, PreparedStatement>()
  /** Grows when the client sends a Parse of the unnamed statement or drops it: tells its newest from an older one on another server. */
  unnamedParses = 0
  /** What running the unnamed statement does to a session. */
  unnamedEffects: Effects = noEffects
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
  get(name: string, planKey: number): PreparedStatement | undefined {
    const statement = this.#byName.get(name)
    if (statement === undefined || statement.planKey === planKey) return statement
    const other = this.#store.of(statement.content, planKey)
    this.set(name, other)
    return other
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
  share(content: string, planKey: number): PreparedStatement {
    return this.#store.of(content, planKey)
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

  /** Only if it still stands for this. */
  deleteIf(name: string, statement: PreparedStatement): void {
    if (this.#byName.get(name) === statement) this.delete(name)
  }

  clear(): void {
    for (const statement of this.#byName.values()) this.#store.giveUp(statement)
    this.#byName.clear()
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

  /** Hot path. A Query or a Close drops it: what other servers have of it is none of the client's any more. */
  unnamedDropped(): void {
    this.#unnamedBytes = 0
    this.unnamedParses++
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
