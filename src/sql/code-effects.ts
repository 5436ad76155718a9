/** What code does that is not read as SQL: in DO, in strings that are run, in texts that can't be made out, in calls. Only its words are looked at. */

import { dottedNames } from './dotted-names.ts'
import { definition, type Effect, type Effects } from './effect.ts'
import type { Token } from './lexer.ts'
import { tempPathSet } from './set-effects.ts'

/** Code that runs, of which only what stands in strings can be seen. */
export function codeEffects(tokens: readonly Token[]): Effects {
  const strings = tokens.filter(({ kind }) => kind === 'string')
  const bodies = strings.map(({ text }) => text ?? '').join(' ')
  const effects: Effect[] = [{ kind: 'unsure', mentioned: mentionedNames(tokens) }]
  if (/\bsession[\s_]+authorization\b/i.test(bodies)) {
    effects.push({ kind: 'set', name: 'session_authorization', value: undefined })
  }
  if (setsEncoding.test(bodies) || (commentedSet.test(bodies) && /\bnames\b/i.test(bodies))) effects.push(encodingSet)
  const isOpaque = strings.some(({ text }) => text === undefined) || coded.test(bodies)
  if (isOpaque || leavesIndelible(bodies))
    effects.push({ kind: 'indelible', what: 'LOAD, setseed or the like, in code' })
  if (defines.test(bodies)) effects.push(definition)
  if (setsTempPath(bodies)) effects.push(tempPathSet)
  if (isOpaque || readsSequence.test(bodies)) effects.push({ kind: 'read sequence' })
  return effects
}

const setsEncoding = /\bclient_encoding\b|\bset\s+((session|local)\s+)?names\b/i
export const encodingSet: Effect = { kind: 'set', name: 'client_encoding', value: undefined }

/** As they stand in SQL, maybe within a string: a word of a comment or of a message is not enough. */
const indelible =
  /\bdefault_transaction_deferrable\b|\bpg_(create|copy)_\w+_replication_slot\b|\bpg_replication_origin_session_setup\b|\bpg_(backup_start|start_backup)\b|\b(setseed|isn_weak)\b|\bdblink_connect(_u)?\b|\bexecute\s+"?taxirank_|\bpg_prepared_statements\b|'seed'|\bset\s+((session|local)\s+)?"?seed\b|\bload\s*(e?\\?'|\$)/i
const readsSequence = /\b(currval|lastval|pg_prepared_statements)\b|\bexecute\s+"?taxirank_/i
/** U&'…' and U&"…": anything may be spelled in them. */
const coded = /\bu&['"]/i

function leavesIndelible(bodies: string): boolean {
  if (indelible.test(bodies) || computedName.test(bodies) || commentedLoad.test(bodies)) return true
  if (/\bcharacteristics\b/i.test(bodies) && /\bdeferrable\b/i.test(bodies)) return true
  if (commentedSet.test(bodies) && /\bseed\b/i.test(bodies)) return true
  return commentedExecute.test(bodies) && /\btaxirank_/i.test(bodies)
}

/** A set_config of what is neither a name, nor begins like that of a custom parameter: it may be seed. */
const computedName = /\bset_config\b(?!\s*\(\s*('[\w.]+'\s*(::\s*\w+\s*)?,|'\w+\.[\w.]*'))/i

/** Behind such a word stands a comment, which may hide what follows. */
const commentedSet = /\b(set|session|local)\s*(--|\/\*)/i
const commentedExecute = /\bexecute\s*(--|\/\*)/i
const commentedLoad = /\bload\s*(--|\/\*)/i

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

/** What may be a custom parameter's name, in strings and behind SET: a schema and a table look the same. */
function mentionedNames(tokens: readonly Token[]): string[] {
  const texts = tokens.flatMap(({ kind, text }) => (kind === 'string' && text !== undefined ? [text] : []))
  return dottedNames(texts.join('\n'))
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

const lookedAtBytes = 4_096
