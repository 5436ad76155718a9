/**
 * Clients that each have values of their own for what a pooler must carry from client to server: the five parameters that
 * every PgBouncer tracks. Each transaction is one statement of pgbench's select-only.
 */

import { LoadClient } from './client.ts'
import type { LoadFigures, Place } from './order.ts'

export const parameterClients = 32
/** Rows of pgbench_accounts at the benchmark's scale. */
const accounts = 5_000_000
/** Asked by every client at once, before and after the timing: servers change hands meanwhile. */
const checks = 20

const encodings = [
  'UTF8 BIG5 GBK UHC EUC_CN EUC_JIS_2004 EUC_JP EUC_KR EUC_TW KOI8R KOI8U WIN866 WIN874'.split(' '),
  Array.from({ length: 9 }, (_, index) => `WIN125${index}`),
  Array.from({ length: 10 }, (_, index) => `LATIN${index + 1}`),
].flat()
const dateFormats = ['ISO', 'SQL', 'Postgres', 'German'].flatMap((style) => [
  `${style}, MDY`,
  `${style}, DMY`,
  `${style}, YMD`,
])

/** As PostgreSQL itself writes the values. The first three differ for all clients, the others for most neighbours. */
export function parametersOf(client: number): Readonly<Record<string, string>> {
  return {
    application_name: `client ${client}`,
    TimeZone: `UTC+${client}`,
    client_encoding: encodings[client % encodings.length] as string,
    DateStyle: dateFormats[client % dateFormats.length] as string,
    standard_conforming_strings: client % 2 === 0 ? 'on' : 'off',
  }
}

/** Transactions per second of all of them, after each has found its own values wherever it came. */
export async function parameters({ port }: Place, seconds: number): Promise<LoadFigures> {
  const numbers = Array.from({ length: parameterClients }, (_, number) => number)
  const clients = await Promise.all(numbers.map((number) => LoadClient.login(port, parametersOf(number))))
  const everybody = <T>(act: (client: LoadClient, number: number) => Promise<T>) => Promise.all(clients.map(act))
  await everybody((client, number) => check(client, parametersOf(number)))
  const begunMs = performance.now()
  const counts = await everybody((client) => keepAsking(client, begunMs + seconds * 1000))
  const elapsedSeconds = (performance.now() - begunMs) / 1000
  await everybody((client, number) => check(client, parametersOf(number)))
  for (const client of clients) client.destroy()
  const transactions = counts.reduce((sum, count) => sum + count, 0)
  return { transactions, tps: transactions / elapsedSeconds }
}

/** Rejects, with the value that it found, when a parameter is not what its client has. */
export async function check(client: LoadClient, values: Readonly<Record<string, string>>): Promise<void> {
  const sql = checkFor(values)
  for (let time = 0; time < checks; time++) await must(client, sql)
}

/** Finds no row when all is well; else fails, since a name and a value are no number: that is its way to tell them. */
function checkFor(values: Readonly<Record<string, string>>): string {
  const wanted = Object.entries(values).map(([name, value]) => `('${name}', '${value}')`)
  return `select ('not its own: ' || name || ' = ' || current_setting(name))::int
    from (values ${wanted.join(', ')}) as wanted (name, value) where current_setting(name) <> value`
}

async function keepAsking(client: LoadClient, deadlineMs: number): Promise<number> {
  let count = 0
  for (; performance.now() < deadlineMs; count++) {
    await must(client, `SELECT abalance FROM pgbench_accounts WHERE aid = ${1 + Math.floor(Math.random() * accounts)}`)
  }
  return count
}

async function must(client: LoadClient, sql: string): Promise<void> {
  const { error } = await client.query(sql)
  if (error !== undefined) throw new Error(error)
}
