/**
 * The connection strings of [databases] and [users]: `key=value` pairs separated by blanks, blanks allowed around `=`,
 * a value optionally in single quotes with `''` for one quote, empty values refused.
 */

/** One pair, or the reason why there is none. */
export type Pair = { readonly key: string; readonly value: string } | { readonly problem: string }

const pair = /^([^\s=]+)\s*=\s*(?:'((?:[^']|'')*)'|([^\s']\S*))(?:\s+|$)/

/** Yields the pairs in order. After a problem nothing follows. */
export function* parseConnectionString(text: string): Generator<Pair> {
  let rest = text.trim()
  while (rest !== '') {
    const match = pair.exec(rest)
    const key = match?.[1]
    if (match === null || key === undefined) {
      yield { problem: `syntax error at "${firstWord(rest)}"; allowed: key=value key='other value' …` }
      return
    }
    const value = match[2]?.replaceAll("''", "'") ?? match[3] ?? ''
    if (value === '') {
      yield { problem: `${key} has an empty value; leave it out instead` }
      return
    }
    yield { key, value }
    rest = rest.slice(match[0].length)
  }
}

/** Only up to the equals sign: what stands behind it may be a secret. */
function firstWord(text: string): string {
  return /^[^\s=]*=?/.exec(text)?.[0] ?? ''
}
