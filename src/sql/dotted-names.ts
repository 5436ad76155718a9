/** What may be custom parameters' names, wherever they stand. */

import { lowered } from './lexer.ts'

/** Each costs a call. */
const mostMentioned = 20

/** In a text, or in values that a statement is given: parts that begin with a letter, with dots between. From dot to dot, so that no byte is looked at twice. */
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
