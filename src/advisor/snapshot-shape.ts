/** `/api/snapshot` of whoever answered: what the advisor needs of it, believed only after a look at its shape. */

import { TaxirankError } from '../errors.ts'
import type { HistogramSnapshot } from '../metrics/histogram.ts'
import type { PoolMode } from './pooler-reading.ts'

export interface PoolerSample {
  readonly version: string
  readonly clients: { readonly connected: number; readonly max: number }
  readonly pools: readonly PoolSample[]
  readonly databases: readonly { readonly name: string; readonly servers: number; readonly maxServers: number }[]
}

export interface PoolSample {
  readonly database: string
  readonly user: string
  readonly mode: PoolMode
  readonly clients: Readonly<Record<string, number>>
  readonly servers: Readonly<Record<string, number>>
  readonly pinned: number
  readonly maxPinned: number
  readonly pinnedMs: number
  readonly engine: EngineSample
}

/** Some of a PoolSnapshot. */
export interface EngineSample {
  readonly takenAtMs: number
  readonly maxSize: number
  readonly reserveSize: number
  readonly waiting: number
  readonly longestWaitMs: number
  readonly heldMs: number
  readonly counters: Readonly<Record<CounterName, number>>
  readonly waitMs: HistogramSnapshot
  readonly holdMs: HistogramSnapshot
  readonly openMs: HistogramSnapshot
  readonly lastFailure?: string
}

const counterNames = [
  'leases',
  'immediate',
  'timedOut',
  'cancelled',
  'queueFull',
  'shed',
  'refused',
  'opened',
  'openFailures',
] as const
export type CounterName = (typeof counterNames)[number]
const modes = ['session', 'transaction', 'statement'] as const

/** A value and where it stands, such as `pools[0].engine.maxSize`. */
class Part {
  readonly #value: unknown
  readonly #path: string

  constructor(value: unknown, path: string) {
    this.#value = value
    this.#path = path
  }

  wrong(what: string): TaxirankError {
    return new TaxirankError('bad_configuration', `${this.#path || 'the answer'} is not ${what}`)
  }

  get(name: string): Part {
    return new Part(this.object()[name], this.#path === '' ? name : `${this.#path}.${name}`)
  }

  object(): Readonly<Record<string, unknown>> {
    const value = this.#value
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.wrong('an object')
    return value as Readonly<Record<string, unknown>>
  }

  list(): readonly Part[] {
    if (!Array.isArray(this.#value)) throw this.wrong('a list')
    return this.#value.map((value: unknown, at) => new Part(value, `${this.#path}[${at}]`))
  }

  number(): number {
    const value = this.#value
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw this.wrong('a number of 0 or more')
    return value
  }

  text(): string {
    if (typeof this.#value !== 'string') throw this.wrong('a text')
    return this.#value
  }

  oneOf<T extends string>(allowed: readonly T[]): T {
    const found = allowed.find((one) => one === this.#value)
    if (found === undefined) throw this.wrong(`one of ${allowed.join(', ')}`)
    return found
  }

  /** An object of numbers. */
  numbers(): Readonly<Record<string, number>> {
    return Object.fromEntries(Object.keys(this.object()).map((name) => [name, this.get(name).number()]))
  }
}

/** Throws `bad_configuration` with the first field that is wrong, if it is not a snapshot of Taxirank's. */
export function readSample(answer: unknown): PoolerSample {
  const root = new Part(answer, '')
  root.get('program').get('name').oneOf(['taxirank'])
  if (root.get('version').number() !== 1) throw new TaxirankError('bad_configuration', 'version is not 1')
  const clients = root.get('clients')
  return {
    version: root.get('program').get('version').text(),
    clients: { connected: clients.get('connected').number(), max: clients.get('max').number() },
    pools: root.get('pools').list().map(poolOf),
    databases: root.get('databases').list().map(databaseOf),
  }
}

function databaseOf(part: Part): PoolerSample['databases'][number] {
  return {
    name: part.get('name').text(),
    servers: part.get('servers').number(),
    maxServers: part.get('maxServers').number(),
  }
}

function poolOf(part: Part): PoolSample {
  return {
    database: part.get('database').text(),
    user: part.get('user').text(),
    mode: part.get('mode').oneOf(modes),
    clients: part.get('clients').numbers(),
    servers: part.get('servers').numbers(),
    pinned: part.get('pinned').number(),
    maxPinned: part.get('maxPinned').number(),
    pinnedMs: part.get('pinnedMs').number(),
    engine: engineOf(part.get('engine')),
  }
}

function engineOf(part: Part): EngineSample {
  const counters = part.get('counters')
  return {
    takenAtMs: part.get('takenAtMs').number(),
    maxSize: part.get('maxSize').number(),
    reserveSize: part.get('reserveSize').number(),
    waiting: part.get('waiting').number(),
    longestWaitMs: part.get('longestWaitMs').number(),
    heldMs: part.get('heldMs').number(),
    counters: Object.fromEntries(
      counterNames.map((name) => [name, counters.get(name).number()]),
    ) as EngineSample['counters'],
    waitMs: histogramOf(part.get('waitMs')),
    holdMs: histogramOf(part.get('holdMs')),
    openMs: histogramOf(part.get('openMs')),
    ...('lastFailure' in part.object() && { lastFailure: part.get('lastFailure').text() }),
  }
}

function histogramOf(part: Part): HistogramSnapshot {
  return {
    count: part.get('count').number(),
    sumMs: part.get('sumMs').number(),
    maxMs: part.get('maxMs').number(),
    buckets: part
      .get('buckets')
      .list()
      .map((pair) => pairOf(pair.list(), pair)),
  }
}

function pairOf([upToMs, count]: readonly Part[], pair: Part): readonly [number, number] {
  if (!upToMs || !count) throw pair.wrong('a pair')
  return [upToMs.number(), count.number()]
}
