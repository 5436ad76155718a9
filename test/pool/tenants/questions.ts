/** Statements that have PostgreSQL repeat a token, and with it what the session is at that moment; in all the ways pg has. */

import type { Random } from '../../../src/random.ts'

export interface Question {
  /** As `query` takes it. */
  readonly query: string | QueryConfig
  readonly values?: readonly unknown[]
  /** The tokens of all rows, of all results. */
  readonly tokens: readonly string[]
  /** Sent as a Query: PostgreSQL begins its transaction, if none is open, with it. */
  readonly isSimple: boolean
  /** How it fails, if it must. */
  readonly fails?: RegExp
  /** It never reaches PostgreSQL. */
  readonly isLocal?: boolean
  /** What it writes into the table of entries. */
  readonly entry?: string
  /** How its caller's own limit ends it. */
  readonly limit?: RegExp
}

interface QueryConfig {
  readonly text: string
  readonly values?: unknown
  readonly name?: string
  readonly signal?: AbortSignal
  readonly deadlineMillis?: number
  readonly query_timeout?: number
}

const manyRows = 15

/** Reads only. */
export function drawQuestion(random: Random, token: string): Question {
  return random.chance(0.12) ? drawFailing(random, token) : drawAnswered(random, token)
}

function drawAnswered(random: Random, token: string): Question {
  const second = `${token}b-`
  const plain = { query: `select seen('${token}') as seen`, tokens: [token], isSimple: true }
  const prepared = { values: [token], tokens: [token], isSimple: false }
  const seconds = random.integer(1, 15) / 1_000
  return random.pick<Question>([
    plain,
    plain,
    { query: 'select seen($1) as seen', ...prepared },
    { query: 'select seen($1) as seen', ...prepared },
    { query: { name: 'seen', text: 'select seen($1) as seen', values: [token] }, tokens: [token], isSimple: false },
    { query: { name: 'again', text: 'select seen($1::text) seen', values: [token] }, tokens: [token], isSimple: false },
    { ...plain, query: `${plain.query} from pg_sleep(${seconds})` },
    { query: `select seen($1) as seen from pg_sleep(${seconds})`, ...prepared },
    { ...plain, query: `${plain.query}; select seen('${second}') as seen`, tokens: [token, second] },
    {
      ...plain,
      query: `select seen('${token}') as seen, n from generate_series(1, ${manyRows}) n`,
      tokens: Array.from({ length: manyRows }, () => token),
    },
    { ...plain, query: '', tokens: [] },
  ])
}

function drawFailing(random: Random, token: string): Question {
  // Twice at once in a pipeline, pg takes it for prepared the second time.
  const unprepared = / (42P01|26000) /
  const simple = { tokens: [], isSimple: true }
  const prepared = { tokens: [], isSimple: false }
  return random.pick<Question>([
    { query: `select '${token}'::int`, ...simple, fails: / 22P02 / },
    { query: 'select $1::int', values: [token], ...prepared, fails: / 22P02 / },
    { query: `selec '${token}'`, ...simple, fails: / 42601 / },
    { query: `select 1/(3 - n) from generate_series(1, 5) n`, ...simple, fails: / 22012 / },
    { query: { name: 'divided', text: 'select 1/$1::int', values: [0] }, ...prepared, fails: / 22012 / },
    {
      query: { name: 'nowhere', text: 'select $1::text from nowhere', values: [token] },
      ...prepared,
      fails: unprepared,
    },
    { query: { text: 'select $1', values: token }, ...prepared, fails: /must be an array/, isLocal: true },
  ])
}

/** Writes an entry named as the token. */
export function drawWriting(random: Random, token: string): Question {
  const entry = { entry: token, tokens: [token] }
  const insert = `insert into entry (id) values ('${token}') returning seen('${token}') as seen`
  const slow = `insert into entry (id) select '${token}' from pg_sleep(${random.integer(1, 15) / 1_000}) returning seen('${token}') as seen`
  const prepared = 'insert into entry (id) values ($1) returning seen($1) as seen'
  return random.pick<Question>([
    { query: insert, isSimple: true, ...entry },
    { query: slow, isSimple: true, ...entry },
    { query: prepared, values: [token], isSimple: false, ...entry },
    { query: { name: 'written', text: prepared, values: [token] }, isSimple: false, ...entry },
    { query: `${insert}; select 1/0`, isSimple: true, entry: token, tokens: [], fails: / 22012 / },
  ])
}

/** The same, ended by a limit of its caller's own: perhaps before it begins, perhaps never. */
export function limited(random: Random, question: Question, token: string): Question {
  const { query, values } = question
  const config = typeof query === 'string' ? { text: query, ...(values && { values }) } : query
  const millis = random.integer(0, 20)
  // Without a text pg would say that there is none.
  if (config.text === '') return question
  return {
    ...question,
    values: undefined as never,
    ...random.pick<{ query: QueryConfig; limit: RegExp }>([
      { query: { ...config, signal: abortedAfter(millis, token) }, limit: enough(token) },
      { query: { ...config, deadlineMillis: millis }, limit: /^TimeoutError / },
      { query: { ...config, query_timeout: Math.max(1, millis) }, limit: /Query read timeout/ },
    ]),
  }
}

/** With a reason that names who has had enough. */
export function abortedAfter(millis: number, token: string): AbortSignal {
  const controller = new AbortController()
  const abort = (): void => controller.abort(new Error(`${token} has had enough`))
  if (millis === 0) abort()
  else setTimeout(abort, millis)
  return controller.signal
}

export function enough(token: string): RegExp {
  return new RegExp(`${token} has had enough`)
}
