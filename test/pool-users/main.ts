/**
 * `npm run pool-users [-- --only Drizzle,Prisma] [--ways Node,Bun,"pg-pool on Node"]`: libraries that stand on pg's pool,
 * with ours in its place by npm's overrides, each with the same 20 steps. A whole run writes `docs/reports/pool-users.md`;
 * otherwise the report is printed. Exit code 1 when something fails with our pool, 2 for wrong options.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Guard } from '../../bench/guard.ts'
import { describeMachine, describeTaxirank, projectRoot } from '../../bench/machine.ts'
import { Processes } from '../../bench/processes.ts'
import type { Outcome } from '../drivers/run-driver.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { prepare } from './install.ts'
import { failures, renderReport, type Tried } from './report.ts'
import { tryUser } from './try-user.ts'
import { nodeVersion, type User, users as allUsers, versionOf, type Way, ways as allWays } from './users.ts'

const usage = 'usage: npm run pool-users [-- --only Drizzle,Prisma] [--ways Node,Bun,"pg-pool on Node"]'

interface Options {
  readonly users: readonly User[]
  readonly ways: readonly Way[]
  readonly isWhole: boolean
}

function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ args: [...args], options: { only: text, ways: text } })
  return {
    users: chosen('--only', values.only, allUsers, ({ name }) => name),
    ways: chosen('--ways', values.ways, allWays, (way) => way),
    isWhole: values.only === undefined && values.ways === undefined,
  }
}

function chosen<T>(option: string, list: string | undefined, all: readonly T[], nameOf: (one: T) => string): T[] {
  const names = all.map(nameOf)
  const wanted = list?.split(',') ?? names
  const unknown = wanted.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Error(`${option} must name some of ${names.join(', ')}, got ${unknown}`)
  return all.filter((one) => wanted.includes(nameOf(one)))
}

async function tryAll({ users, ways }: Options, postgres: TestPostgres, guard: Guard): Promise<Tried[]> {
  const tried: Tried[] = []
  for (const user of users) {
    const outcomes = new Map<Way, Outcome[]>()
    for (const way of ways.filter((one) => user.ways.includes(one))) {
      const answers = await tryUser(user, way, postgres, guard)
      outcomes.set(way, answers)
      const failed = answers.filter(({ result }) => result === 'failed').length
      console.log(`${user.name}, ${way}: ${failed === 0 ? 'all steps hold' : `${failed} steps fail`}`)
    }
    tried.push({ name: user.name, version: versionOf(user.packageName), outcomes })
  }
  return tried
}

async function main(args: readonly string[]): Promise<number> {
  let options: Options
  try {
    options = readOptions(args)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    console.error(usage)
    return 2
  }
  await prepare()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const machine = describeMachine()
  const startMs = performance.now()
  const guard = new Guard()
  const postgres = await startTestPostgres({ max_connections: '200' })
  try {
    const tried = await tryAll(options, postgres, guard)
    const taxirank = await describeTaxirank(new Processes())
    const peers = `pg ${versionOf('pg')}, pg-pool ${versionOf('pgs-own-pool')}, Node ${nodeVersion()}`
    const about = {
      date: new Date().toISOString().slice(0, 10),
      command: ['npm run pool-users', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
      machine,
      versions: `${taxirank}; ${peers}; PostgreSQL ${postgres.postgres.version} (embedded)`,
      minutes: (performance.now() - startMs) / 60_000,
    }
    const report = `${renderReport(tried, about).trimEnd()}\n`
    if (options.isWhole) writeFileSync(join(projectRoot, 'docs/reports/pool-users.md'), report)
    else console.log(report)
    const wrong = failures(tried)
    for (const line of wrong) console.log(`fails with our pool: ${line}`)
    return wrong.length === 0 ? 0 : 1
  } finally {
    await postgres.remove()
    await guard.close()
  }
}

process.exit(await main(process.argv.slice(2)))
