/**
 * What each policy promises, as data: whether anybody else may see the state of a cell, and how its client may fare.
 * Under `allow` it is what PgBouncer shows, but for the differences that are named here with their reason.
 */

import type { Contender } from './contenders.ts'
import type { Keeping, Verdict } from './judge.ts'
import type { Kind } from './kind.ts'
import type { Cell } from './run.ts'

/** How A may fare where there is something to keep. */
const keepings: Readonly<Record<Exclude<Contender['policy'], 'allow'>, readonly Keeping[]>> = {
  track: ['kept', 'pinned'],
  pin: ['kept', 'pinned'],
  reset: ['alone', 'kept'],
  reject: ['refused', 'kept'],
  session: ['pinned'],
}

export interface Difference {
  readonly why: string
  readonly kinds: readonly string[]
}

/** Where today's Taxirank is not what PgBouncer 1.18 is. */
export const differences: readonly Difference[] = []

/** What no pooler can tell from the statements. */
export function isInvisible({ kind, situation }: Cell): boolean {
  return kind.invisible === 'always' || (kind.invisible === 'inside DO' && situation.short === 'DO')
}

/** `peer`: PgBouncer’s in the same cell; without it, whatever is there to be kept may leak under `allow`. */
export function mayLeak(contender: Contender, cell: Cell, verdict: Verdict, peer: Verdict | undefined): boolean {
  if (contender.policy === 'session') return cell.kind.outlivesDiscard === true
  if (contender.policy === 'allow') return peer ? peer.leaks.length > 0 : verdict.keeping !== 'none'
  return isInvisible(cell)
}

/** Why the cell is not as it should be; undefined if it is. */
export function surprise(
  contender: Contender,
  cell: Cell,
  verdict: Verdict,
  peer: Verdict | undefined,
): string | undefined {
  if (verdict.differs !== undefined) return `its statements are answered otherwise: ${verdict.differs}`
  if (contender.policy === 'allow') return peer && surpriseBeside(cell.kind, verdict, peer)
  if (verdict.keeping === 'none' || isInvisible(cell)) return undefined
  const wanted = [
    ...keepings[contender.policy],
    ...(contender.policy === 'track' && cell.kind.isLostByTrack ? ['alone'] : []),
  ]
  if (!wanted.includes(verdict.keeping)) return `${wanted.join(' or ')} was expected, it is ${verdict.keeping}`
  const isOtherRefusal = verdict.refusal !== undefined && verdict.refusal !== '0A000'
  return isOtherRefusal ? `refused by ${verdict.refusal} and not by 0A000` : undefined
}

function surpriseBeside(kind: Kind, verdict: Verdict, peer: Verdict): string | undefined {
  if (isAlike(verdict, peer) || explanation(kind) !== undefined) return undefined
  return `PgBouncer’s client finds it ${says(peer)}, Taxirank’s ${says(verdict)}`
}

export function isAlike(verdict: Verdict, peer: Verdict): boolean {
  return verdict.keeping === peer.keeping && verdict.leaks.length > 0 === peer.leaks.length > 0
}

export function explanation({ name }: Kind): Difference | undefined {
  return differences.find(({ kinds }) => kinds.includes(name))
}

function says({ keeping, leaks }: Verdict): string {
  return leaks.length > 0 ? `${keeping} and leaked` : keeping
}
