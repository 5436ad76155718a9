/**
 * `npm run bench`: Taxirank beside PgBouncer, in one run, on one PostgreSQL. Both poolers stand in front of the same
 * embedded PostgreSQL with the same settings; in some rows direct connections, or another Taxirank, take PgBouncer's
 * place. pgbench, or our own load generator, is run against them in turn, A B, B A, A B …, and each pair of runs gives one
 * ratio. The report shows the medians of both, the median of the ratios with its 95 % interval, and the
 * CPU time per transaction of each pooler's process, against what must be reached (`workloads.ts`) and says where
 * Taxirank is behind. `docs/reports/bench.md` and `bench.json`, which holds every run, are written from a whole run
 * only; a shorter one (`--rows`, `--pairs`) is printed. Exit code 0 when every row has a result, whatever it is.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startPostgres } from '../src/embedded/postgres.ts'
import { TaxirankError } from '../src/errors.ts'
import type { StartPostgres } from './database.ts'
import { projectRoot } from './machine.ts'
import { isWhole, type Options, parseOptions } from './options.ts'
import { Processes } from './processes.ts'
import { renderReport, type Results } from './report.ts'
import { runBench } from './run.ts'

process.exitCode = await main(process.argv.slice(2), startPostgres)

async function main(argv: readonly string[], start: StartPostgres): Promise<number> {
  const processes = new Processes()
  const interrupted = stopOnSignals(processes)
  try {
    const options = parseOptions(argv)
    const results = await runBench(options, {
      processes,
      startPostgres: start,
      environment: process.env,
      command: ['npm run bench', ...(argv.length === 0 ? [] : ['--', ...argv])].join(' '),
      progress: (line) => process.stderr.write(`${line}\n`),
    })
    publish(options, results)
    return results.rows.every((row) => row.name === 'measured') ? 0 : 1
  } catch (error) {
    if (interrupted()) return 130
    if (!(error instanceof TaxirankError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  } finally {
    await processes.stopAll()
  }
}

/** Ctrl-C stops the children; what waits for them then fails, and everything is put away on the way out. */
function stopOnSignals(processes: Processes): () => boolean {
  let interrupted = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      interrupted = true
      void processes.stopAll()
    })
  }
  return () => interrupted
}

function publish(options: Options, results: Results): void {
  const report = renderReport(results)
  process.stdout.write(report)
  const dir = options.outputDir ?? (isWhole(options) ? join(projectRoot, 'docs/reports') : undefined)
  if (dir === undefined) {
    process.stderr.write(
      'printed only: the report in docs/reports is written by a whole run; --out DIR writes this one\n',
    )
    return
  }
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'bench.md'), report)
  writeFileSync(join(dir, 'bench.json'), `${JSON.stringify(results, undefined, 2)}\n`)
}
