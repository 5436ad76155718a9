/**
 * `bun test/floods/bystanders.ts PORT USER PASSWORD`: who is there while a pooler is flooded, in a process of its own so that
 * the flood's own work does not show in the figures. Ten clients that are logged in ask every 20 ms; and every 200 ms somebody
 * logs in, asks, and leaves. Told `mark`, it sends what has happened since the last one.
 */

import { Client } from 'pg'

export interface Figures {
  readonly queries: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly longestMs: number
  /** Of those who were logged in. */
  readonly lost: number
  readonly logins: number
  readonly loginP50Ms: number
  readonly longestLoginMs: number
  readonly refusedLogins: number
  /** One of the reasons. */
  readonly refusal: string
  /** What anybody was told who was lost or refused. */
  readonly errors: readonly string[]
}

const [clients, pauseMs, loginPauseMs, loginLimitMs] = [10, 20, 200, 30_000]
const [, , port, user, password] = process.argv
const options = { host: '127.0.0.1', port: Number(port), user, password, database: 'postgres' }
let queries: number[] = []
let logins: number[] = []
let refusals: string[] = []
let errors: string[] = []
let lost = 0

async function stay(): Promise<void> {
  const client = new Client(options)
  client.on('error', () => undefined)
  await client.connect()
  void ask(client)
}

async function ask(client: Client): Promise<void> {
  for (;;) {
    const startMs = performance.now()
    try {
      await client.query('select 1')
    } catch (error) {
      lost++
      errors.push(textOf(error))
      return
    }
    queries.push(performance.now() - startMs)
    await Bun.sleep(pauseMs)
  }
}

async function keepLoggingIn(): Promise<void> {
  for (;;) {
    const client = new Client({ ...options, connectionTimeoutMillis: loginLimitMs })
    client.on('error', () => undefined)
    const startMs = performance.now()
    try {
      await client.connect()
      await client.query('select 1')
      logins.push(performance.now() - startMs)
    } catch (error) {
      refusals.push(error instanceof Error ? error.message : String(error))
      errors.push(textOf(error))
    }
    await client.end().catch(() => undefined)
    await Bun.sleep(loginPauseMs)
  }
}

/** With all its fields. */
function textOf(error: unknown): string {
  return JSON.stringify(error, Object.getOwnPropertyNames(error))
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

process.on('message', () => {
  const figures: Figures = {
    queries: queries.length,
    p50Ms: quantile(queries, 0.5),
    p99Ms: quantile(queries, 0.99),
    longestMs: quantile(queries, 1),
    lost,
    logins: logins.length,
    loginP50Ms: quantile(logins, 0.5),
    longestLoginMs: quantile(logins, 1),
    refusedLogins: refusals.length,
    refusal: refusals[0] ?? '',
    errors,
  }
  queries = []
  logins = []
  refusals = []
  errors = []
  process.send?.(figures)
})
process.on('disconnect', () => process.exit(0))
await Promise.all(Array.from({ length: clients }, stay))
void keepLoggingIn()
process.send?.('ready')
