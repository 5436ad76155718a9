/**
 * Transactions that have something to contend for, as applications have: most read a thousand rows, the others read as many and
 * change one of a few rows that all want, in two messages, so that the row stays locked while the client is asked to go on.
 */

import type { PoolClient } from 'pg'
import type { Pool } from '../../../pg/public-types.ts'
import { Random } from '../../../random.ts'
import { schema, type Work } from '../../work.ts'

export const readRows = 1_000
export const changingShare = 0.3
export const wantedRows = 4

export class ContendedTransactions {
  readonly #accounts: number
  readonly #random: Random

  constructor({ accounts }: Work, seed: number) {
    this.#accounts = accounts
    this.#random = new Random(seed)
  }

  async run(pool: Pool): Promise<void> {
    if (this.#random.fraction() >= changingShare) await pool.query(this.#read(readRows))
    else await this.#change(pool)
  }

  /** Both kinds on a connection that is new: its backend then has read what it must know of the tables. */
  async warm(client: Pick<PoolClient, 'query'>): Promise<void> {
    await client.query(this.#read(readRows))
    await this.#changeOn(client)
  }

  async #change(pool: Pool): Promise<void> {
    const client = await pool.connect()
    try {
      await this.#changeOn(client)
      client.release()
    } catch (error) {
      // Whatever it was, a transaction may be open.
      client.release(true)
      throw error
    }
  }

  /** Not waiting for the disk, which would be measured in the place of cores and locks. */
  async #changeOn(client: Pick<PoolClient, 'query'>): Promise<void> {
    const account = this.#below(wantedRows)
    await client.query(
      `begin; set local synchronous_commit = off; ${this.#read(readRows / 2)};
      update ${schema}.accounts set balance = balance + 1 where id = ${account}`,
    )
    await client.query(`${this.#read(readRows / 2)}; commit`)
  }

  #read(rows: number): string {
    const first = this.#below(this.#accounts - rows)
    return `select sum(balance), sum(length(filler)) from ${schema}.accounts where id between ${first} and ${first + rows - 1}`
  }

  /** From 1 on. */
  #below(count: number): number {
    return 1 + Math.floor(this.#random.fraction() * count)
  }
}
