/** What is measured, and what must come of it. */

import type { LenderName } from './lenders.ts'

export type Runtime = 'Node' | 'Bun'
export type Measurement = 'lease' | 'waits' | 'query' | 'query from cold' | 'bytes' | 'spike' | 'outage'

/**
 * `times`: so many times as good as the best peer. `no slower`: the interval of the ratio reaches 1 and is narrow. `better`:
 * than the best peer. `at most`: for each of Taxirank's own.
 */
export type Must =
  | { readonly kind: 'times'; readonly least: number; readonly aim: number }
  | { readonly kind: 'no slower' | 'better' }
  | { readonly kind: 'at most'; readonly limit: number }

/** One figure of a measurement. */
export interface Metric {
  /** As the probe names it. */
  readonly key: string
  readonly label: string
  readonly unit: string
  readonly digits: number
  readonly better: 'lower' | 'higher'
  /** Without one it is shown only. */
  readonly must?: Must
}

export interface Row {
  /** Of `--only`; rows of both runtimes have one name. */
  readonly name: string
  readonly title: string
  readonly runtime: Runtime
  readonly measurement: Measurement
  readonly callers: number
  readonly ours: readonly LenderName[]
  readonly peers: readonly LenderName[]
  readonly metrics: readonly Metric[]
  /** Fewer rounds than the rest, where one takes long or figures hardly differ. */
  readonly mostRounds?: number
  /** All pools at the same time: they sleep, or take turns by themselves. */
  readonly atOnce?: boolean
}

export const fewestPairs = 9
export const widestInterval = 0.1

const runtimes = ['Node', 'Bun'] as const
const crowds = [1, 32, 1_000] as const
const everyPeer = ['pg-pool', 'tarn', 'generic-pool'] as const
const ownPools = ['createPool', 'Pool'] as const

export const rows: readonly Row[] = runtimes.flatMap((runtime) => [
  ...crowds.map((callers) => leaseRow(runtime, callers, 'createPool')),
  ...crowds.map((callers) => leaseRow(runtime, callers, 'Pool')),
  ...[32, 1_000].map((callers) => waitsRow(runtime, callers)),
  ...[1, 10, 100].map((callers) => queryRow(runtime, callers)),
  coldQueryRow(runtime),
  ...(runtime === 'Node' ? [1, 10, 100].map((callers) => bytesRow(callers)) : []),
  spikeRow(runtime),
  outageRow(runtime),
])

function leaseRow(runtime: Runtime, callers: number, pool: 'createPool' | 'Pool'): Row {
  const isOfAnything = pool === 'createPool'
  const [least, aim] = isOfAnything ? [3, 5] : [2, 4]
  const what = isOfAnything ? 'acquire and release' : 'connect and release'
  return {
    ...basics(runtime, callers),
    name: `${isOfAnything ? 'acquire' : 'connect'}-${callers}`,
    title: `${what}, ${crowd(callers)}`,
    measurement: 'lease',
    ours: [pool],
    peers: isOfAnything ? everyPeer : ['pg-pool'],
    metrics: [
      { key: 'ns', label: '', unit: 'ns', digits: 0, better: 'lower', ...on(runtime, { kind: 'times', least, aim }) },
    ],
  }
}

function waitsRow(runtime: Runtime, callers: number): Row {
  return {
    ...basics(runtime, callers),
    name: `waits-${callers}`,
    title: `p99 of the wait, ${crowd(callers)}`,
    measurement: 'waits',
    ours: ownPools,
    peers: everyPeer,
    metrics: [
      {
        key: 'ratio',
        label: ", beside an ideal queue's",
        unit: '×',
        digits: 3,
        better: 'lower',
        ...on(runtime, { kind: 'at most', limit: 1.5 }),
      },
    ],
    mostRounds: runtime === 'Node' ? 3 : 1,
  }
}

function queryRow(runtime: Runtime, callers: number): Row {
  return {
    ...basics(runtime, callers),
    name: `query-${callers}`,
    title: `pool.query, ${callers} at once`,
    measurement: 'query',
    ours: ['Pool'],
    peers: ['pg-pool'],
    metrics: [
      { key: 'perSecond', label: '', unit: '/s', digits: 0, better: 'higher', ...on(runtime, { kind: 'no slower' }) },
    ],
    atOnce: true,
  }
}

function coldQueryRow(runtime: Runtime): Row {
  const metric = { key: 'perSecond', label: '', unit: '/s', digits: 0, better: 'higher' } as const
  return {
    ...queryRow(runtime, 10),
    name: 'query-cold',
    title: 'pool.query, 10 at once, one open before: the first 4 s',
    measurement: 'query from cold',
    metrics: [metric],
    mostRounds: 3,
  }
}

function bytesRow(callers: number): Row {
  return {
    ...basics('Node', callers),
    name: `bytes-${callers}`,
    title: `pool.query, ${callers} at once: allocated for each`,
    measurement: 'bytes',
    ours: ['Pool'],
    peers: ['pg-pool'],
    metrics: [{ key: 'bytes', label: '', unit: 'bytes', digits: 0, better: 'lower', must: { kind: 'better' } }],
    mostRounds: 3,
  }
}

function spikeRow(runtime: Runtime): Row {
  return {
    ...basics(runtime, 50),
    name: 'spike',
    title: '50 callers at once, 5 open, opening 150 ms, hold 2 ms',
    measurement: 'spike',
    ours: ownPools,
    peers: everyPeer,
    metrics: [
      {
        key: 'opened',
        label: ': ever open',
        unit: '',
        digits: 0,
        better: 'lower',
        ...on(runtime, { kind: 'at most', limit: 6 }),
      },
      { key: 'lastServedMs', label: ': the last is served after', unit: 'ms', digits: 0, better: 'lower' },
    ],
    mostRounds: runtime === 'Node' ? 3 : 1,
  }
}

function outageRow(runtime: Runtime): Row {
  const atMost = (limit: number) => on(runtime, { kind: 'at most', limit })
  return {
    ...basics(runtime, 100),
    name: 'outage',
    title: '100 callers, database down for 10 s',
    measurement: 'outage',
    ours: ownPools,
    peers: everyPeer,
    metrics: [
      { key: 'attempts', label: ': attempts', unit: '', digits: 0, better: 'lower', ...atMost(20) },
      {
        key: 'firstSuccessMs',
        label: ': first success after its return',
        unit: 'ms',
        digits: 0,
        better: 'lower',
        ...atMost(1_020),
      },
    ],
    mostRounds: 1,
    atOnce: true,
  }
}

function basics(runtime: Runtime, callers: number): { runtime: Runtime; callers: number; mostRounds?: number } {
  return runtime === 'Node' ? { runtime, callers } : { runtime, callers, mostRounds: 3 }
}

/** Only Node has musts. */
function on(runtime: Runtime, must: Must): { must?: Must } {
  return runtime === 'Node' ? { must } : {}
}

function crowd(callers: number): string {
  return callers === 1 ? 'one caller' : `${callers.toLocaleString('en-US')} callers over 10`
}
