/** One scenario with one number changed, again and again, to find the smallest that is good enough. */

import { TaxirankError } from '../errors.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import { type ReadRecorded, readScenario } from './read-scenario.ts'
import { simulate } from './simulate.ts'

/** What is changed, and to what. */
export interface SweepPlan {
  /** As it was asked for: `pool_size`, `web.pool_size`, `database.cores`. */
  readonly key: string
  /** Ascending. */
  readonly values: readonly number[]
}

export interface SweepPoint extends Outcome {
  readonly value: number
}

/** More than that are thinned out, evenly by ratio. */
const mostValues = 25

/** Reads `KEY=FROM..TO`. Throws `bad_configuration`. */
export function parseSweep(text: string): SweepPlan {
  const [, key = '', from, to] = /^(.+)=(\d+)\.\.(\d+)$/.exec(text) ?? []
  const least = Number(from)
  const most = Number(to)
  if (least >= 1 && most > least && most <= 1_000_000) return { key, values: ladder(least, most) }
  throw wrong(`--sweep must be KEY=FROM..TO, whole numbers with 1 <= FROM < TO, such as pool_size=2..200; got ${text}`)
}

function ladder(least: number, most: number): number[] {
  if (most - least < mostValues) return Array.from({ length: most - least + 1 }, (_, index) => least + index)
  const ratio = (most / least) ** (1 / (mostValues - 1))
  return [...new Set(Array.from({ length: mostValues }, (_, step) => Math.round(least * ratio ** step)))]
}

/** Simulates `value`, a parsed scenario, once for each of the plan's values. Throws `bad_configuration` before the first. */
export function* sweep(value: unknown, { key, values }: SweepPlan, readRecorded: ReadRecorded): Generator<SweepPoint> {
  readScenario(value, readRecorded)
  const scenarios = values.map((one) => readScenario(withValue(value, key, one), readRecorded))
  for (const [index, scenario] of scenarios.entries()) {
    yield { value: values[index] as number, ...outcomeOf(simulate(scenario)) }
  }
}

/** Of the best throughput; of the shortest 99th percentile among those that have it. */
const enoughThroughput = 0.98
const enoughLatency = 1.1
const enoughSuccess = 0.001

/**
 * The knee: the smallest value that serves at least 98 % of the most that any serves, fails no more than 0.1 % more often
 * than the best, and whose latency's 99th percentile is at most 1.1 times the shortest of those.
 */
export function kneeOf(points: readonly SweepPoint[]): SweepPoint | undefined {
  const most = Math.max(...points.map(({ servedPerSecond }) => servedPerSecond))
  const quick = points.filter(({ servedPerSecond }) => servedPerSecond >= enoughThroughput * most)
  const least = Math.min(...quick.map(({ failedShare }) => failedShare))
  const good = quick.filter(({ failedShare }) => failedShare <= least + enoughSuccess)
  const shortest = Math.min(...good.map(({ latencyP99Ms }) => latencyP99Ms))
  return good.find(({ latencyP99Ms }) => latencyP99Ms <= enoughLatency * shortest)
}

type Table = Record<string, unknown>

/** A copy with one number changed, wherever that is. */
function withValue(scenario: unknown, key: string, value: number): unknown {
  const copy = structuredClone(scenario) as Table
  const places = placesOf(copy, key)
  const [place] = places
  if (place === undefined) throw wrong(`--sweep: the scenario has no number called ${key}`)
  if (places.length > 1) {
    throw wrong(`--sweep: there are several ${key}: say which, as ${places.map(({ path }) => path).join(' or ')}`)
  }
  place.table[place.name] = value
  return copy
}

interface Place {
  readonly path: string
  readonly table: Table
  readonly name: string
}

function placesOf(scenario: Table, key: string): Place[] {
  const places = namedTables(scenario).flatMap(([name, table]) => {
    const own = name !== '' && key.startsWith(`${name}.`) ? key.slice(name.length + 1) : key
    return placeIn(table, own.split('.'), name === '' ? '' : `${name}.`)
  })
  // The database is found by its own name and as a table of the file.
  return places.filter((place, index) => {
    return places.findIndex(({ table, name }) => table === place.table && name === place.name) === index
  })
}

/** Every table that has a name: the file itself, the database, each application and pooler. */
function namedTables(scenario: Table): [string, Table][] {
  const named = ['applications', 'poolers'].flatMap((list) => (Array.isArray(scenario[list]) ? scenario[list] : []))
  const tables = named.filter(isTable).map((table): [string, Table] => [String(table['name']), table])
  const database: unknown = scenario['database']
  return [['', scenario], ...tables, ...(isTable(database) ? [['database', database] as [string, Table]] : [])]
}

function placeIn(table: Table, steps: readonly string[], path: string): Place[] {
  const [name = '', ...rest] = steps
  const value = table[name]
  if (rest.length > 0) return isTable(value) ? placeIn(value, rest, `${path}${name}.`) : []
  return typeof value === 'number' ? [{ path: path + name, table, name }] : []
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrong(what: string): TaxirankError {
  return new TaxirankError('bad_configuration', what)
}
