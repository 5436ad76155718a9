import { refuse } from './refuse.ts'
import type { Place } from './refuse.ts'

/** One user of the auth_file. */
export interface UserlistEntry {
  /** A plain password, `md5…` or `SCRAM-SHA-256$…`; empty: none. Never to be logged. */
  readonly secret: string
}

const longestNameBytes = 127
const longestSecretBytes = 65_530
const line = /^"((?:[^"]|"")*)"\s*"((?:[^"]|"")*)"/

/**
 * Parses PgBouncer's auth_file: `"name" "secret"` a line, `""` for a quote, anything behind ignored, lines that begin
 * with `;` skipped; the last of several lines for one name counts. Throws `bad_configuration` with the file and line.
 */
export function parseUserlist(file: string, text: string): ReadonlyMap<string, UserlistEntry> {
  const entries = new Map<string, UserlistEntry>()
  for (const [index, raw] of text.split('\n').entries()) {
    const trimmed = raw.trim()
    if (trimmed === '' || trimmed.startsWith(';')) continue
    const [name, secret] = parseLine(trimmed, { file, line: index + 1 })
    entries.set(name, Object.freeze({ secret }))
  }
  return entries
}

function parseLine(text: string, place: Place): [name: string, secret: string] {
  const match = line.exec(text)
  if (!match) refuse(place, '', 'syntax error; allowed: "name" "secret", or a comment that begins with ;')
  const [name, secret] = [unescape(match[1]), unescape(match[2])]
  if (name === '') refuse(place, '', 'the user name is empty')
  requireLength(place, 'user name', name, longestNameBytes)
  requireLength(place, `secret of "${name}"`, secret, longestSecretBytes)
  return [name, secret]
}

function unescape(quoted: string | undefined): string {
  return (quoted ?? '').replaceAll('""', '"')
}

function requireLength(place: Place, what: string, text: string, longest: number): void {
  const bytes = new TextEncoder().encode(text).length
  if (bytes <= longest) return
  const [is, allowed] = [bytes.toLocaleString('en-US'), longest.toLocaleString('en-US')]
  refuse(place, '', `the ${what} has ${is} bytes; allowed: up to ${allowed}`)
}
