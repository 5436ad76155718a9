/** The switches of `npm run bench:pool`. */

import { parseArgs } from 'node:util'
import { TaxirankError } from '../../src/errors.ts'
import { fewestPairs, type Row, rows } from './rows.ts'

export interface PoolBenchOptions {
  readonly rows: readonly Row[]
  readonly rounds: number
  /** Where the report goes; undefined: docs/reports, and only when the run is whole. */
  readonly outputDir: string | undefined
}

const names = [...new Set(rows.map(({ name }) => name))]

const usage = `npm run bench:pool -- [--only a,b] [--rounds N] [--out DIR]
  --only    of ${names.join(', ')}; all of them unless told
  --rounds  how often each pool of a row is measured, 1 to 100; ${fewestPairs} unless told
  --out     write the report there; unless told, docs/reports gets the report of a whole run
            (all rows, at least ${fewestPairs} rounds), and a smaller run is printed only`

/** Rejects what it does not know with the switch's name and the allowed range. */
export function parsePoolOptions(argv: readonly string[]): PoolBenchOptions {
  const { only, rounds = String(fewestPairs), out } = parseSwitches(argv)
  if (!/^\d+$/.test(rounds) || Number(rounds) < 1 || Number(rounds) > 100) {
    throw new TaxirankError('bad_configuration', `--rounds: '${rounds}' is not a whole number from 1 to 100`)
  }
  return { rows: chooseRows(only), rounds: Number(rounds), outputDir: out }
}

/** Whether a run with these options may replace the report in docs/reports. */
export function isWhole(options: PoolBenchOptions): boolean {
  return options.rounds >= fewestPairs && options.rows.length === rows.length
}

function parseSwitches(argv: readonly string[]) {
  try {
    const switches = { only: { type: 'string' }, rounds: { type: 'string' }, out: { type: 'string' } } as const
    return parseArgs({ args: [...argv], options: switches }).values
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new TaxirankError('bad_configuration', `${reason}\nusage: ${usage}`, { cause })
  }
}

function chooseRows(list: string | undefined): readonly Row[] {
  if (list === undefined) return rows
  const wanted = new Set(list.split(',').map((name) => name.trim()))
  const unknown = [...wanted].filter((name) => !names.includes(name))
  if (unknown.length === 0) return rows.filter(({ name }) => wanted.has(name))
  const text = `--only: no row is called '${unknown.join("', '")}'; there are ${names.join(', ')}`
  throw new TaxirankError('bad_configuration', text)
}
