/** One who asks a pool, once or a few times, with a token that nobody else has, and judges what comes back. */

import type { Random } from '../../../src/random.ts'
import type { Pool, PoolClient } from '../../../src/pg/taxirank.ts'
import type { Books } from './books.ts'
import type { Kind } from './pools.ts'
import { drawQuestion, drawWriting, limited, type Question } from './questions.ts'
import { isAnswer, judgeAnswer, judgeError, mayHearOf, outside, type Standing } from './verdict.ts'
import { drawWants, thrown, type Wants } from './wants.ts'

type Queryable = Pick<Pool, 'query'> | Pick<PoolClient, 'query'>
type Callback = (error: Error | undefined, result: unknown) => void

/** What became of a question. */
export type Answer = { readonly error: unknown } | { readonly error?: undefined; readonly command: string | undefined }

export class Caller {
  readonly pool: Pool
  readonly kind: Kind
  readonly random: Random
  readonly books: Books
  readonly wants: Wants
  /** All its tokens begin with that. */
  readonly name: string
  /** What it does: for messages. */
  deed = ''
  /** What it waits for. */
  readonly #unanswered = new Set<string>()
  #asked = 0

  constructor(pool: Pool, kind: Kind, number: number, random: Random, books: Books) {
    this.pool = pool
    this.kind = kind
    this.random = random
    this.books = books
    this.name = `token-${number}-`
    this.wants = drawWants(random, `${this.name}0-`, kind.reset !== 'none')
  }

  /** What `sessionSetup` gives in this caller's context. */
  setup(): string | undefined {
    if (this.wants.text === thrown) throw new Error('no tenant: who is asking?')
    return this.wants.text
  }

  nextToken(): string {
    return `${this.name}${++this.#asked}-`
  }

  draw({ writes = 0.3, limits = 0 } = {}): Question {
    const token = this.nextToken()
    const question = this.random.chance(writes) ? drawWriting(this.random, token) : drawQuestion(this.random, token)
    return this.random.chance(limits) ? limited(this.random, question, token) : question
  }

  /** Never rejects. */
  async ask(on: Queryable, question: Question, standing = outside): Promise<Answer> {
    const { books, wants } = this
    books.statements++
    if (question.entry !== undefined) books.ledger.begin(question.entry, wants, this.#describe(question.query))
    try {
      const result = await this.waitFor(question.query, this.#pose(on, question))
      this.note(judgeAnswer(question, wants, standing, result), question.query)
      this.#answered(question, standing)
      return { command: (result as { command?: string }).command }
    } catch (error) {
      this.judgeError(error, mayHearOf(question, wants, standing), question.query)
      this.#failed(question, standing, error)
      return { error }
    }
  }

  /** A statement that gives no token. Never rejects. */
  async command(on: Queryable, text: string, tag: string, standing: Standing): Promise<Answer> {
    const { books, wants } = this
    books.statements++
    const question = { query: text, tokens: [], isSimple: true }
    try {
      const { command } = await this.waitFor(text, on.query(text))
      if (wants.failure) this.note('was run behind a set-up that fails', text)
      if (command !== tag) this.note(`was answered ${command}, and must be ${tag}`, text)
      return { command }
    } catch (error) {
      this.judgeError(error, mayHearOf(question, wants, standing), text)
      return { error }
    }
  }

  async waitFor<T>(what: unknown, promise: PromiseLike<T>): Promise<T> {
    const text = JSON.stringify(what)
    this.#unanswered.add(text)
    try {
      return await promise
    } finally {
      this.#unanswered.delete(text)
    }
  }

  /** It should have ended by now. */
  noteLate(limitMs: number): void {
    const { totalCount, idleCount, waitingCount } = this.pool
    const counts = `${totalCount} clients, ${idleCount} idle, ${waitingCount} waiting`
    this.note(`has not ended within ${limitMs} ms: ${counts}, waits for ${[...this.#unanswered].join(', ')}`, this.deed)
  }

  judgeError(error: unknown, mayHear: readonly RegExp[], what: unknown): void {
    this.books.told(error)
    this.note(judgeError(error, mayHear, this.name), what)
  }

  /** A breach, unless it is none. */
  note(wrong: string | undefined, what: unknown): void {
    if (wrong === undefined) return
    this.books.breach(wrong, `${this.name} ${this.#describe(what)}: `)
  }

  #describe(what: unknown): string {
    const { text } = this.wants
    return `of ${JSON.stringify(this.kind)} (${this.deed}; ${text}) ${JSON.stringify(what)}`
  }

  #pose(on: Queryable, question: Question): Promise<unknown> {
    const query = on.query.bind(on) as (query: unknown, values?: unknown, callback?: Callback) => Promise<unknown>
    if (this.random.chance(0.7)) return query(question.query, question.values)
    let answers = 0
    return new Promise((resolve, reject) => {
      void query(question.query, question.values, (error, result) => {
        if (++answers > 1) this.note('was answered twice', question.query)
        if (error) reject(error)
        else resolve(result)
      })
    })
  }

  #answered({ entry }: Question, standing: Standing): void {
    this.books.answered++
    if (entry === undefined) return
    if (standing.transaction === '') this.books.ledger.end([entry], 'kept')
    else standing.entries.push(entry)
  }

  /** Who hears nothing of PostgreSQL can't know; but nothing is ever run behind a set-up that fails. */
  #failed({ entry, fails, isLocal }: Question, standing: Standing, error: unknown): void {
    if (isLocal) return
    standing.hasFailed = standing !== outside
    if (entry === undefined || this.wants.failure || fails) return
    if (standing.transaction === '' && !isAnswer(error)) this.books.ledger.end([entry], 'unknown')
  }
}
