/** From what was seen to what is said of a cell: who saw what, and whether A kept its state. */

import type { Played, Reference, Sight } from './played.ts'

/**
 * How A fared with its own state, beside a direct connection. `none`: there is nothing to keep, and nothing is there;
 * `server`: it stays with the server, so A has it as long as it gets that one; `alone`: until somebody else has used the
 * server; `wrong`: something is there that should not be.
 */
export type Keeping = 'kept' | 'pinned' | 'server' | 'alone' | 'lost' | 'refused' | 'none' | 'wrong'

export interface Verdict {
  readonly keeping: Keeping
  readonly leaks: readonly Sight[]
  /** The SQLSTATE of a statement that a direct connection takes. */
  readonly refusal?: string
  /** How the answers differ from those of a direct connection otherwise. */
  readonly differs?: string
}

/** `fresh`: of the kind, undefined if it is something else each time: then nobody may see what A sees. */
export function judge(played: Played, reference: Reference, fresh: string | undefined): Verdict {
  const isLeak = ({ saw }: Sight): boolean =>
    fresh === undefined ? reference.shows.includes(saw) : saw !== reference.fresh
  const leaks = played.sights.filter(isLeak)
  const answers = compareAnswers(played.answers, reference.answers)
  if (answers.refusal === undefined) return { keeping: judgeKeeping(played, reference, fresh), leaks, ...answers }
  const changed = fresh === undefined ? undefined : played.shows.find((show) => show !== reference.untouched)
  return {
    keeping: 'refused',
    leaks,
    ...answers,
    ...(changed !== undefined && { differs: `refused, and yet A sees “${changed}”` }),
  }
}

function judgeKeeping({ shows, isPinned }: Played, reference: Reference, fresh: string | undefined): Keeping {
  const [isAtOnce, isAfterAnother, isElsewhere] = reference.shows.map((show, index) => show === shows[index])
  const isWhole = isAtOnce && isAfterAnother && isElsewhere
  if (fresh !== undefined && reference.shows.every((show) => show === reference.fresh))
    return isWhole ? 'none' : 'wrong'
  if (isWhole) return isPinned ? 'pinned' : 'kept'
  if (!isAtOnce) return 'lost'
  return isAfterAnother ? 'server' : 'alone'
}

function compareAnswers(got: readonly string[], wanted: readonly string[]): Pick<Verdict, 'refusal' | 'differs'> {
  const index = wanted.findIndex((line, at) => line !== got[at])
  if (index < 0 && got.length === wanted.length) return {}
  const [line = 'nothing', instead = 'nothing'] = index < 0 ? [got[wanted.length]] : [got[index], wanted[index]]
  const refusal = /^E \w+ (\w{5}):/.exec(line)?.[1]
  return refusal === undefined ? { differs: `“${line}” was answered for “${instead}”` } : { refusal }
}

/** Why a kind can't be made in a situation: PostgreSQL's own refusal, but for the failure that is wanted. */
export function whyNot(answers: readonly string[]): string | undefined {
  return answers.find((line) => line.startsWith('E ') && !line.startsWith('E ERROR 22012'))
}
