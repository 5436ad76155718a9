/** Runs the rows, round by round: what disturbs the machine for a while disturbs all of them. */

import { join } from 'node:path'
import type { Processes } from '../processes.ts'
import { type Figures, type Measured, needsMorePairs } from './judge.ts'
import type { LenderName } from './lenders.ts'
import type { ProbeOrder } from './probe.ts'
import type { Row } from './rows.ts'

export interface ProbePlace {
  readonly processes: Processes
  /** Made for Node, of one file. */
  readonly bundle: string
  /** PostgreSQL's. */
  readonly port: number
  readonly progress: (line: string) => void
}

interface Running {
  readonly row: Row
  readonly samples: Partial<Record<LenderName, Figures[]>>
}

const probeLimitMs = 120_000
/** Within which both processes of a comparison in turns are ready. */
const startMs = 800
/** To make an interval narrow enough, where that is a must. */
const mostRoundsTimes = 2
/** A young generation that 2,000 queries don't fill, from the beginning. */
const heapFlags = ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=512']

export async function measureRows(place: ProbePlace, rows: readonly Row[], rounds: number): Promise<Measured[]> {
  const all = rows.map((row): Running => ({ row, samples: {} }))
  for (let round = 0; round < rounds; round++) {
    for (const one of all) if (round < (one.row.mostRounds ?? rounds)) await measureRound(place, one, round)
    place.progress(`round ${round + 1} of ${rounds} is done`)
  }
  for (let round = rounds; round < mostRoundsTimes * rounds; round++) {
    for (const one of all.filter(needsMorePairs)) {
      place.progress(`${one.row.runtime}, ${one.row.title}: another pair, the interval is too wide`)
      await measureRound(place, one, round)
    }
  }
  return all
}

async function measureRound(at: ProbePlace, { row, samples }: Running, round: number): Promise<void> {
  const names = [...row.ours, ...row.peers]
  if (round % 2 === 1) names.reverse()
  const beginAtMs = Date.now() + startMs
  const measure = async (pool: LenderName, place: number): Promise<void> => {
    const turns = { beginAtMs, index: place === 0 ? 0 : 1 } as const
    const figures = await probe(at, row, {
      measurement: row.measurement,
      pool,
      callers: row.callers,
      port: at.port,
      turns,
    })
    ;(samples[pool] ??= []).push(figures)
  }
  if (row.atOnce) await Promise.all(names.map(measure))
  else for (const [place, name] of names.entries()) await measure(name, place)
}

async function probe({ processes, bundle }: ProbePlace, row: Row, order: ProbeOrder): Promise<Figures> {
  const what = `${row.runtime}, ${row.title}, ${order.pool}`
  const [command, args] =
    row.runtime === 'Bun'
      ? [process.execPath, [join(import.meta.dirname, 'probe.ts')]]
      : ['node', [...(row.measurement === 'bytes' ? heapFlags : []), bundle]]
  const { stdout } = await processes.run(what, command, [...args, JSON.stringify(order)], probeLimitMs)
  const figures = JSON.parse(stdout) as Figures
  const missing = row.metrics.find(({ key }) => !Number.isFinite(figures[key]))
  if (missing) throw new Error(`${what}: ${missing.key} was not measured: ${stdout}`)
  return figures
}
