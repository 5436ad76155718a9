/** What one statement does to its session, from its tokens. */

import { definition, droppedDefinition, type Effect, type Effects, noEffects, unsure } from './effect.ts'
import { codeEffects } from './code-effects.ts'
import { functionEffects } from './function-effects.ts'
import { isSymbol, lowered, type Token } from './lexer.ts'
import { nameBytes } from './parameter-name.ts'
import { ourPrefix } from './statement-prefix.ts'
import { passing, resetEffects, setEffects } from './set-effects.ts'

/** The tokens of one statement, without its semicolon; `isAlone`: there is no other in its text. */
export function statementEffects(tokens: readonly Token[], isAlone: boolean): Effects {
  const keyword = keywordOf(tokens)
  const own = (byKeyword.get(keyword) ?? anything)(tokens, isAlone)
  if (isUtility.has(keyword)) return own
  const evaluated = [...functionEffects(tokens), ...updateEffects(tokens), ...executeEffects(tokens)]
  return own.length === 0 ? evaluated : [...own, ...evaluated]
}

function keywordOf([first]: readonly Token[]): string {
  return first?.kind === 'word' ? first.text : first?.text === '(' ? 'select' : ''
}

/** Nothing in them is evaluated. */
const isUtility = new Set(['set', 'reset', 'listen', 'unlisten', 'load', 'discard', 'deallocate', 'do', 'comment'])

type Reader = (tokens: readonly Token[], isAlone: boolean) => Effects

const nothing: Reader = () => noEffects
const anything: Reader = () => unsure
const one =
  (effect: Effect): Reader =>
  () => [effect]

const byKeyword = new Map<string, Reader>([
  ...(
    'insert delete merge values table begin start commit end rollback abort savepoint release fetch move copy show vacuum analyze analyse lock ' +
    'notify truncate grant revoke comment cluster reindex refresh checkpoint reassign security'
  )
    .split(' ')
    .map((keyword) => [keyword, nothing] as const),
  ['select', selectEffects],
  ['with', selectEffects],
  ['update', nothing],
  ['set', setEffects],
  ['reset', resetEffects],
  ['prepare', prepareEffects],
  // What it runs was looked at when it was prepared, but see `executeEffects`.
  ['execute', nothing],
  ['deallocate', deallocateEffects],
  ['discard', discardEffects],
  ['close', one({ kind: 'close' })],
  ['drop', (tokens) => [{ kind: 'drop' }, ...definitionOf(tokens, droppedDefinition)]],
  ['listen', listenEffects],
  ['unlisten', unlistenEffects],
  ['load', one({ kind: 'indelible', what: 'LOAD' })],
  ['do', codeEffects],
  ['call', codeEffects],
  ['declare', declareEffects],
  ['create', createEffects],
  ['alter', alterEffects],
  ['explain', explainEffects],
  ['import', (tokens) => [namesTemp(tokens) ? { kind: 'temporary' } : definition]],
])

function isWord(token: Token | undefined, ...texts: readonly string[]): boolean {
  return token?.kind === 'word' && texts.includes(token.text)
}

function has(tokens: readonly Token[], ...texts: readonly string[]): boolean {
  return tokens.some((token) => isWord(token, ...texts))
}

/** pg_temp, or the name that it stands for. */
function namesTemp(tokens: readonly Token[]): boolean {
  return tokens.some(({ kind, text }) => (kind === 'word' || kind === 'name') && /^pg_temp(_\d+)?$/i.test(text))
}

/** SELECT … INTO makes a table, TEMP maybe. Other INTOs may stand in front of that: of an INSERT in a WITH, or as a label. */
function selectEffects(tokens: readonly Token[]): Effects {
  const isTemporary = tokens.some(
    (token, at) => isWord(token, 'into') && isTemporaryTarget(tokens.slice(at + 1, at + 7)),
  )
  if (isTemporary) return [{ kind: 'temporary' }]
  const makes = tokens.some((token, at) => isWord(token, 'into') && !isWord(tokens[at - 1], 'insert', 'merge'))
  return makes ? [definition] : noEffects
}

/** No statement is about these, or means something else with them. */
const meaningless =
  'index unique role user group database tablespace publication subscription policy trigger system'.split(' ')

function definitionOf([, what]: readonly Token[], effect = definition): Effects {
  return isWord(what, ...meaningless) ? noEffects : [effect]
}

/** LOCAL TEMP, TABLE pg_temp.x or database.pg_temp.x. */
function isTemporaryTarget(tokens: readonly Token[]): boolean {
  return has(tokens.slice(0, 2), 'temp', 'temporary') || namesTemp(tokens)
}

/** An update of the view of all parameters sets them. */
function updateEffects(tokens: readonly Token[]): Effects {
  const isOfSettings = tokens.some(({ kind, text }) => kind !== 'string' && lowered(text) === 'pg_settings')
  return isOfSettings && has(tokens, 'update') ? [{ kind: 'set unknown' }, ...unsure] : noEffects
}

/** What a client has prepared by the protocol has a name of the pooler's, that the session knows, too. What it does does not show here. */
const executesUnseen: Effects = [
  ...unsure,
  { kind: 'indelible', what: "EXECUTE of a statement by the pooler's name" },
  { kind: 'read sequence' },
]

function executeEffects(tokens: readonly Token[]): Effects {
  const isOurs = ({ text = '' }: Token, at: number): boolean =>
    text.startsWith(ourPrefix) && isWord(tokens[at - 1], 'execute')
  return tokens.some(isOurs) ? executesUnseen : noEffects
}

/** What is prepared may do to the session what only its EXECUTE shows, and with values of that. */
function prepareEffects(tokens: readonly Token[]): Effects {
  if (isWord(tokens[1], 'transaction')) return noEffects
  const isHarmless = functionEffects(tokens).length === 0 && updateEffects(tokens).length === 0
  return isHarmless
    ? [{ kind: 'prepare' }]
    : [{ kind: 'indelible', what: 'PREPARE of a statement that changes its session' }]
}

/** What has anything behind the name, or no name, is refused by PostgreSQL: nothing stands for it. */
function deallocateEffects(tokens: readonly Token[], isAlone: boolean): Effects {
  const at = isWord(tokens[1], 'prepare') && tokens.length > 2 ? 2 : 1
  const name = tokens[at]
  if (isWord(name, 'all')) return [{ kind: 'deallocate all' }]
  const isWhole = (name?.kind === 'word' || name?.kind === 'name') && tokens.length === at + 1
  return [{ kind: 'deallocate', statement: (name?.text ?? '').slice(0, nameBytes), isAlone: isAlone && isWhole }]
}

function listenEffects([, channel]: readonly Token[]): Effects {
  return [{ kind: 'listen', channel: (channel?.text ?? '').slice(0, nameBytes) }]
}

function unlistenEffects([, channel]: readonly Token[]): Effects {
  return [{ kind: 'unlisten', channel: channel?.kind === 'symbol' ? undefined : channel?.text?.slice(0, nameBytes) }]
}

const discardable = new Set(['all', 'plans', 'sequences', 'temp'])

function discardEffects(tokens: readonly Token[]): Effects {
  const word = tokens[1]?.text ?? ''
  const what = word === 'temporary' ? 'temp' : word
  return discardable.has(what) ? [{ kind: 'discard', what: what as 'all' }] : noEffects
}

function declareEffects(tokens: readonly Token[]): Effects {
  const isHeld = tokens.some((token, at) => isWord(token, 'hold') && isWord(tokens[at - 1], 'with'))
  return isHeld ? [{ kind: 'hold' }] : noEffects
}

/** What is dropped at the end of its transaction leaves nothing. */
function createEffects(tokens: readonly Token[]): Effects {
  const open = tokens.findIndex(({ text }) => text === '(')
  const head = tokens.slice(0, open < 0 ? 6 : Math.min(open, 6))
  const isTemporary = has(head.slice(0, 5), 'temp', 'temporary') || namesTemp(tokens)
  const isDropped = tokens.some(
    (token, at) => isWord(token, 'on') && isWord(tokens[at + 1], 'commit') && isWord(tokens[at + 2], 'drop'),
  )
  if (!isTemporary) return definitionOf(tokens)
  return isDropped ? passing : [{ kind: 'temporary' }]
}

function alterEffects(tokens: readonly Token[]): Effects {
  return namesTemp(tokens) ? [{ kind: 'temporary' }] : definitionOf(tokens)
}

/** What is explained may run. However many EXPLAINs stand before it, each token is looked at once. */
function explainEffects(tokens: readonly Token[]): Effects {
  let at = 0
  while (isWord(tokens[at], 'explain')) {
    at++
    if (isSymbol(tokens[at], '(')) {
      while (at < tokens.length && !isSymbol(tokens[at], ')')) at++
      if (at === tokens.length) return unsure
      at++
    }
    while (isWord(tokens[at], 'analyze', 'analyse', 'verbose')) at++
  }
  const rest = tokens.slice(at)
  return (byKeyword.get(keywordOf(rest)) ?? nothing)(rest, false)
}
