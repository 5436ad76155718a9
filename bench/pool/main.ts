/**
 * `npm run bench:pool -- [--rounds N] [--only ROW,…]`: Taxirank's pools beside pg-pool, tarn and generic-pool, in one run, on
 * Node and on Bun, with a stub and with a real PostgreSQL. A whole run writes docs/reports/pool.md and .json; a smaller one
 * is printed. Exit code 0 only if every must is reached.
 */

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../../src/embedded/postgres.ts'
import { TaxirankError } from '../../src/errors.ts'
import { describeMachine, describeTaxirank, projectRoot } from '../machine.ts'
import { Processes } from '../processes.ts'
import { findings } from './judge.ts'
import { measureRows } from './measure-rows.ts'
import { isWhole, parsePoolOptions, type PoolBenchOptions } from './pool-options.ts'
import { type PoolResults, renderPoolReport } from './pool-report.ts'

const bundleLimitMs = 60_000
const settings = { fsync: 'off', synchronous_commit: 'off', autovacuum: 'off' }

process.exitCode = await main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<number> {
  const processes = new Processes()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void processes.stopAll())
  try {
    const options = parsePoolOptions(argv)
    const command = ['npm run bench:pool', ...(argv.length === 0 ? [] : ['--', ...argv])].join(' ')
    const results = await run(processes, options, command)
    publish(options, results)
    return findings(results.measured).some(({ verdict }) => verdict === 'MISSED') ? 1 : 0
  } catch (error) {
    if (processes.stopping.aborted) return 130
    if (!(error instanceof TaxirankError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 2
  } finally {
    await processes.stopAll()
  }
}

/** What it started is stopped and removed when it returns or rejects. */
async function run(processes: Processes, { rows, rounds }: PoolBenchOptions, command: string): Promise<PoolResults> {
  const date = new Date().toISOString().slice(0, 10)
  const machine = describeMachine()
  const dir = mkdtempSync(join(tmpdir(), 'taxirank-pool-'))
  chmodSync(dir, 0o711) // as root, PostgreSQL runs as another OS user, who must get in
  try {
    const bundle = await bundleProbe(processes, dir)
    const postgres = await startPostgres({ dataDir: join(dir, 'data'), settings, signal: processes.stopping })
    try {
      const versions = await describeVersions(processes, postgres.version)
      const progress = (line: string): void => void process.stderr.write(`${line}\n`)
      const place = { processes, bundle, port: postgres.port, progress }
      return { date, command, machine, versions, rounds, measured: await measureRows(place, rows, rounds) }
    } finally {
      await postgres.stop('immediate')
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Taxirank and its peers alike. pg's native client is none of this. */
async function bundleProbe(processes: Processes, dir: string): Promise<string> {
  const bundle = join(dir, 'probe.mjs')
  const probe = join(import.meta.dirname, 'probe.ts')
  const args = ['build', probe, '--target=node', '--external=pg-native', `--outfile=${bundle}`]
  await processes.run('the bundler', process.execPath, args, bundleLimitMs)
  return bundle
}

async function describeVersions(processes: Processes, postgres: string): Promise<string> {
  const { stdout } = await processes.run('node', 'node', ['--version'], bundleLimitMs)
  const peers = ['pg', 'pg-pool', 'tarn', 'generic-pool'].map((name) => `${name} ${versionOf(name)}`)
  return [await describeTaxirank(processes), `Node ${stdout.trim().slice(1)}`, ...peers, `PostgreSQL ${postgres}`].join(
    ', ',
  )
}

function versionOf(name: string): string {
  const text = readFileSync(join(projectRoot, 'node_modules', name, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

function publish(options: PoolBenchOptions, results: PoolResults): void {
  const report = renderPoolReport(results)
  process.stdout.write(report)
  const dir = options.outputDir ?? (isWhole(options) ? join(projectRoot, 'docs/reports') : undefined)
  if (dir === undefined) {
    process.stderr.write(
      'printed only: the report in docs/reports is written by a whole run; --out DIR writes this one\n',
    )
    return
  }
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'pool.md'), report)
  writeFileSync(join(dir, 'pool.json'), `${JSON.stringify(results, undefined, 2)}\n`)
}
