/**
 * Every statement asks PostgreSQL to repeat a token that nobody else uses. An answer with a foreign token, with none or
 * with two is a breach, whatever the network does; an error is none, unless it repeats a foreign token.
 */

interface Queryable {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}

const canceled = '57014'
/** In errors, where a token stands among other words. */
const tokens = /token-\d+-/g

export class Canary {
  readonly breaches: string[] = []
  answered = 0
  failed = 0
  #count = 0

  /** Resolves with what went wrong, if it was no breach. */
  async ask(queryable: Queryable): Promise<Error | undefined> {
    const token = `token-${++this.#count}-`
    const fails = this.#count % 10 === 0
    const call = fails
      ? queryable.query(`select '${token}'::int as token`)
      : queryable.query('select $1::text as token', [token])
    try {
      const { rows } = await call
      this.#judge(JSON.stringify(rows) === JSON.stringify([{ token }]), `${token} was answered ${JSON.stringify(rows)}`)
      this.answered++
      return undefined
    } catch (error) {
      const { message, code } = error as Error & { code?: string }
      this.#judge(code !== canceled, `${token} was cancelled, and nobody asked for that`)
      this.#judge(
        (message.match(tokens) ?? []).every((found) => found === token),
        `${token} failed with ${message}`,
      )
      this.failed++
      return error as Error
    }
  }

  #judge(isRight: boolean, breach: string): void {
    if (!isRight) this.breaches.push(breach)
  }
}
