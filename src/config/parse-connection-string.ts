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
      yield { problem: `${syntaxError(text, rest)}; allowed: key=value key='other value' …` }
      return
    }
    const value = match[2]?.replaceAll("''", "'") ?? match[3] ?? ''
    if (value === '') {
      const name = key === 'password' || !mayBeSecret(key, text) ? key : 'what stands behind the password'
      yield { problem: `${name} has an empty value; leave it out instead` }
      return
    }
    yield { key, value }
    rest = rest.slice(match[0].length)
  }
}

/**
 * Whether a word of a connection string may be a part of a password. A blank, a quote or a separator that is wrong makes
 * the rest of a password look like something else: so nothing is shown that holds the word, or stands behind it. A URL holds one without the word.
 */
export function mayBeSecret(word: string, text: string): boolean {
  const password = text.search(/pass|:\/\/\S*@/i)
  return password >= 0 && text.includes(word, Math.max(0, password - word.length + 1))
}

/** Only up to the equals sign: what stands behind it may be a secret. */
function syntaxError(text: string, rest: string): string {
  const word = /^[^\s=]*=?/.exec(rest)?.[0] ?? ''
  const isShown = word === 'password=' || !mayBeSecret(word, text)
  return isShown ? `syntax error at "${word}"` : 'syntax error at or behind the password'
}
