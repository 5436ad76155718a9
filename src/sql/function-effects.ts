/** What the functions that a statement names do to its session: those of PostgreSQL and its extensions of which that is known. */

import { definition, type Effect, type Effects, noEffects, unsure } from './effect.ts'
import { isSymbol, lowered, type Token } from './lexer.ts'
import { parameterName } from './parameter-name.ts'
import {
  deferrable,
  inTransaction,
  isParameter,
  maybeTempPath,
  passing,
  passingEncoding,
  setTo,
} from './set-effects.ts'

/** Named anywhere, quoted or qualified or not: whether it is called is not asked. */
export function functionEffects(tokens: readonly Token[]): Effects {
  let effects: Effect[] | undefined
  let runsCode = false
  for (const [at, { kind, text }] of tokens.entries()) {
    if (kind !== 'word' && kind !== 'name') continue
    if (runners.test(text)) runsCode = true
    const found = effectsOf(text, tokens, at)
    if (found.length > 0) (effects ??= []).push(...found)
  }
  // All strings are looked at, so once is enough.
  if (runsCode) (effects ??= []).push(...codeEffects(tokens))
  return effects ?? noEffects
}

const simple = new Map<string, Effect>([
  ['currval', { kind: 'read sequence' }],
  ['lastval', { kind: 'read sequence' }],
  ['setseed', { kind: 'indelible', what: 'setseed' }],
  ['isn_weak', { kind: 'indelible', what: 'isn_weak' }],
  ['dblink_connect', { kind: 'indelible', what: 'dblink_connect' }],
  ['dblink_connect_u', { kind: 'indelible', what: 'dblink_connect_u' }],
  ...[
    'pg_replication_origin_session_setup',
    'pg_create_physical_replication_slot',
    'pg_create_logical_replication_slot',
    'pg_copy_physical_replication_slot',
    'pg_copy_logical_replication_slot',
    'pg_backup_start',
    'pg_start_backup',
  ].map((what) => [what, { kind: 'indelible', what }] as const),
  ['set_limit', { kind: 'set', name: 'pg_trgm.similarity_threshold', value: undefined }],
])

/** They run the SQL in a string. */
const runners =
  /^(query_to_xml|query_to_xmlschema|query_to_xml_and_xmlschema|ts_stat|ts_rewrite|crosstab\w*|connectby|xpath_table)$/

function effectsOf(name: string, tokens: readonly Token[], at: number): Effects {
  if (name === 'set_config') return setConfigEffects(withoutCasts(tokens.slice(at + 1, at + 1 + setConfigTokens)))
  if (/^pg_(try_)?advisory_lock/.test(name)) return [{ kind: 'lock' }]
  if (name.startsWith('pg_advisory_unlock')) return [{ kind: 'unlock' }]
  const effect = simple.get(name)
  return effect ? [effect] : noEffects
}

/** Code that runs, of which only what stands in strings can be seen. */
export function codeEffects(tokens: readonly Token[]): Effects {
  const strings = tokens.filter(({ kind }) => kind === 'string')
  const bodies = strings.map(({ text }) => text ?? '').join(' ')
  const effects: Effect[] = [{ kind: 'unsure', mentioned: mentionedNames(tokens) }]
  if (/\bsession[\s_]+authorization\b/i.test(bodies)) {
    effects.push({ kind: 'set', name: 'session_authorization', value: undefined })
  }
  if (setsEncoding.test(bodies) || isCommented('set', 'names', bodies)) effects.push(encodingSet)
  const isOpaque = strings.some(({ text }) => text === undefined) || coded.test(bodies)
  if (isOpaque || leavesIndelible(bodies))
    effects.push({ kind: 'indelible', what: 'LOAD, setseed or the like, in code' })
  if (defines.test(bodies)) effects.push(definition)
  if (setsTempPath(bodies)) effects.push({ kind: 'indelible', what: 'a search_path with pg_temp' })
  if (isOpaque || readsSequence.test(bodies)) effects.push({ kind: 'read sequence' })
  return effects
}

const setsEncoding = /\bclient_encoding\b|\bset\s+((session|local)\s+)?names\b/i
const encodingSet: Effect = { kind: 'set', name: 'client_encoding', value: undefined }

/** As they stand in SQL, maybe within a string: a word of a comment or of a message is not enough. */
const indelible =
  /\bdefault_transaction_deferrable\b|\bpg_(create|copy)_\w+_replication_slot\b|\bpg_replication_origin_session_setup\b|\bpg_(backup_start|start_backup)\b|\bsetseed\b|\bdblink_connect(_u)?\b|\bexecute\s+"?taxirank_|\bpg_prepared_statements\b|'seed'|\bset\s+((session|local)\s+)?"?seed\b|\bload\s*(e?\\?'|\$)/i
const readsSequence = /\b(currval|lastval|pg_prepared_statements)\b|\bexecute\s+"?taxirank_/i
/** U&'…' and U&"…": anything may be spelled in them. */
const coded = /\bu&['"]/i

function leavesIndelible(bodies: string): boolean {
  const isNamed = indelible.test(bodies) || (/\bcharacteristics\b/i.test(bodies) && /\bdeferrable\b/i.test(bodies))
  const isLoad = /\bload\s*(--|\/\*)/i.test(bodies)
  return (
    isNamed || isLoad || isCommented('set|session|local', 'seed', bodies) || isCommented('execute', 'taxirank_', bodies)
  )
}

/** Behind one of the first words stands a comment, which may hide that the other one follows: it is there. */
function isCommented(first: string, other: string, bodies: string): boolean {
  return new RegExp(`\\b(${first})\\s*(--|/\\*)`, 'i').test(bodies) && new RegExp(`\\b${other}`, 'i').test(bodies)
}

const comment = /--|\/\*/
const defines = /\b(create|alter|drop)\b/i
const pathWord = /\b(?:search_path|schema)\b/gi
const tempSchema = /\bpg_temp\b(?!\s*\.)/i

/** Behind a word for the path, in the same statement, stands pg_temp, and not as the schema of something. Nothing is looked at twice. */
function setsTempPath(bodies: string): boolean {
  // A semicolon may stand in a comment.
  if (comment.test(bodies)) return /\b(search_path|schema)\b/i.test(bodies) && tempSchema.test(bodies)
  pathWord.lastIndex = 0
  while (pathWord.test(bodies)) {
    const end = bodies.indexOf(';', pathWord.lastIndex)
    if (end < 0) return tempSchema.test(bodies.slice(pathWord.lastIndex))
    if (tempSchema.test(bodies.slice(pathWord.lastIndex, end))) return true
    pathWord.lastIndex = end
  }
  return false
}

const unnamed: Effect = { kind: 'set unnamed' }
/** It may be seed. */
const unreadable: Effect = { kind: 'indelible', what: 'set_config of a name that is computed' }

const computed: Token = { kind: 'symbol', text: '' }

/** As many as `isForTransaction` looks at, with three casts. */
const setConfigTokens = 7 + 3 * 3

/** Without `::text`, which changes nothing. */
function withoutCasts(tokens: readonly Token[]): Token[] {
  const kept: Token[] = []
  for (let at = 0; at < tokens.length; at++) {
    const [first, second, type] = tokens.slice(at, at + 3)
    const isCast = isSymbol(first, ':') && isSymbol(second, ':') && type?.kind === 'word'
    if (isCast && /^(text|varchar|bool|boolean)$/.test(type.text)) at += 2
    else if (first) kept.push(first)
  }
  return kept
}

/** A value is never taken from the text: the row that it stands in may not be there. */
function setConfigEffects(behind: readonly Token[]): Effects {
  const [open, name, comma, value, end] = behind
  if (open?.text === '(' && name && isParameter(name) && comma?.text === ',')
    return [{ kind: 'set given', isLocal: isForTransaction(behind) }]
  if (open?.text !== '(' || name?.kind !== 'string' || name.text === undefined || comma?.text !== ',')
    return [open?.text === '(' && computesCustom(behind.slice(1)) ? unnamed : unreadable]
  const effects = setTo(parameterName(name.text), value && end?.text === ',' ? [value] : [computed])
  return isForTransaction(behind) ? effects.flatMap(inTransaction) : effects
}

/** What is computed begins with text that has a dot: `'app.' || key`, concat('app.', key), format('app.%s', key). */
function computesCustom([first, second, third]: readonly Token[]): boolean {
  const isCall = first?.kind === 'word' && /^(concat|format)$/.test(first.text) && isSymbol(second, '(')
  if (isCall) return beginsCustom(third)
  return beginsCustom(first) && isSymbol(second, '|') && isSymbol(third, '|')
}

function beginsCustom(token: Token | undefined): boolean {
  return token?.kind === 'string' && /^\w+\./.test(token.text ?? '')
}

/** The third argument is `true`, and the second one plain. */
function isForTransaction([, , , value, comma, local, close]: readonly Token[]): boolean {
  const isPlain = value !== undefined && value.text !== '(' && comma?.text === ','
  return isPlain && local?.kind === 'word' && local.text === 'true' && close?.text === ')'
}

/** What may be a custom parameter's name, in strings and behind SET: a schema and a table look the same. */
function mentionedNames(tokens: readonly Token[]): string[] {
  const texts = tokens.flatMap(({ kind, text }) => (kind === 'string' && text !== undefined ? [text] : []))
  return dottedNames(texts.join('\n'))
}

/** It names the schema, if these values, of a Bind, do. */
export function namesTempSchema(values: string): boolean {
  return /pg_temp/i.test(values)
}

/** What a set_config does of which a Bind with these values says everything, or the name at least. */
export function givenEffects(values: string, isLocal: boolean): Effects {
  const effects: Effect[] = isValue('seed', values) ? [{ kind: 'indelible', what: 'SET seed' }] : []
  const isOfEncoding = isValue('client_encoding', values)
  const local = isOfEncoding ? passingEncoding : passing
  if (isLocal) return [...local, ...effects, ...(isValue('search_path', values) ? [maybeTempPath] : [])]
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

/** Of what is not read as SQL: a text of which more is to come, a call. Its beginning may name custom parameters, and say that something is defined. */
export function unsureAbout(bytes: Buffer, from: number, to: number): Effects {
  const beginning = bytes.toString('latin1', from, Math.min(to, from + lookedAtBytes))
  const mentions: Effect = { kind: 'unsure', mentioned: dottedNames(beginning) }
  const effects = [
    ...(defines.test(beginning) ? [definition] : []),
    ...(setsEncoding.test(beginning) ? [encodingSet] : []),
  ]
  return [mentions, ...effects, { kind: 'read sequence', isMaybe: true }]
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

const lookedAtBytes = 4_096

/** Each costs a call. */
const mostMentioned = 20

/** The same, in values that a statement is given: parts that begin with a letter, with dots between. From dot to dot, so that no byte is looked at twice. */
export function dottedNames(text: string): string[] {
  const names = new Set<string>()
  let done = 0
  for (let dot = text.indexOf('.'); dot >= 0; dot = text.indexOf('.', Math.max(done, dot + 1))) {
    const [start, end] = [startOfPart(text, done, dot), endOfParts(text, dot)]
    if (start === dot || end === dot) continue
    names.add(lowered(text.slice(start, end)))
    if (names.size === mostMentioned) break
    done = end
  }
  return [...names]
}

/** Of the part that ends at `end`; a digit does not begin it. */
function startOfPart(text: string, from: number, end: number): number {
  let start = end
  while (start > from && inPart[text.charCodeAt(start - 1)] === 1) start--
  while (start < end && beginsPart[text.charCodeAt(start)] !== 1) start++
  return start
}

/** Of the parts that follow the dot at `dot`; itself, if none does. */
function endOfParts(text: string, dot: number): number {
  let end = dot
  while (text[end] === '.' && beginsPart[text.charCodeAt(end + 1)] === 1) {
    end++
    while (inPart[text.charCodeAt(end)] === 1) end++
  }
  return end
}

const beginsPart = bytesOf(/[a-z_]/i)
const inPart = bytesOf(/[\w$]/)

function bytesOf(form: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (form.test(String.fromCharCode(byte)) ? 1 : 0))
}
