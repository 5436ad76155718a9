/** What a client of a conversation says, step by step. */

import * as raw from './raw-messages.ts'

/** What is sent at once, and the type of message that ends the wait for its answers, counted; `end`: that of the connection. */
export type Step = readonly [bytes: Buffer, until?: string, count?: number]

export function q(sql: string): Step {
  return [raw.query(sql)]
}

/** A whole group: the unnamed statement, its values in text form, Sync. */
export function x(sql: string, ...values: (string | null)[]): Buffer {
  return raw.all(raw.statement(sql, values), raw.sync)
}
