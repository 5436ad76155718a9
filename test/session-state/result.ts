/** A whole run, judged. */

import type { Contender } from './contenders.ts'
import { mayLeak, surprise } from './expectations.ts'
import type { Verdict } from './judge.ts'
import type { Kind } from './kind.ts'
import type { Cell, Verdicts } from './run.ts'

/** One pooler with one policy, and what was seen of it. */
export interface Column {
  readonly contender: Contender
  readonly verdicts: Verdicts
}

export interface Finding {
  readonly contender: Contender
  readonly cell: Cell
  readonly text: string
}

export interface Judgement {
  /** Of Taxirank. */
  readonly cells: number
  /** Where none may be. */
  readonly leaks: readonly Finding[]
  readonly surprises: readonly Finding[]
}

/** PgBouncer in transaction mode, which `allow` is measured by. */
export function peerOf(columns: readonly Column[]): Verdicts {
  return (
    columns.find(({ contender }) => contender.side === 'pgbouncer' && contender.policy === 'allow')?.verdicts ??
    new Map()
  )
}

export function judgeAll(columns: readonly Column[]): Judgement {
  const peers = peerOf(columns)
  const leaks: Finding[] = []
  const surprises: Finding[] = []
  const ours = columns.filter(({ contender }) => contender.side === 'taxirank')
  for (const { contender, verdicts } of ours) {
    for (const [cell, verdict] of verdicts) {
      const [leak, other] = judgeCell(contender, cell, verdict, peers.get(cell))
      if (leak !== undefined) leaks.push({ contender, cell, text: leak })
      if (other !== undefined) surprises.push({ contender, cell, text: other })
    }
  }
  return { cells: ours.reduce((sum, { verdicts }) => sum + verdicts.size, 0), leaks, surprises }
}

/** A leak where none may be, and a surprise. */
function judgeCell(
  contender: Contender,
  cell: Cell,
  verdict: Verdict | string,
  peer: Verdict | string | undefined,
): [string | undefined, string | undefined] {
  if (typeof verdict === 'string') return [undefined, `the scene broke: ${verdict}`]
  const known = typeof peer === 'string' ? undefined : peer
  const isLeak = verdict.leaks.length > 0 && !mayLeak(contender, cell, verdict, known)
  return [isLeak ? tellLeaks(cell, verdict) : undefined, surprise(contender, cell, verdict, known)]
}

function tellLeaks({ reference }: Cell, { leaks }: Verdict): string {
  return leaks
    .map(({ when, saw, server }) => `${when}, on ${server}, “${saw}” was seen for “${reference.fresh}”`)
    .join('; ')
}

/** Of one kind, by the short name of the situation. */
export function ofKind({ verdicts }: Column, kind: Kind): ReadonlyMap<string, Verdict | string> {
  const cells = [...verdicts].filter(([cell]) => cell.kind === kind)
  return new Map(cells.map(([cell, verdict]) => [cell.situation.short, verdict]))
}
