/** What could not be seen, for people: a reading says so instead of failing. */

/** Whole sentences without a full stop. */
export interface Missing {
  /** What an advice has to do without: `what statements take most of the time`. */
  readonly what: string
  readonly why: string
  /** What lets it be seen the next time. */
  readonly remedy: string
}

/** What is missing if the connection was lost. */
export const lostWatch = 'the rest of the watch'

/** Collects them, each once. */
export class MissingParts {
  readonly #parts = new Map<string, Missing>()

  add(what: string, why: string, remedy: string): void {
    if (!this.#parts.has(what)) this.#parts.set(what, { what, why, remedy })
  }

  list(): readonly Missing[] {
    return [...this.#parts.values()]
  }
}
