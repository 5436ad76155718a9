/**
 * Others of the same pool, who use the server whenever it is free, in turn: one with the same names of statements, other texts behind them, another
 * unnamed statement, and other parameters; and one with the parameters that conversations begin with, who shares a statement with them of which what
 * it gives depends on parameters, and has no unnamed one. Each answer must be their own every time.
 */

import assert from 'node:assert/strict'
import { RawClient } from '../support/raw-client.ts'
import * as raw from '../support/raw-messages.ts'

/** Its literals are read at Parse, and what is constant is reckoned when it is planned, under what is set by then. */
export const dated = `select extract(epoch from '2026-01-02'::timestamptz)::int8, extract(day from '01/02/03'::date),
  '\\x41'::bytea::text, pi()::text, quote_ident('abc')`

const parameters = { application_name: 'neighbour', options: '-c work_mem=7MB -c TimeZone=America/New_York' }
/** The names that conversations use, too. */
const names = ['s', 't', 'a'] as const
const text = `select $1::text, current_setting('work_mem'), current_setting('TimeZone'), current_user, current_setting('role'),
  coalesce(current_setting('app.tenant', true), ''), (select count(*) from pg_cursors where is_holdable),
  place(), (select count(*) from pg_listening_channels()), (select count(*) from pg_prepared_statements where from_sql),
  (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()), to_regclass('pg_temp.scratch')`

export class Neighbour {
  readonly #client: RawClient
  readonly #twin: RawClient
  /** What the twin must be told of its dates. */
  readonly #dates: string
  #asked: Promise<void> | undefined
  #failure: unknown
  #token = 0
  /** How often it was answered. */
  answers = 0

  private constructor(client: RawClient, twin: RawClient, dates: string) {
    this.#client = client
    this.#twin = twin
    this.#dates = dates
  }

  static async login(port: number, database: string): Promise<Neighbour> {
    const client = await RawClient.login(port, { ...parameters, database })
    await client.ask(...names.map((name, index) => raw.parse(`${text}, ${index}`, name)), raw.sync)
    const twin = await RawClient.login(port, { database })
    await twin.ask(raw.parse(dated, 'd'), raw.sync)
    const dates = (await twin.query(dated)).find((line) => line.startsWith('D')) ?? ''
    return new Neighbour(client, twin, dates)
  }

  /** Asks for the server, if it isn't waiting for one. */
  ask(): void {
    this.#asked ??= (this.answers % 2 === 0 ? this.#ask() : this.#askTwin())
      .catch((error: unknown) => void (this.#failure ??= error))
      .finally(() => (this.#asked = undefined))
  }

  /** When it has its answer; at the latest after `limitMs`, if there is a limit. */
  async answered(limitMs?: number): Promise<void> {
    if (this.#asked && limitMs !== undefined) await Promise.race([this.#asked, Bun.sleep(limitMs)])
    else await this.#asked
    if (this.#failure) throw this.#failure as Error
  }

  leave(): void {
    this.#client.leave()
    this.#twin.leave()
  }

  async #ask(): Promise<void> {
    const which = ++this.#token % names.length
    const token = `neighbour ${this.#token}`
    const own = raw.statement(`select '${token}'`)
    const seen = await this.#client.ask(raw.bind([token], names[which]), raw.execute(), own, raw.sync)
    const expected = `D ${token}|7MB|America/New_York|postgres|none||0|public|0|0|0|null|${which}`
    assert.deepEqual(seen, ['2', expected, 'C SELECT 1', '1', '2', `D ${token}`, 'C SELECT 1', 'Z I'])
    this.answers++
  }

  async #askTwin(): Promise<void> {
    const none = await this.#twin.ask(raw.bind(), raw.execute(), raw.sync)
    assert.deepEqual(none, ['E ERROR 26000: unnamed prepared statement does not exist', 'Z I'])
    const seen = await this.#twin.ask(raw.bind([], 'd'), raw.execute(), raw.sync)
    assert.deepEqual(seen, ['2', this.#dates, 'C SELECT 1', 'Z I'])
    this.answers++
  }
}
