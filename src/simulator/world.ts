/** Makes a world out of a scenario. */

import { Random } from '../random.ts'
import { arrivalsOf } from './arrivals.ts'
import { Application, type Load } from './application.ts'
import { Database } from './database.ts'
import { durationsOf } from './durations.ts'
import { Instance, type InstanceParts } from './instance.ts'
import { interpolate } from './interpolate.ts'
import type { ApplicationSpec, DatabaseSpec, LoadSpec, PoolerSpec, Scenario } from './scenario.ts'
import { SimulatedPool } from './simulated-pool.ts'
import { SimulatedPooler } from './simulated-pooler.ts'
import { VirtualTime } from './virtual-time.ts'

export class World {
  readonly time = new VirtualTime()
  readonly database: Database
  readonly poolers: ReadonlyMap<string, readonly SimulatedPooler[]>
  readonly applications: readonly Application[]
  readonly #random: Random
  #streams = 0

  constructor({ seed, database, poolers, applications }: Scenario) {
    this.#random = new Random(seed)
    const { maxConnections, reservedConnections, connectWorkMs } = database
    const options = {
      mostConnections: maxConnections - reservedConnections,
      capacity: capacityOf(database),
      connect: durationsOf(database.connect, this.#stream()),
      connectWorkMs,
    }
    this.database = new Database(options, this.time)
    this.poolers = new Map(poolers.map((spec) => [spec.name, this.#poolersOf(spec)]))
    this.applications = applications.map((spec) => this.#applicationOf(spec))
  }

  /** Also those of instances that were restarted. */
  get pools(): SimulatedPool[] {
    const ofPoolers = [...this.poolers.values()].flat().map(({ servers }) => servers)
    return [...this.applications.flatMap(({ pools }) => pools), ...ofPoolers]
  }

  /** Numbers of their own: what one part draws changes nothing for another. */
  #stream(): Random {
    return this.#random.fork(++this.#streams)
  }

  #poolersOf({ name, count, pool, connect }: PoolerSpec): SimulatedPooler[] {
    const { time, database: target } = this
    return Array.from({ length: count }, () => {
      const random = this.#stream()
      return new SimulatedPooler(name, pool, durationsOf(connect, random), { target, time, random })
    })
  }

  #applicationOf(spec: ApplicationSpec): Application {
    const { name, service, away } = spec
    const load = this.#loadOf(spec.load)
    const work = durationsOf(service, this.#stream())
    const options = { name, instances: this.#instancesOf(spec), load, work, away: durationsOf(away, this.#stream()) }
    return new Application(options, this.time, this.database)
  }

  #loadOf(spec: LoadSpec): Load {
    if (spec.kind === 'closed') return { ...spec, think: durationsOf(spec.think, this.#stream()) }
    const arrivals = arrivalsOf(spec.arrivals, this.#stream())
    if (spec.balance === 'round robin') {
      let next = 0
      return { kind: 'open', arrivals, choose: (count) => next++ % count }
    }
    const random = this.#stream()
    return { kind: 'open', arrivals, choose: (count) => (count === 1 ? 0 : random.integer(0, count - 1)) }
  }

  #instancesOf(spec: ApplicationSpec): Instance[] {
    const poolers = spec.via === undefined ? [] : (this.poolers.get(spec.via) ?? [])
    return Array.from({ length: spec.instances }, (_, index) => {
      return new Instance(this.#partsOf(spec, poolers[index % Math.max(1, poolers.length)]))
    })
  }

  #partsOf({ pool, connectsEachTime }: ApplicationSpec, pooler: SimulatedPooler | undefined): InstanceParts {
    const { time } = this
    const target = pooler ?? this.database
    const random = this.#stream()
    const newPool = pool && ((): SimulatedPool => new SimulatedPool(pool, { target, time, random, told: 'earlier' }))
    return { pooler, target, newPool, connectsEachTime }
  }
}

/** How many statements' worth of work is done at a time while so many run: see `Processors`. */
function capacityOf({ cores, throughput }: DatabaseSpec): (running: number) => number {
  if (!throughput) return (running) => Math.min(running, cores)
  const [[, alone]] = throughput as [[number, number]]
  return (running) => interpolate(throughput, running) / alone
}
