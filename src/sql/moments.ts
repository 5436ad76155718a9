/**
 * Literals that PostgreSQL reads as the moment at which it analyses a statement: 'now', 'today' and so on, of whatever type, in an array or a range, with
 * whatever is around them.
 */

const word = /(?<![a-z])(now|today|tomorrow|yesterday)(?![a-z])/i
/** Where a string begins and ends can't be seen so easily. */
const isHard = /--|\/\*|"[^"]*'|\$[\w\u0080-\u00ff]*\$/
const literal = /'(?:[^']|'')*'/g
const hasLiteral = /'|\$[\w\u0080-\u00ff]*\$/
/** Letters that are written as numbers. */
const isEscaped = /\be'[^']*\\[xu0-7]|\bu&'/i

/** Hot path. There may be such a literal in the text. */
export function isMomentary(text: string): boolean {
  if (!word.test(text)) return isEscaped.test(text)
  if (!hasLiteral.test(text)) return false
  if (isHard.test(text) || isEscaped.test(text)) return true
  return text.match(literal)?.some((found) => word.test(found)) === true
}
