/**
 * What a text of SQL may do to the session that runs it, beyond its transaction, as far as the text shows. Names of
 * parameters are in lower case, as PostgreSQL compares them; all texts are byte strings (latin1), as they came.
 */

import { isPlanless } from './parameter-name.ts'

export type Effect =
  /**
   * SET, RESET or set_config of one parameter, for the session. null: back to its default; undefined: to a value of which the session
   * itself knows best. `role`, `session_authorization` and `timezone` count as parameters.
   */
  | { readonly kind: 'set'; readonly name: string; readonly value: null | undefined }
  | { readonly kind: 'reset all' }
  /**
   * Something holds until the transaction is over, on which plans may depend: SET LOCAL, of client_encoding (`isEncoding`) or another; a temporary
   * table that is dropped with it.
   */
  | { readonly kind: 'passing'; readonly isEncoding?: true }
  /** It may set any of PostgreSQL's own parameters: UPDATE pg_settings. */
  | { readonly kind: 'set unknown' }
  /** It sets one parameter of which not even the name can be read. */
  | { readonly kind: 'set unnamed' }
  /** It sets one parameter whose name is a value of the Bind. `isLocal`: for the transaction. */
  | { readonly kind: 'set given'; readonly isLocal: boolean }
  /** SQL PREPARE and DEALLOCATE: not those of the protocol. */
  | { readonly kind: 'prepare' }
  /** `isAlone`: it is all that the text does; besides it there are only blanks, comments and semicolons. */
  | { readonly kind: 'deallocate'; readonly statement: string; readonly isAlone: boolean }
  | { readonly kind: 'deallocate all' }
  | { readonly kind: 'discard'; readonly what: 'all' | 'plans' | 'sequences' | 'temp' }
  /** `channel`: as PostgreSQL keeps it, if it is in ASCII. */
  | { readonly kind: 'listen'; readonly channel: string }
  /** undefined: to all channels. */
  | { readonly kind: 'unlisten'; readonly channel: string | undefined }
  /** Something temporary is made that outlives its transaction: a table, view, sequence, function. */
  | { readonly kind: 'temporary' }
  /**
   * What is made without a schema may be temporary: pg_temp may be the first of search_path that can be used. `isGiven`: whether it stands there is
   * for the values of the Bind to say.
   */
  | { readonly kind: 'maybe temporary'; readonly isGiven: boolean }
  /** Something that others use, too, is made, changed or dropped (`isDrop`): statements may mean something else from now on. */
  | { readonly kind: 'definition'; readonly isDrop?: true }
  /** Something is dropped, which may be temporary. */
  | { readonly kind: 'drop' }
  /** An advisory lock of the session, not of the transaction, is taken; or given back. */
  | { readonly kind: 'lock' }
  | { readonly kind: 'unlock' }
  /** A cursor that outlives its transaction; or one is closed. */
  | { readonly kind: 'hold' }
  | { readonly kind: 'close' }
  /** Something that nothing undoes: LOAD, setseed, a connection of dblink's. */
  | { readonly kind: 'indelible'; readonly what: string }
  /** It reads what this session last drew from a sequence: currval, lastval. `isMaybe`: or does not. */
  | { readonly kind: 'read sequence'; readonly isMaybe?: true }
  /**
   * Anything may happen: code that can't be seen runs, or the text could not be understood. `mentioned`: dotted names that stand in strings, of
   * custom parameters maybe. `isSetting`: it is certain that a parameter is set, but not which.
   */
  | { readonly kind: 'unsure'; readonly mentioned: readonly string[]; readonly isSetting?: true }

/** What is prepared or planned behind it may be otherwise than what others have of the same text. */
export function changesPlans(effect: Effect): boolean {
  switch (effect.kind) {
    case 'set':
      return !isPlanless(effect.name)
    case 'passing':
    case 'reset all':
    case 'set unknown':
    case 'set unnamed':
    case 'set given':
    case 'temporary':
    case 'indelible':
    case 'definition':
    case 'unsure':
      return true
    case 'discard':
      return effect.what === 'all'
    default:
      return false
  }
}

/** Texts behind it may have to be read in another encoding; what code does shows as an effect of its own. */
export function maySetEncoding(effect: Effect): boolean {
  switch (effect.kind) {
    case 'set':
      return effect.name === 'client_encoding'
    case 'passing':
      return effect.isEncoding === true
    case 'reset all':
    case 'set unknown':
    case 'set unnamed':
      return true
    case 'discard':
      return effect.what === 'all'
    default:
      return false
  }
}

/** In the order of the text; the one empty list is `noEffects`. */
export type Effects = readonly Effect[]

/** It could not be understood, and names nothing. */
export const unsure: Effects = Object.freeze([{ kind: 'unsure', mentioned: [] } as const])

/** What others use, too, may be another one from now on. */
export const definition: Effect = Object.freeze({ kind: 'definition' } as const)
/** The same, if it is not a temporary thing that is dropped. */
export const droppedDefinition: Effect = Object.freeze({ kind: 'definition', isDrop: true } as const)

/** Nothing in the text changes its session. */
export const noEffects: Effects = Object.freeze([])
