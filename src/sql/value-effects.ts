/** What statements and calls do whose values say so: those of a Bind, or of a FunctionCall. */

import { encodingSet, unsureAbout } from './code-effects.ts'
import { dottedNames } from './dotted-names.ts'
import { type Effect, type Effects, noEffects, unsure } from './effect.ts'
import { deferrable, maybeTempPathSet, passing, passingEncoding } from './set-effects.ts'

/** It names the schema, if these values, of a Bind, do. */
export function namesTempSchema(values: string): boolean {
  return /pg_temp/i.test(values)
}

/** What a set_config does of which a Bind with these values says everything, or the name at least. */
export function givenEffects(values: string, isLocal: boolean): Effects {
  const effects: Effect[] = isValue('seed', values) ? [{ kind: 'indelible', what: 'SET seed' }] : []
  const isOfEncoding = isValue('client_encoding', values)
  const local = isOfEncoding ? passingEncoding : passing
  if (isLocal) return [...local, ...effects, ...(isValue('search_path', values) ? [maybeTempPathSet] : [])]
  if (isOfEncoding) effects.push(encodingSet)
  if (isValue('default_transaction_deferrable', values)) effects.push(...deferrable)
  const mentioned = dottedNames(values)
  if (hiddenNames.some((name) => isValue(name, values))) effects.push(...unsure)
  return [...effects, mentioned.length > 0 ? { kind: 'unsure', mentioned, isSetting: true } : { kind: 'set unknown' }]
}

/** What is set is not listed to those who are no superusers. */
const hiddenNames = ['dynamic_library_path', 'extension_control_path', 'session_preload_libraries']

/** One of the values of a Bind, behind its length; in whatever case. */
function isValue(name: string, values: string): boolean {
  return values.toLowerCase().includes(`\0\0\0${String.fromCharCode(name.length)}${name}`)
}

/** The first OID that PostgreSQL itself has not given: nothing tells whose function that is. */
const firstOwnOid = 16_384
const setConfig = 2_078
/**
 * setseed, pg_replication_origin_session_setup, pg_backup_start, those that make replication slots, and those that run SQL: query_to_xml and its like,
 * ts_rewrite, ts_stat.
 */

const indelibleFunctions = new Set([
  1599, 6006, 2172, 3779, 3786, 4220, 4221, 4222, 4223, 4224, 2924, 2927, 2930, 3684, 3685, 3689, 3690,
])

/** A call by the protocol, of the function whose OID stands at `from`; the rest, to `to`, are its arguments. `isWhole`: no more is to come. */
export function callEffects(bytes: Buffer, from: number, to: number, isWhole: boolean): Effects {
  // What is no call PostgreSQL refuses.
  if (isWhole && to - from < 4) return noEffects
  const oid = to - from < 4 ? firstOwnOid : bytes.readUInt32BE(from)
  const values = bytes.toString('latin1', from, to)
  const isOfSession =
    isValue('seed', values) || isValue('default_transaction_deferrable', values) || (oid === setConfig && !isWhole)
  const isIndelible = oid >= firstOwnOid || indelibleFunctions.has(oid) || isOfSession
  const call: Effects = isIndelible ? [{ kind: 'indelible', what: 'a FunctionCall' }] : noEffects
  return [...unsureAbout(bytes, from, to), ...call]
}
