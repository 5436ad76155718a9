/** The switches of the benchmark. */

import { parseArgs } from 'node:util'
import { TaxirankError } from '../src/errors.ts'
import { type Workload, workloads } from './workloads.ts'

export interface Options {
  readonly workloads: readonly Workload[]
  readonly pairs: number
  readonly seconds: number
  /** PgBouncer stands in both places: every ratio should then be 1. */
  readonly control: boolean
  /** Where the report goes; undefined: docs/reports, and only when the run is whole. */
  readonly outputDir: string | undefined
}

/** Fewer pairs than this make no report: the interval of five has not even 95 %. */
const fewestPairs = 9

const usage = `npm run bench -- [--rows a,b] [--pairs N] [--seconds N] [--out DIR] [--control]
  --rows     of ${workloads.map((workload) => workload.name).join(', ')}; all of them unless told
  --pairs    alternating pairs of runs per row, 1 to 1000; 9 unless told
  --seconds  length of a run, 1 to 3600; 5 unless told
  --out      write the report there; unless told, docs/reports gets the report of a whole run
             (all rows, at least ${fewestPairs} pairs), and a smaller run is printed only
  --control  PgBouncer in both places: shows what the noise is; only rows in which it takes part
PgBouncer is taken from PATH, or from PGBOUNCER=/path/to/pgbouncer; pgbench from PATH, or from PGBENCH=/path/to/pgbench.
`

/** Rejects what it does not know with the switch's name and the allowed range. */
export function parseOptions(argv: readonly string[]): Options {
  const values = parseSwitches(argv)
  return {
    workloads: chooseWorkloads(values.rows),
    pairs: wholeNumber('--pairs', values.pairs, 9, 1000),
    seconds: wholeNumber('--seconds', values.seconds, 5, 3600),
    control: values.control ?? false,
    outputDir: values.out,
  }
}

/** Whether a run with these options may replace the report in docs/reports. */
export function isWhole(options: Options): boolean {
  return !options.control && options.pairs >= fewestPairs && options.workloads.length === workloads.length
}

function parseSwitches(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        rows: { type: 'string' },
        pairs: { type: 'string' },
        seconds: { type: 'string' },
        out: { type: 'string' },
        control: { type: 'boolean' },
      },
    })
    return values
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new TaxirankError('bad_configuration', `${reason}\nusage: ${usage}`, { cause })
  }
}

function chooseWorkloads(list: string | undefined): readonly Workload[] {
  if (list === undefined) return workloads
  const names = new Set(list.split(',').map((name) => name.trim()))
  const unknown = [...names].filter((name) => workloads.every((workload) => workload.name !== name))
  if (unknown.length > 0) {
    const known = workloads.map((workload) => workload.name).join(', ')
    throw new TaxirankError(
      'bad_configuration',
      `--rows: no row is called '${unknown.join("', '")}'; there are ${known}`,
    )
  }
  return workloads.filter((workload) => names.has(workload.name))
}

function wholeNumber(name: string, text: string | undefined, unlessTold: number, most: number): number {
  if (text === undefined) return unlessTold
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= 1 && value <= most) return value
  throw new TaxirankError('bad_configuration', `${name}: '${text}' is not a whole number from 1 to ${most}`)
}
