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

/** Kinds that Taxirank lets nobody else see, other than PgBouncer, or that fare otherwise. */
export interface Difference {
  readonly why: string
  readonly kinds: readonly string[]
  /** The situations, by their short names, in which it is as with PgBouncer after all. */
  readonly except?: readonly string[]
}

const otherParameters = [
  'SET IntervalStyle',
  'SET default_transaction_read_only',
  'SET search_path',
  'SET SCHEMA',
  'SET SESSION CHARACTERISTICS, read only',
]

const prepared = [
  'SQL PREPARE',
  'SQL PREPARE, for Bind',
  'Parse with a name',
  'Parse with a name, for EXECUTE',
  'Parse of a name that another uses',
]

/** Where a Taxirank that allows everything is not what PgBouncer 1.18 is. */
export const differences: readonly Difference[] = [
  {
    kinds: otherParameters,
    why: 'PostgreSQL reports these as well (`search_path` from 18), so Taxirank makes them follow their client; PgBouncer 1.18 follows client_encoding, DateStyle, TimeZone, standard_conforming_strings and application_name only',
  },
  {
    kinds: ['SET application_name'],
    why: 'PgBouncer leaves on a server what the next client has not set itself, and a client need not name itself; Taxirank sets it back to what that client was told at its login',
  },
  {
    kinds: ['SET ROLE by a superuser', 'SET SESSION AUTHORIZATION'],
    why: 'PostgreSQL reports that is_superuser or session_authorization has changed, and Taxirank closes the server when the transaction ends: nobody else gets the role, and its client loses it',
  },
  {
    kinds: prepared,
    except: ['DO'],
    why: 'Taxirank closes the server when the transaction ends in which a statement was named: nobody else finds it, and its client loses it. Of a PREPARE inside DO it sees nothing',
  },
  {
    kinds: ['SQL PREPARE, then DEALLOCATE'],
    why: 'for the same reason a DEALLOCATE in a transaction of its own fails: the statement is gone',
  },
  {
    kinds: ['the unnamed statement'],
    why: 'PgBouncer lets a client execute the unnamed statement that another has parsed; Taxirank drops it before another’s Bind',
  },
  {
    kinds: ['LISTEN'],
    except: ['DO'],
    why: 'Taxirank closes the server when the transaction ends: nobody else gets the notifications, and its client gets none either. Of a LISTEN inside DO or a function it sees nothing',
  },
]

/** What no pooler can tell from the statements. */
function isInvisible({ kind, situation }: Cell): boolean {
  return kind.invisible === 'always' || (kind.invisible === 'inside DO' && situation.short === 'DO')
}

/** `peer`: PgBouncer’s in the same cell; without it, whatever is there to be kept may leak under `allow`. */
export function mayLeak(contender: Contender, cell: Cell, verdict: Verdict, peer: Verdict | undefined): boolean {
  if (contender.policy === 'session') return cell.kind.outlivesDiscard === true
  if (contender.policy === 'allow') {
    return explanation(cell) === undefined && (peer ? peer.leaks.length > 0 : verdict.keeping !== 'none')
  }
  return isInvisible(cell)
}

/** Why the cell is not as it should be; undefined if it is. */
export function surprise(
  contender: Contender,
  cell: Cell,
  verdict: Verdict,
  peer: Verdict | undefined,
): string | undefined {
  if (verdict.differs !== undefined) return verdict.differs
  if (contender.policy === 'allow') return peer && surpriseBeside(cell, verdict, peer)
  if (verdict.keeping === 'none' || isInvisible(cell)) return undefined
  const wanted = [...keepings[contender.policy], ...exceptions(contender, cell)]
  if (!wanted.includes(verdict.keeping)) return `${wanted.join(' or ')} was expected, it is ${verdict.keeping}`
  const isOtherRefusal = verdict.refusal !== undefined && verdict.refusal !== '0A000'
  return isOtherRefusal ? `refused by ${verdict.refusal} and not by 0A000` : undefined
}

function exceptions({ policy }: Contender, { kind, situation }: Cell): readonly Keeping[] {
  if (kind.isOfLogin) return ['lost']
  return lesserPromises
    .filter(({ policies, isOf }) => policies.includes(policy) && isOf(kind, situation.short))
    .map(({ keeping }) => keeping)
}

interface LesserPromise {
  readonly policies: readonly Contender['policy'][]
  readonly isOf: (kind: Kind, situation: string) => boolean
  readonly keeping: Keeping
  readonly why: string
}

/** What a client may lose, though nobody else ever sees it. */
const lesserPromises: readonly LesserPromise[] = [
  {
    policies: ['track', 'pin', 'reject'],
    isOf: ({ isLostByTrack = false }) => isLostByTrack,
    keeping: 'alone',
    why: 'what was drawn from sequences is forgotten when somebody else has used the server: an INSERT must not pin',
  },
  {
    policies: ['track'],
    isOf: ({ name }, situation) =>
      name === 'set_config in a procedure' || (situation === 'DO' && name.startsWith('set_config with')),
    keeping: 'alone',
    why: 'the parameter has no name in the text, and PostgreSQL lists no custom ones: the session is reset when another client comes. Pinning whoever calls a procedure would cost more',
  },
  {
    policies: ['reject'],
    isOf: ({ name }, situation) => situation === 'DO' || / in a (DO|procedure)$/.test(name),
    keeping: 'lost',
    why: 'DO and CALL are not refused, for most do nothing to their session: what they leave is removed',
  },
  {
    policies: ['reset'],
    isOf: ({ name }) => name === 'LISTEN',
    keeping: 'lost',
    why: 'who listens is known for the transaction only: what comes later may be another’s, and goes to nobody',
  },
  {
    policies: ['track', 'pin', 'reset', 'reject'],
    isOf: ({ name }) => name === 'Parse with a name, for EXECUTE',
    keeping: 'lost',
    why: 'statements of the protocol have another name on servers, and EXECUTE is SQL',
  },
  {
    policies: ['reset'],
    isOf: ({ outlivesDiscard = false }) => outlivesDiscard,
    keeping: 'lost',
    why: 'nothing removes it from a session: the server is closed',
  },
]

/** For the report. */
export const promises: readonly string[] = lesserPromises.map(({ policies, why }) => `${policies.join(', ')}: ${why}`)

function surpriseBeside(cell: Cell, verdict: Verdict, peer: Verdict): string | undefined {
  if (isAlike(verdict, peer) || explanation(cell) !== undefined) return undefined
  return `PgBouncer’s client finds it ${says(peer)}, Taxirank’s ${says(verdict)}`
}

export function isAlike(verdict: Verdict, peer: Verdict): boolean {
  return verdict.keeping === peer.keeping && verdict.leaks.length > 0 === peer.leaks.length > 0
}

export function explanation({ kind, situation }: Cell): Difference | undefined {
  return differences.find(({ kinds, except = [] }) => kinds.includes(kind.name) && !except.includes(situation.short))
}

function says({ keeping, leaks }: Verdict): string {
  return leaks.length > 0 ? `${keeping} and leaked` : keeping
}
