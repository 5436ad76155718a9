/** Samples of pg_stat_activity, condensed: as large as there are kinds of connections, however long the watch. */

import type { ActivityReading, ConnectionGroup, LongIdleInTransaction } from './database-reading.ts'
import { Tally } from './distribution.ts'
import type { ActivityCount, ActivitySample, ConnectionUse } from './sample-activity.ts'

const mostGroups = 1_000
const mostShown = 50

type Figure =
  | 'connections'
  | 'activeOnCpu'
  | 'active'
  | 'idle'
  | 'idleInTransaction'
  | 'idleInAbortedTransaction'
  | 'hidden'
  | 'parallelWorkers'
  | 'workersOnCpu'
  | 'walSenders'

const isClient = ({ kind }: ActivityCount): boolean => kind === 'client' || kind === 'hidden'
const isActive = ({ kind, state }: ActivityCount): boolean =>
  kind === 'client' && (state === 'active' || state === 'fastpath function call')
const isHidden = ({ kind, state }: ActivityCount): boolean =>
  kind === 'hidden' || (kind === 'client' && state === 'disabled')
const isIdleInTransaction = ({ kind, state }: ActivityCount): boolean =>
  kind === 'client' && state.startsWith('idle in transaction')

const figures: Readonly<Record<Figure, (count: ActivityCount) => boolean>> = {
  connections: isClient,
  activeOnCpu: (count) => isActive(count) && count.waiting === '',
  active: isActive,
  idle: ({ kind, state }) => kind === 'client' && state === 'idle',
  idleInTransaction: isIdleInTransaction,
  idleInAbortedTransaction: ({ kind, state }) => kind === 'client' && state === 'idle in transaction (aborted)',
  hidden: isHidden,
  parallelWorkers: ({ kind, state }) => kind === 'worker' && state === 'active',
  workersOnCpu: ({ kind, state, waiting }) => kind === 'worker' && state === 'active' && waiting === '',
  walSenders: ({ kind }) => kind === 'walsender',
}
const figureNames = Object.keys(figures) as Figure[]

/** Of one user, database and application. */
interface Group {
  readonly connections: Tally
  readonly active: Tally
  readonly idleInTransaction: Tally
  readonly hidden: Tally
  addresses: number
}

export class ActivitySummary {
  readonly #tallies = Object.fromEntries(figureNames.map((name) => [name, new Tally()])) as Record<Figure, Tally>
  readonly #waiting = new Map<string, Tally>()
  readonly #remote = new Tally()
  readonly #groups = new Map<string, Group>()
  #samples = 0
  #preparedTransactions = 0
  #longest: LongIdleInTransaction | undefined
  #lastUses: readonly ConnectionUse[] = []

  get samples(): number {
    return this.#samples
  }

  add({ counts, uses, longest, preparedTransactions }: ActivitySample): void {
    this.#samples++
    for (const name of figureNames) this.#tallies[name].add(sumOf(counts.filter(figures[name])))
    for (const [type, all] of Map.groupBy(counts.filter(isActive), ({ waiting }) => waiting)) {
      if (type !== '') tallyIn(this.#waiting, type).add(sumOf(all))
    }
    for (const [key, all] of Map.groupBy(counts.filter(isClient), keyOf)) {
      const group = this.#groups.get(key) ?? this.#newGroup(key)
      if (group) addTo(group, all)
    }
    this.#remote.add(counts.filter(isClient).reduce((sum, { remote }) => sum + remote, 0))
    for (const use of uses) this.#noteAddresses(use)
    if (longest && longest.idleMs > (this.#longest?.idleMs ?? -1)) this.#longest = longest
    this.#preparedTransactions = preparedTransactions
    this.#lastUses = uses
  }

  #newGroup(key: string): Group | undefined {
    if (this.#groups.size >= mostGroups) return undefined
    const group = {
      connections: new Tally(),
      active: new Tally(),
      idleInTransaction: new Tally(),
      hidden: new Tally(),
      addresses: 0,
    }
    this.#groups.set(key, group)
    return group
  }

  #noteAddresses(use: ConnectionUse): void {
    const group = this.#groups.get(keyOf(use))
    if (group) group.addresses = Math.max(group.addresses, use.addresses)
  }

  /** After one sample or more. */
  reading(everyMs: number): ActivityReading {
    const over = (tally: Tally) => tally.over(this.#samples)
    const groups = this.#readGroups()
    return {
      samples: this.#samples,
      everyMs,
      ...(Object.fromEntries(figureNames.map((name) => [name, over(this.#tallies[name])])) as Pick<
        ActivityReading,
        Figure
      >),
      activeWaiting: Object.fromEntries([...this.#waiting].map(([type, tally]) => [type, over(tally)])),
      remote: over(this.#remote),
      preparedTransactions: this.#preparedTransactions,
      ...(this.#longest && { longestIdleInTransaction: this.#longest }),
      groups: groups.slice(0, mostShown),
      moreGroups: Math.max(0, groups.length - mostShown),
    }
  }

  /** Most connections first. */
  #readGroups(): ConnectionGroup[] {
    const uses = new Map(this.#lastUses.map((use) => [keyOf(use), use]))
    const groups = [...this.#groups].map(([key, group]) => readGroup(key, group, uses.get(key), this.#samples))
    return groups.sort((one, other) => other.connections.mean - one.connections.mean)
  }
}

function addTo(group: Group, counts: readonly ActivityCount[]): void {
  group.connections.add(sumOf(counts))
  group.active.add(sumOf(counts.filter(isActive)))
  group.idleInTransaction.add(sumOf(counts.filter(isIdleInTransaction)))
  group.hidden.add(sumOf(counts.filter(isHidden)))
}

function readGroup(key: string, group: Group, use: ConnectionUse | undefined, samples: number): ConnectionGroup {
  const [database, user, application] = JSON.parse(key) as [string, string, string]
  return {
    database,
    user,
    application,
    connections: group.connections.over(samples),
    active: group.active.over(samples),
    idleInTransaction: group.idleInTransaction.over(samples),
    hidden: group.hidden.over(samples),
    addresses: group.addresses,
    unused: use?.unused ?? 0,
    ...(use && use.unusedForAtLeastMs !== null && { unusedForAtLeastMs: use.unusedForAtLeastMs }),
  }
}

function keyOf({ database, user, application }: ActivityCount | ConnectionUse): string {
  return JSON.stringify([database, user, application])
}

function sumOf(counts: readonly ActivityCount[]): number {
  return counts.reduce((sum, { count }) => sum + count, 0)
}

function tallyIn(tallies: Map<string, Tally>, key: string): Tally {
  const tally = tallies.get(key) ?? new Tally()
  tallies.set(key, tally)
  return tally
}
