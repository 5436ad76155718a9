/** What experiments ask of the database: tables in a schema of the lab's own, and statements that take a known time. */

import { createHash } from 'node:crypto'
import type { Client } from 'pg'

/** As the driver takes it. */
export interface Statement {
  readonly text: string
  readonly values: readonly (string | number)[]
}

export const schema = 'taxirank_lab'

const links = 10_000
const calibrationRows = 20_000
const calibrationRuns = 30

export class Work {
  /** In `accounts`, numbered from 1. */
  readonly accounts: number
  /** In `links`, numbered from 1. */
  readonly links = links
  readonly #rowsPerMs: number

  private constructor(accounts: number, rowsPerMs: number) {
    this.accounts = accounts
    this.#rowsPerMs = rowsPerMs
  }

  /** Fills the schema, which is there and empty, and measures how fast the database counts. */
  static async create(control: Client, isQuick: boolean): Promise<Work> {
    const accounts = isQuick ? 20_000 : 100_000
    for (const statement of filling(accounts)) await control.query(statement)
    return new Work(accounts, await countsPerMs(control))
  }

  /** One row by its key: what the database is asked most. A fraction of a millisecond. */
  lookup(id: number): Statement {
    return { text: `select balance from ${schema}.accounts where id = $1`, values: [id] }
  }

  /** What a short link leads to. */
  url(code: string): Statement {
    return { text: `select url from ${schema}.links where code = $1`, values: [code] }
  }

  /** Of the link with this number: what is asked for, and what must be answered. */
  link(id: number): { readonly code: string; readonly url: string } {
    return { code: `c${id}`, url: `https://example.com/${createHash('md5').update(String(id)).digest('hex')}` }
  }

  /** Keeps one core busy for about so long, if it has it alone. */
  busy(ms: number): Statement {
    return {
      text: 'select count(*) from generate_series(1, $1::int)',
      values: [Math.max(1, Math.round(ms * this.#rowsPerMs))],
    }
  }

  /** Holds its connection so long and uses no core: as a statement does that waits for a lock, a disk, another service. */
  holding(ms: number): Statement {
    return { text: 'select pg_sleep($1::float8 / 1000)', values: [ms] }
  }

  /** Joins and sorts all accounts: memory is asked for, and given back. */
  join(): Statement {
    return {
      text: `select count(*), max(a.filler) from ${schema}.accounts a join ${schema}.accounts b on b.balance + b.id = a.balance + a.id
        where a.id % $1 = 0`,
      values: [1],
    }
  }
}

function filling(accounts: number): string[] {
  return [
    `create table ${schema}.accounts (id integer primary key, balance bigint not null, filler text not null)`,
    `insert into ${schema}.accounts select n, 1000, repeat('x', 80) from generate_series(1, ${accounts}) n`,
    `create table ${schema}.links (code text primary key, url text not null, hits integer not null default 0)`,
    `insert into ${schema}.links select 'c' || n, 'https://example.com/' || md5(n::text) from generate_series(1, ${links}) n`,
    `vacuum analyze ${schema}.accounts`,
    `vacuum analyze ${schema}.links`,
  ]
}

/** Less the way there and back. */
async function countsPerMs(control: Client): Promise<number> {
  const counting = await quickestMs(control, 'select count(*) from generate_series(1, $1::int)', [calibrationRows])
  const nothing = await quickestMs(control, 'select $1::int', [1])
  return calibrationRows / Math.max(0.05, counting - nothing)
}

async function quickestMs(control: Client, text: string, values: number[]): Promise<number> {
  const times: number[] = []
  for (let run = 0; run < calibrationRuns; run++) {
    const atMs = performance.now()
    await control.query(text, values)
    times.push(performance.now() - atMs)
  }
  // The quickest: in the others something else had the core.
  return Math.min(...times)
}
