/** What the canary needs on PostgreSQL: two users, two databases, a table in each. Through `pg`, straight to PostgreSQL. */

import { Client } from 'pg'
import type { Identity } from './client.ts'
import type { Target } from './connection.ts'
import { canaryRole, databaseDefaults } from './settings.ts'

export const canaryDatabases = ['canary_1', 'canary_2'] as const
export const canaryUsers = ['canary_a', 'canary_b'] as const
export const canaryIdentities: readonly Identity[] = canaryDatabases.flatMap((database) =>
  canaryUsers.map((user) => ({ user, database })),
)

/** A superuser's connection, closed when `work` is done. */
export async function withAdmin<T>(target: Target, database: string, work: (admin: Client) => Promise<T>): Promise<T> {
  const admin = new Client({ ...target, database, user: 'postgres' })
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.end()
  }
}

/** Creates everything anew. */
export async function createCanaryDatabases(target: Target): Promise<void> {
  await withAdmin(target, 'postgres', async (admin) => {
    for (const database of canaryDatabases) await admin.query(`drop database if exists ${database} with (force)`)
    for (const role of [canaryRole, ...canaryUsers]) await admin.query(`drop role if exists ${role}`)
    for (const user of canaryUsers) await admin.query(`create role ${user} login`)
    await admin.query(`create role ${canaryRole} role ${canaryUsers.join(', ')}`)
    for (const database of canaryDatabases) {
      await admin.query(`create database ${database}`)
      for (const [name, value] of databaseDefaults)
        await admin.query(`alter database ${database} set ${name} = '${value}'`)
    }
  })
  for (const database of canaryDatabases) {
    await withAdmin(target, database, async (admin) => {
      await admin.query('create unlogged table public.ledger (token text not null)')
      await admin.query(`grant select, insert on public.ledger to ${[canaryRole, ...canaryUsers].join(', ')}`)
    })
  }
}

/** The oids of the functions that the canary calls by FunctionCall. */
export function readFunctions(target: Target): Promise<{ textcat: number; int4pl: number }> {
  return withAdmin(target, 'postgres', async (admin) => {
    const text = `select 'textcat(text,text)'::regprocedure::oid::int4 as textcat, 'int4pl(int4,int4)'::regprocedure::oid::int4 as int4pl`
    const { rows } = await admin.query<{ textcat: number; int4pl: number }>(text)
    return rows[0] as { textcat: number; int4pl: number }
  })
}

export function readLedger(target: Target, database: string): Promise<string[]> {
  return withAdmin(target, database, async (admin) => {
    const { rows } = await admin.query<{ token: string }>('select token from public.ledger')
    return rows.map(({ token }) => token)
  })
}
