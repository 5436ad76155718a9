import { leftToRight, nothing, prohibited, rightToLeft, spaces, unassigned } from './saslprep-tables.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })
const space = 0x20

/**
 * The password as SCRAM hashes it: SASLprep (RFC 4013), exactly as far as PostgreSQL and libpq go, because both ends must
 * come to the same bytes. So ASCII stays as it is, control characters included; what is no UTF-8, or holds what SASLprep
 * refuses, stays as it is, too; and what is refused is looked for before normalising, not after.
 */
export function saslprep(password: Buffer): Buffer {
  if (password.every((byte) => byte < 0x80)) return password
  const text = decode(password)
  if (text === undefined) return password
  const mapped = Array.from(text, (character) => character.codePointAt(0) as number)
    .map((point) => (isIn(spaces, point) ? space : point))
    .filter((point) => !isIn(nothing, point))
  if (!isAllowed(mapped)) return password
  return Buffer.from(
    mapped
      .map((point) => String.fromCodePoint(point))
      .join('')
      .normalize('NFKC'),
  )
}

function decode(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

function isAllowed(points: readonly number[]): boolean {
  if (points.length === 0) return false
  if (points.some((point) => isIn(prohibited, point) || isIn(unassigned, point))) return false
  // RFC 3454, section 6: who writes from right to left begins and ends so, and never the other way between.
  if (!points.some((point) => isIn(rightToLeft, point))) return true
  const ends = [points.at(0) as number, points.at(-1) as number]
  return ends.every((point) => isIn(rightToLeft, point)) && !points.some((point) => isIn(leftToRight, point))
}

/** `ranges`: first and last code point of each, ascending. */
function isIn(ranges: readonly number[], point: number): boolean {
  let low = 0
  let high = ranges.length / 2 - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    if (point < (ranges[2 * middle] as number)) high = middle - 1
    else if (point > (ranges[2 * middle + 1] as number)) low = middle + 1
    else return true
  }
  return false
}
