/** What the functions that a statement names do to its session: those of PostgreSQL and its extensions of which that is known. */

import { type Effect, type Effects, noEffects } from './effect.ts'
import { lowered, type Token } from './lexer.ts'

/** Named anywhere, quoted or qualified or not: whether it is called is not asked. */
export function functionEffects(tokens: readonly Token[]): Effects {
  let effects: Effect[] | undefined
  for (const [at, { kind, text }] of tokens.entries()) {
    if (kind !== 'word' && kind !== 'name') continue
    const effect = effectOf(text, tokens, at)
    if (effect) (effects ??= []).push(effect)
  }
  return effects ?? noEffects
}

const simple = new Map<string, Effect>([
  ['currval', { kind: 'read sequence' }],
  ['lastval', { kind: 'read sequence' }],
  ['setseed', { kind: 'indelible', what: 'setseed' }],
  ['dblink_connect', { kind: 'indelible', what: 'dblink_connect' }],
  ['dblink_connect_u', { kind: 'indelible', what: 'dblink_connect_u' }],
  ['pg_replication_origin_session_setup', { kind: 'indelible', what: 'pg_replication_origin_session_setup' }],
  ['set_limit', { kind: 'set', name: 'pg_trgm.similarity_threshold', value: undefined }],
])

function effectOf(name: string, tokens: readonly Token[], at: number): Effect | undefined {
  if (name === 'set_config') return setConfigEffect(tokens.slice(at + 1))
  if (/^pg_(try_)?advisory_lock/.test(name)) return { kind: 'lock' }
  if (name.startsWith('pg_advisory_unlock')) return { kind: 'unlock' }
  return simple.get(name)
}

/** A value is never taken from the text: the row that it stands in may not be there. */
function setConfigEffect(behind: readonly Token[]): Effect | undefined {
  const unknown: Effect = { kind: 'set unknown', mentioned: mentionedNames(behind) }
  const [open, name, comma] = behind
  if (open?.text !== '(' || name?.kind !== 'string' || name.text === undefined || comma?.text !== ',') return unknown
  return isLocal(behind) ? undefined : { kind: 'set', name: lowered(name.text), value: undefined }
}

/** The third argument is `true`, and the second one plain. */
function isLocal([, , , value, comma, local, close]: readonly Token[]): boolean {
  const isPlain = value !== undefined && value.text !== '(' && comma?.text === ','
  return isPlain && local?.kind === 'word' && local.text === 'true' && close?.text === ')'
}

const dottedName = /[a-z_][\w$]*(?:\.[a-z_][\w$]*)+/gi

/** What may be a custom parameter's name, in strings and behind SET: a schema and a table look the same. */
export function mentionedNames(tokens: readonly Token[]): string[] {
  const texts = tokens.flatMap(({ kind, text }) => (kind === 'string' && text !== undefined ? [text] : []))
  return dottedNames(texts.join('\n'))
}

/** The same, in values that a statement is given. */
export function dottedNames(text: string): string[] {
  return [...new Set((text.match(dottedName) ?? []).map(lowered))].slice(0, mostMentioned)
}

/** Each costs a call. */
const mostMentioned = 20
