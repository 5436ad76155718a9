/**
 * `npm run reliability [-- --rows 2,5-8] [--seed N]`: the reliability scoreboard, Taxirank beside PgBouncer, one fault
 * after the other. A whole run writes `docs/reports/reliability.md`; of some rows only, the report is printed. Exit code
 * 1 after a breach of Taxirank's (a reply that was another's, missing or doubled) or a secret that it told, 2 for wrong options: what else does
 * not hold is reported.
 */

import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine, describeTaxirank, projectRoot } from '../../bench/machine.ts'
import { orderOf, type Side } from '../../bench/measure.ts'
import { Processes } from '../../bench/processes.ts'
import { SecretSearch } from '../support/secret-search.ts'
import { findProgram } from '../support/tools.ts'
import { renderReport, shown, verdict, type Result } from './report.ts'
import type { Finding, Row } from './row.ts'
import { rows as allRows } from './rows.ts'
import { runRow } from './run-row.ts'

const usage = 'usage: npm run reliability [-- --rows 2,5-8] [--seed N]'

interface Options {
  readonly rows: readonly Row[]
  readonly isWhole: boolean
  readonly seed: number
}

function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ args: [...args], options: { rows: text, seed: text } })
  const seed = Number(values.seed ?? randomInt(1, 1e9))
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error(`--seed must be a whole number, got ${values.seed}`)
  const wanted = values.rows === undefined ? undefined : numbers(values.rows)
  const rows = allRows.filter(({ number }) => wanted?.has(number) ?? true)
  return { rows, isWhole: wanted === undefined, seed }
}

function numbers(text: string): Set<number> {
  const known = new Set(allRows.map(({ number }) => number))
  const wanted = text.split(',').flatMap((part) => {
    const [from = NaN, to = from] = part.split('-').map(Number)
    return [...known].filter((number) => number >= from && number <= to)
  })
  if (wanted.length === 0) throw new Error(`--rows must name some of ${[...known].join(', ')}, got ${text}`)
  return new Set(wanted)
}

async function measure({ rows, seed }: Options, processes: Processes, secrets: SecretSearch): Promise<Result[]> {
  const results: Result[] = []
  for (const [index, row] of rows.entries()) {
    const order = orderOf(index, 'pgbouncer')
    const startMs = performance.now()
    const findings: Partial<Record<Side, Finding>> = {}
    for (const side of order) {
      findings[side] = await runRow(row, side, processes, seed + row.number, secrets)
      print(row, side, findings[side])
    }
    const seconds = (performance.now() - startMs) / 1000
    results.push({ row, first: order[0], findings: findings as Record<Side, Finding>, seconds })
    console.log(`row ${row.number} took ${seconds.toFixed(0)} s`)
  }
  return results
}

function print(row: Row, side: Side, finding: Finding): void {
  const figures = finding.figures.map((figure) => `${figure.name} ${shown(figure)}`).join(', ')
  console.log(`${row.number} ${row.name}, ${side}: ${verdict(finding)}; ${figures}`)
  for (const line of [...finding.broken, ...finding.breaches.slice(0, 5)]) console.log(`    ${line}`)
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
  const processes = new Processes()
  const secrets = new SecretSearch()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  try {
    const machine = describeMachine()
    const startMs = performance.now()
    const results = await measure(options, processes, secrets)
    for (const sentence of secrets.found) console.log(sentence)
    console.log(secrets.summary)
    const report = renderReport(results, {
      date: new Date().toISOString().slice(0, 10),
      command: ['npm run reliability', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
      machine,
      versions: `${await describeTaxirank(processes)}; ${await pgBouncerVersion(processes)}; PostgreSQL 18 (embedded)`,
      secrets: secrets.summary,
      seed: options.seed,
      minutes: (performance.now() - startMs) / 60_000,
    })
    if (options.isWhole) writeFileSync(join(projectRoot, 'docs/reports/reliability.md'), `${report.trimEnd()}\n`)
    else console.log(report)
    const isWell = results.every(({ findings }) => findings.taxirank.breaches.length === 0)
    return isWell && secrets.found.length === 0 ? 0 : 1
  } finally {
    await processes.stopAll()
  }
}

async function pgBouncerVersion(processes: Processes): Promise<string> {
  const program = findProgram('pgbouncer')
  if (program === undefined)
    throw new Error('pgbouncer is not installed: install it, or set PGBOUNCER=/path/to/pgbouncer')
  const { stdout } = await processes.run('pgbouncer', program, ['--version'], 10_000)
  return stdout.split('\n', 1)[0] ?? ''
}

process.exit(await main(process.argv.slice(2)))
