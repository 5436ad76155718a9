/** A database of its own in a test's PostgreSQL. */

import { Client } from 'pg'
import type { TestPostgres } from './postgres.ts'

/** `sql`: what it is to have. */
export async function makeDatabase(postgres: TestPostgres, name: string, sql: string): Promise<void> {
  await run(postgres, 'postgres', `create database "${name}"`)
  await run(postgres, name, sql)
}

async function run({ port }: TestPostgres, database: string, sql: string): Promise<void> {
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database })
  await client.connect()
  await client.query(sql)
  await client.end()
}
