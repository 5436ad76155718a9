/**
 * What a text of SQL may do to the session that runs it, beyond its transaction, as far as the text shows. Names of
 * parameters are in lower case, as PostgreSQL compares them; all texts are byte strings (latin1), as they came.
 */

/** `from` and `to`: where a name stands in the text, quotes included. */
export interface NameInText {
  readonly name: string
  readonly from: number
  readonly to: number
}

export type Effect =
  /**
   * SET, RESET or set_config of one parameter, for the session. A string: the value, as set_config would take it; null: back
   * to its default; undefined: the text does not show it, ask. `role`, `session_authorization` and `timezone` count as parameters.
   */
  | { readonly kind: 'set'; readonly name: string; readonly value: string | null | undefined }
  /** RESET ALL. */
  | { readonly kind: 'reset all' }
  /**
   * It may set parameters that can't be read in the text (DO, CALL, a computed name, UPDATE pg_settings). `mentioned`: dotted names
   * that stand in it, of custom parameters maybe.
   */
  | { readonly kind: 'set unknown'; readonly mentioned: readonly string[] }
  /** SQL PREPARE, EXECUTE, DEALLOCATE: not those of the protocol. */
  | { readonly kind: 'prepare'; readonly statement: NameInText }
  | { readonly kind: 'execute'; readonly statement: NameInText }
  | { readonly kind: 'deallocate'; readonly statement: NameInText }
  | { readonly kind: 'deallocate all' }
  | { readonly kind: 'discard'; readonly what: 'all' | 'plans' | 'sequences' | 'temp' }
  | { readonly kind: 'listen'; readonly channel: string }
  /** Undefined: all of them. */
  | { readonly kind: 'unlisten'; readonly channel: string | undefined }
  /** Something temporary is made: a table, view, sequence, function; or something is made in pg_temp. */
  | { readonly kind: 'temporary' }
  /** An advisory lock of the session, not of the transaction, is taken; or given back. */
  | { readonly kind: 'lock' }
  | { readonly kind: 'unlock' }
  /** A cursor that outlives its transaction. */
  | { readonly kind: 'hold' }
  /** Something that nothing undoes: LOAD, setseed, a connection of dblink's. */
  | { readonly kind: 'indelible'; readonly what: string }
  /** It reads what this session last drew from a sequence: currval, lastval. */
  | { readonly kind: 'read sequence' }
  /** It could not be understood: anything may happen. */
  | { readonly kind: 'unsure' }

/** In the order of the text; the one empty list is `noEffects`. */
export type Effects = readonly Effect[]

/** Nothing in the text changes its session. */
export const noEffects: Effects = Object.freeze([])
