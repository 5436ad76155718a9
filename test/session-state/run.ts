/** The matrix played by one pooler after the other, and by PostgreSQL alone for what is right. */

import { startPgBouncer, startTaxirank, type Pooler } from '../../bench/poolers.ts'
import type { Processes } from '../../bench/processes.ts'
import { RawClient } from '../support/raw-client.ts'
import { findProgram } from '../support/tools.ts'
import type { Contender } from './contenders.ts'
import type { Ground } from './ground.ts'
import { judge, type Verdict, whyNot } from './judge.ts'
import type { Kind } from './kind.ts'
import { play, playDirect, showFresh } from './play.ts'
import type { Reference } from './played.ts'
import type { Situation } from './situations.ts'
import { Stage } from './stage.ts'

/** A kind in a situation in which it can be made. */
export interface Cell {
  readonly kind: Kind
  readonly situation: Situation
  readonly requests: readonly Buffer[]
  readonly reference: Reference
}

/** By cell; a text where the scene itself broke. */
export type Verdicts = ReadonlyMap<Cell, Verdict | string>

/** Plays everything on PostgreSQL alone. Throws where that does not show what the kind says a fresh session shows. */
export async function findCells(
  ground: Ground,
  kinds: readonly Kind[],
  situations: readonly Situation[],
): Promise<Cell[]> {
  const cells: Cell[] = []
  for (const kind of kinds) {
    const fresh = await showFresh(ground, kind)
    if (kind.fresh !== undefined && kind.fresh !== fresh)
      throw new Error(`${kind.name}: a fresh session shows ${fresh} and not ${kind.fresh}`)
    for (const situation of situations) {
      const requests = situation.requests(kind.make)
      const direct = requests && (await playDirect(ground, kind, requests))
      if (direct && whyNot(direct.answers) === undefined)
        cells.push({ kind, situation, requests, reference: { ...direct, fresh } })
    }
  }
  return cells
}

/** `dir`: for its configuration. `tell` is given each cell when it is done. */
export async function playAll(
  contender: Contender,
  cells: readonly Cell[],
  processes: Processes,
  { ground, dir, tell }: { ground: Ground; dir: string; tell: (cell: Cell, verdict: Verdict | string) => void },
): Promise<Verdicts> {
  const pooler = await start(contender, processes, dir, ground.postgres.port)
  const console = await RawClient.login(pooler.port, { database: 'pgbouncer' })
  const verdicts = new Map<Cell, Verdict | string>()
  try {
    const stage = new Stage(pooler.port, ground, console)
    for (const cell of cells) {
      const verdict = await playOne(stage, cell)
      verdicts.set(cell, verdict)
      tell(cell, verdict)
    }
  } finally {
    console.leave()
    await pooler.stop()
  }
  return verdicts
}

async function playOne(stage: Stage, { kind, requests, reference }: Cell): Promise<Verdict | string> {
  try {
    return judge(await play(stage, kind, requests), reference, kind.fresh)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function start({ name, side, setup }: Contender, processes: Processes, dir: string, port: number): Promise<Pooler> {
  const place = { dir, databasePort: port, setup }
  if (side === 'taxirank') return startTaxirank(processes, place)
  const command = findProgram('pgbouncer')
  if (command === undefined)
    throw new Error('pgbouncer is not installed: install it, or set PGBOUNCER=/path/to/pgbouncer')
  return startPgBouncer(processes, { name, command }, place)
}
