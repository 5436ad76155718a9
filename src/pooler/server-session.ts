/**
 * What a server's session is like: the parameters it reports, and what clients have left in it that the next one must
 * not meet. A session that is spoilt is not lent on: its server is destroyed at release.
 */

import { assert } from '../assert.ts'
import { Frontend } from '../wire/messages.ts'
import { isNamedParse, type MessageBytes } from '../wire/read.ts'
import { isIdentity, type ParameterSet, type ParameterSets } from './parameters.ts'

/** Whose unnamed statement it is. */
export interface UnnamedOwner {
  readonly id: number
  unnamedParses: number
}

export class ServerSession {
  readonly #sets: ParameterSets
  readonly #identity = new Map<string, string>()
  #parameters: ParameterSet | undefined
  #spoiltBy: string | undefined
  /** The client whose unnamed statement the session has, 0: nobody's; and which of that client's it is. */
  #unnamedOf = 0
  #unnamedParse = 0

  constructor(sets: ParameterSets) {
    this.#sets = sets
  }

  get isBegun(): boolean {
    return this.#parameters !== undefined
  }

  get parameters(): ParameterSet {
    assert(this.#parameters !== undefined, 'a server has parameters once it is ready')
    return this.#parameters
  }

  /** Why it must not be lent on; undefined: it may. */
  get spoiltBy(): string | undefined {
    return this.#spoiltBy
  }

  /** The login is over, and these were reported. */
  begin(values: ReadonlyMap<string, string>): void {
    for (const [name, value] of values) if (isIdentity(name)) this.#identity.set(name, value)
    this.#parameters = this.#sets.of(values)
  }

  /** The first reason stands. */
  spoil(reason: string): void {
    this.#spoiltBy ??= reason
  }

  parameterReported(name: string, value: string): void {
    if (isIdentity(name) && this.#identity.get(name) !== value) this.spoil(`${name} was changed on it`)
    this.#parameters = this.#sets.with(this.parameters, name, value)
  }

  /** Hot path. A client sends Parse. */
  parsed(message: MessageBytes, client: UnnamedOwner): void {
    if (isNamedParse(message)) return this.spoil('a named statement was prepared on it')
    this.#unnamedOf = client.id
    this.#unnamedParse = ++client.unnamedParses
  }

  /**
   * Hot path. A client's message is about to be sent. True if a Query of ours must go ahead of it, to drop an unnamed
   * statement of somebody else's, or one that the client itself has replaced since, on another server. This is then the
   * first message of a lease. If it is a Query it does that itself, and a Parse of the unnamed statement replaces it, even
   * if it fails.
   */
  needsUnnamedDropped(message: MessageBytes, client: UnnamedOwner): boolean {
    if (this.#unnamedOf === 0) return false
    if (this.#unnamedOf === client.id && this.#unnamedParse === client.unnamedParses) return false
    this.#unnamedOf = 0
    const type = message.bytes[message.start]
    return type !== Frontend.query && (type !== Frontend.parse || isNamedParse(message))
  }
}
