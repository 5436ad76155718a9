/** SET and RESET. */

import { type Effect, type Effects, noEffects, unsure } from './effect.ts'
import type { Token } from './lexer.ts'
import { isOfTransaction, isPlanless, nameBytes, parameterName } from './parameter-name.ts'

export function setEffects(tokens: readonly Token[]): Effects {
  const scope = isDotted(tokens, 1) ? undefined : wordAt(tokens, 1)
  if (scope === 'transaction' || scope === 'constraints') return noEffects
  if (scope === 'local') return assignment(tokens.slice(2)).flatMap(inTransaction)
  const isSession = scope === 'session' && !isAssigned(tokens, 2)
  const second = isSession ? wordAt(tokens, 2) : undefined
  if (second === 'characteristics') return characteristics(tokens)
  return assignment(tokens.slice(isSession && second !== 'authorization' ? 2 : 1))
}

/** PostgreSQL cuts what it reads as one: which name is left depends on the encoding. */
function isCut(name: string): boolean {
  return name.split('.').some((part) => part.length > nameBytes)
}

export function resetEffects(tokens: readonly Token[]): Effects {
  if (wordAt(tokens, 1) === 'all' && tokens.length === 2) return [{ kind: 'reset all' }]
  const name = specialName(tokens.slice(1)) ?? nameAt(tokens, 1)?.name
  if (name === undefined) return unsure
  return isCut(name) ? unnamed : [{ kind: 'set', name, value: null }]
}

/** What is deferrable may wait for others: what asks for the session, resets it or brings it to the next client would, too. */
export const deferrable: Effects = [
  { kind: 'indelible', what: 'a transaction that is DEFERRABLE unless told otherwise' },
]

/** SET SESSION CHARACTERISTICS AS TRANSACTION. */
function characteristics(tokens: readonly Token[]): Effects {
  const isDeferring = tokens.some((_, at) => wordAt(tokens, at) === 'deferrable' && wordAt(tokens, at - 1) !== 'not')
  if (isDeferring) return deferrable
  return ['isolation', 'read_only', 'deferrable'].map((name) => {
    return { kind: 'set', name: `default_transaction_${name}`, value: undefined }
  })
}

function wordAt(tokens: readonly Token[], at: number): string | undefined {
  const token = tokens[at]
  return token?.kind === 'word' ? token.text : undefined
}

export const passing: Effects = [{ kind: 'passing' }]
export const passingEncoding: Effects = [{ kind: 'passing', isEncoding: true }]

/** Of a transaction nothing is left but what is created in it, and numbers that are drawn. */
export function inTransaction(effect: Effect): Effects {
  if (effect === tempPathSet) return [{ kind: 'temporary' }]
  if (effect === deferrable[0]) return noEffects
  if (effect.kind === 'maybe temporary') return [effect]
  if (effect.kind === 'set' && effect.name === 'client_encoding') return passingEncoding
  if (effect.kind === 'set' && !isPlanless(effect.name)) return passing
  return effect.kind === 'indelible' ? [effect] : noEffects
}

/** What stands here is the first part of a custom parameter's name, whatever it looks like. */
function isDotted(tokens: readonly Token[], at: number): boolean {
  return tokens[at + 1]?.text === '.'
}

/** `=` or TO stands here: what is in front of it is a parameter's name, though it may look like something else. */
function isAssigned(tokens: readonly Token[], at: number): boolean {
  return tokens[at]?.text === '=' || wordAt(tokens, at) === 'to'
}

/** What is behind SET or SET SESSION. */
function assignment(tokens: readonly Token[]): Effects {
  const special = isAssigned(tokens, 1) ? undefined : specialName(tokens)
  if (special !== undefined) return setTo(special, tokens.slice(1), isDefault(tokens.at(-1)))
  const found = nameAt(tokens, 0)
  if (!found || !isAssigned(tokens, found.end)) return unsure
  if (isCut(found.name)) return unnamed
  const values = tokens.slice(found.end + 1)
  return setTo(found.name, values, values.length === 1 && isDefault(values[0]))
}

/** One parameter, to what these tokens say. */
export function setTo(name: string, values: readonly Token[], isReset = false): Effects {
  if (isOfTransaction(name)) return noEffects
  if (name === 'seed') return [{ kind: 'indelible', what: 'SET seed' }]
  if (name === 'default_transaction_deferrable' && !isReset && !values.every(isOff)) return deferrable
  const effect: Effect = { kind: 'set', name, value: isReset ? null : undefined }
  return name === 'search_path' ? [effect, ...pathEffects(values)] : [effect]
}

function isOff({ text }: Token): boolean {
  return /^(off|false|no|0)$/i.test(text ?? '')
}

const unnamed: Effects = [{ kind: 'set unnamed' }]

/** What is created without a schema is temporary from now on, and nothing shows it. */
export const tempPathSet: Effect = { kind: 'indelible', what: 'a search_path with pg_temp' }

/** The same, if the schemas in front of pg_temp are not there, or may not be used, or if a value that can't be read names it. */
export const maybeTempPathSet: Effect = { kind: 'maybe temporary', isGiven: false }
const givenTempPathSet: Effect = { kind: 'maybe temporary', isGiven: true }

/** Behind `public`, which is there as a rule, pg_temp is only looked at: so it should stand, PostgreSQL's manual says. */
function pathEffects(values: readonly Token[]): Effects {
  const at = values.findIndex(mayNameTemp)
  if (at >= 0) {
    const isBehindPublic = values.slice(0, at + 1).some(({ text }) => /^"?public"?(\s*,|$)/i.test(text ?? ''))
    return [isBehindPublic ? maybeTempPathSet : tempPathSet]
  }
  if (values.every(isPlain)) return noEffects
  return [values.every((value) => isPlain(value) || isParameter(value)) ? givenTempPathSet : maybeTempPathSet]
}

function mayNameTemp({ text }: Token): boolean {
  return text === undefined || /\bpg_temp/i.test(text)
}

/** It is what it looks like. */
function isPlain({ kind, text }: Token): boolean {
  return kind !== 'symbol' || text === ','
}

/** A value of the Bind. */
export function isParameter({ kind, text }: Token): boolean {
  return kind === 'symbol' && /^\$\d+$/.test(text)
}

function isDefault(token: Token | undefined): boolean {
  return token?.kind === 'word' && token.text === 'default'
}

/** Parameters that have a syntax of their own. */
function specialName(tokens: readonly Token[]): string | undefined {
  if (isDotted(tokens, 0)) return undefined
  const [first, second] = [wordAt(tokens, 0), wordAt(tokens, 1)]
  switch (first) {
    case 'time':
      return second === 'zone' ? 'timezone' : undefined
    case 'session':
      return second === 'authorization' ? 'session_authorization' : undefined
    case 'xml':
      return second === 'option' ? 'xmloption' : undefined
    case 'transaction':
      return second === 'isolation' ? 'transaction_isolation' : undefined
    case 'role':
    case 'names':
    case 'schema':
      return tokens.length > 1 || first === 'role' ? synonyms[first] : undefined
    default:
      return undefined
  }
}

const synonyms = { role: 'role', names: 'client_encoding', schema: 'search_path' } as const

/** A name, maybe of several parts, and where it ends. */
function nameAt(tokens: readonly Token[], at: number): { readonly name: string; readonly end: number } | undefined {
  const parts: string[] = []
  for (let end = at; ; end += 2) {
    const token = tokens[end]
    if (token?.kind !== 'word' && token?.kind !== 'name') return undefined
    parts.push(token.text)
    if (tokens[end + 1]?.text !== '.') return { name: parameterName(parts.join('.')), end: end + 1 }
  }
}
