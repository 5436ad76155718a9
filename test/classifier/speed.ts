/** What a look at a text costs. */

import { measure } from 'mitata'
import { Classifier } from '../../src/sql/classifier.ts'

export interface Speed {
  readonly what: string
  readonly bytes: number
  readonly medianNs: number
}

const ormColumns = Array.from({ length: 44 }, (_, n) => `"orders"."column_${n}" AS "orders__column_${n}"`)
const texts: Readonly<Record<string, string>> = {
  "pgbench's select": 'SELECT abalance FROM pgbench_accounts WHERE aid = 1234567;',
  "pgbench's update": 'UPDATE pgbench_accounts SET abalance = abalance + -1234 WHERE aid = 1234567;',
  "an ORM's select": `SELECT ${ormColumns.join(', ')} FROM "orders" LEFT JOIN "users" ON "users"."id" = "orders"."user_id" WHERE "orders"."id" = $1 LIMIT 1`,
  'SET, known from before': "SET work_mem = '5MB'",
}

export async function speeds(): Promise<Speed[]> {
  const results: Speed[] = []
  for (const [what, text] of Object.entries(texts)) {
    const message = Buffer.from(`Q....${text}\0`)
    const classifier = new Classifier()
    const { p50 } = await measure(() => classifier.classify(message, 5, message.length - 1))
    results.push({ what, bytes: text.length, medianNs: p50 })
  }
  return results
}
