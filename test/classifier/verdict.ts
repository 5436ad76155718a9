/** Whether what a classifier said of a text would have made the pooler look at what the text has changed. */

import type { Effect, Effects } from '../../src/sql/effect.ts'
import type { Change } from './look.ts'

/**
 * `seen`; `as unsure`: something may have happened, but for that the pooler has nothing to ask by; `computed`: the custom parameter's name does not stand
 * in the text; `hidden`: only the body of a function shows it, or it is a library that one needs; `missed`.
 */
export type Verdict = 'seen' | 'as unsure' | 'computed' | 'hidden' | 'missed'

/** Functions of the fixture that change the session in their bodies are called so. */
const hiddenCall = /hidden_/i

export function judge(change: Change, text: string, effects: Effects): Verdict {
  if (effects.some((effect) => covers(effect, change))) return 'seen'
  const isUnsure = effects.some(({ kind }) => kind === 'unsure')
  if (isUnsure && isAskable(change)) return 'seen'
  if (change.what === 'custom' && !text.toLowerCase().includes(change.name)) return 'computed'
  if (change.what === 'libraries' && !/\bload\b/i.test(text)) return 'hidden'
  if (hiddenCall.test(text)) return 'hidden'
  return isUnsure ? 'as unsure' : 'missed'
}

/** The pooler's questions of a session find it without a name. */
function isAskable(change: Change): boolean {
  return ['parameter', 'prepared', 'cursors', 'channels', 'locks', 'temporary'].includes(change.what)
}

const gains = {
  prepared: 'prepare',
  cursors: 'hold',
  channels: 'listen',
  locks: 'lock',
  temporary: 'temporary',
} as const
const losses = {
  prepared: ['deallocate', 'deallocate all'],
  cursors: ['close'],
  channels: ['unlisten'],
  locks: ['unlock'],
  temporary: ['drop'],
} as const

function covers(effect: Effect, change: Change): boolean {
  if (effect.kind === 'indelible') return true
  if (effect.kind === 'discard' && effect.what === 'all') return true
  switch (change.what) {
    case 'parameter':
      return (
        ['set unknown', 'set unnamed', 'set given', 'reset all'].includes(effect.kind) || isSetOf(effect, change.name)
      )
    case 'custom':
      if (effect.kind === 'set unnamed' || effect.kind === 'set given' || effect.kind === 'unsure') return true
      return effect.kind === 'reset all' || isSetOf(effect, change.name)
    case 'user':
      return isSetOf(effect, 'session_authorization')
    case 'tempPath':
      return effect.kind === 'maybe temporary'
    case 'prepared':
    case 'cursors':
    case 'channels':
    case 'locks':
    case 'temporary':
      if (change.what === 'temporary' && effect.kind === 'maybe temporary') return true
      if (change.isGain) return effect.kind === gains[change.what]
      if (change.what === 'temporary' && effect.kind === 'discard' && effect.what === 'temp') return true
      return (losses[change.what] as readonly string[]).includes(effect.kind)
    default:
      return false
  }
}

function isSetOf(effect: Effect, name: string): boolean {
  return effect.kind === 'set' && effect.name === name
}
