/** Prepared statements by name: a server's, or a client's by the names that it gave them. */

export interface Statement {
  /** Its text and parameter types; undefined where they can't be told. */
  readonly definition: string | undefined
  /** The client that Parsed it, 0: the pooler. */
  readonly by: number
  /** SQL has dropped one since; nobody can tell which. */
  mayBeGone: boolean
}

export class StatementTable {
  readonly #byName = new Map<string, Statement>()
  /** Definitions of those that were dropped all at once, until that happens again. */
  #dropped = new Set<string | undefined>()
  /** False: there may be more than is known. */
  isComplete = true

  find(name: string): Statement | undefined {
    return this.#byName.get(name)
  }

  /** Whether there is such a statement under any name, or was before all were dropped. */
  hasDefinition(definition: string | undefined): boolean {
    if (this.#dropped.has(definition)) return true
    for (const statement of this.#byName.values()) if (isSame(statement, { definition })) return true
    return false
  }

  made(name: string, definition: string | undefined, by: number): void {
    this.#byName.set(name, { definition, by, mayBeGone: false })
  }

  closed(name: string): void {
    this.#byName.delete(name)
  }

  /** SQL has dropped all that have a name. */
  droppedAll(): void {
    const unnamed = this.#byName.get('')
    this.#dropped = new Set(Array.from(this.#byName.values(), ({ definition }) => definition))
    this.#byName.clear()
    if (unnamed) this.#byName.set('', unnamed)
  }

  /** SQL has dropped one. */
  droppedOne(): void {
    for (const [name, statement] of this.#byName) if (name !== '') statement.mayBeGone = true
  }

  /** Nobody can tell any more which there are. */
  forget(): void {
    this.#byName.clear()
    this.isComplete = false
  }
}

type Defined = Pick<Statement, 'definition'>

/** Also where nobody can tell. */
export function isSame(one: Defined, other: Defined): boolean {
  return one.definition === undefined || other.definition === undefined || one.definition === other.definition
}
