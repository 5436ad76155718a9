/** What the functions that a statement names do to its session: those of PostgreSQL and its extensions of which that is known. */

import { codeEffects } from './code-effects.ts'
import { type Effect, type Effects, noEffects } from './effect.ts'
import { isSymbol, type Token } from './lexer.ts'
import { parameterName } from './parameter-name.ts'
import { inTransaction, isParameter, setTo } from './set-effects.ts'

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
