/**
 * What a server's session is like: the parameters it reports, and what clients have left in it that the next one must
 * not meet. A session that is spoilt is not lent on: its server is destroyed at release. What is merely left behind may be
 * cleaned up first, if the pool has a reset query; one that is ruined can't be.
 */

import { assert } from '../assert.ts'
import { withoutAnnouncement } from './announcement.ts'
import { isIdentity, type ParameterSet, type ParameterSets } from './parameters.ts'

/** What clients leave behind, by what cleans it up. */
export type Residue = 'statements' | 'listening'

export class ServerSession {
  readonly #sets: ParameterSets
  readonly #restoresIdentity: boolean
  readonly #identity = new Map<string, string>()
  #parameters: ParameterSet | undefined
  /** What it is like once what is under way has been answered; undefined: nothing is. */
  #expected: ParameterSet | undefined
  /** Since that was sent. */
  readonly #reported = new Map<string, string>()
  #login: ParameterSet | undefined
  #ruinedBy: string | undefined
  #unusableBy: string | undefined
  #spoiltBy: string | undefined
  /** What is left behind, and how it came there. */
  readonly #residues = new Map<Residue, string>()

  /** `restoresIdentity`: whoever it becomes, it is itself again before somebody else gets it. */
  constructor(sets: ParameterSets, restoresIdentity: boolean) {
    this.#sets = sets
    this.#restoresIdentity = restoresIdentity
  }

  get isBegun(): boolean {
    return this.#parameters !== undefined
  }

  get parameters(): ParameterSet {
    const parameters = this.#expected ?? this.#parameters
    assert(parameters !== undefined, 'a server has parameters once it is ready')
    return parameters
  }

  /** What it was like at the end of its login. */
  get login(): ParameterSet {
    assert(this.#login !== undefined, 'a server has parameters once it is ready')
    return this.#login
  }

  /** Why nobody may go on with it, not even its holder. */
  get unusableBy(): string | undefined {
    return this.#unusableBy
  }

  /** Why it can't be lent on, whatever is done to it. */
  get ruinedBy(): string | undefined {
    return this.#ruinedBy
  }

  /** Why it must not be lent on as it is; undefined: it may. */
  get spoiltBy(): string | undefined {
    return this.#spoiltBy
  }

  #reconsider(): void {
    const [residue] = this.#residues.values()
    this.#spoiltBy = this.#ruinedBy ?? residue ?? this.#changedIdentity
  }

  get #changedIdentity(): string | undefined {
    const { values, settings } = this.parameters
    if (this.#restoresIdentity) return undefined
    for (const [name, value] of this.#identity) {
      // With the role the rights change, and both go with their client.
      if (settings.has('role') && name === 'is_superuser') continue
      if (values.get(name) !== value) return `${name} was changed on it`
    }
    return undefined
  }

  /** The login is over, and these were reported. */
  begin(values: ReadonlyMap<string, string>): void {
    for (const [name, value] of values) if (isIdentity(name)) this.#identity.set(name, value)
    this.#parameters = this.#login = this.#sets.of(withoutAnnouncement(values))
  }

  /** These were set before anybody has used it. */
  introduced(settings: ReadonlyMap<string, string>): void {
    this.settingsKnown(settings)
    this.#login = this.#parameters
  }

  /** For good. The first reason stands. `forOthers`: whoever holds the server may go on with it. */
  ruin(reason: string, forOthers = false): void {
    this.#ruinedBy ??= reason
    if (!forOthers) this.#unusableBy ??= reason
    this.#reconsider()
  }

  leave(residue: Residue, reason: string): void {
    if (this.#residues.has(residue)) return
    this.#residues.set(residue, reason)
    this.#reconsider()
  }

  /** A command of the pooler's own, with nothing of a client's around it, has removed all of these. */
  cleaned(...residues: readonly Residue[]): void {
    for (const residue of residues) this.#residues.delete(residue)
    this.#reconsider()
  }

  /** It is being brought to this, by a request of the pooler's own that ends the session if it fails. */
  bringing(expected: ParameterSet): void {
    this.#expected = expected
    this.#reconsider()
  }

  /** That has been answered. PostgreSQL may have spelled values otherwise; and some can't be set. */
  brought(): void {
    const expected = this.#expected
    if (!expected) return
    this.#expected = undefined
    const reported = this.#reported
    const { values } = this.parameters
    const isAsExpected =
      [...values].every(([name, value]) => expected.values.get(name) === (reported.get(name) ?? value)) &&
      expected.values.size === values.size
    this.#parameters = isAsExpected ? expected : this.#sets.of(new Map([...values, ...reported]), expected.settings)
    reported.clear()
    this.#reconsider()
  }

  /** These are what is set in it beyond what PostgreSQL reports. */
  settingsKnown(settings: ReadonlyMap<string, string>): void {
    this.#parameters = this.#sets.withSettings(this.parameters, settings)
    this.#reconsider()
  }

  parameterReported(name: string, value: string): void {
    if (this.#expected) this.#reported.set(name, value)
    else this.#parameters = this.#sets.with(this.parameters, name, value)
    if (isIdentity(name)) this.#reconsider()
  }
}
