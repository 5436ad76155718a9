import { parseSecret, type Secret } from '../auth/secret.ts'
import { problemAt } from './problem.ts'
import type { Place, Problem, Report } from './problem.ts'

/** One user of the auth_file. */
export interface UserlistEntry {
  /** A plain password, `md5…` or `SCRAM-SHA-256$…`; empty: none. Never to be logged. */
  readonly secret: string
  readonly kind: Secret['kind']
  readonly line: number
}

const longestNameBytes = 127
const entry = /^"((?:[^"]|"")*)"\s*"((?:[^"]|"")*)"/

/**
 * Parses PgBouncer's auth_file: `"name" "secret"` a line, `""` for a quote, anything behind ignored, lines that begin
 * with `;` skipped; the last of several lines for one name counts. Wrong lines are reported and left out.
 */
export function parseUserlist(file: string, text: string, report: Report): ReadonlyMap<string, UserlistEntry> {
  const entries = new Map<string, UserlistEntry>()
  for (const [index, raw] of text.split('\n').entries()) {
    const trimmed = raw.trim()
    if (trimmed === '' || trimmed.startsWith(';')) continue
    const place = { file, line: index + 1 }
    const parsed = parseLine(trimmed, place)
    if ('text' in parsed) report(parsed)
    else entries.set(parsed.name, Object.freeze({ secret: parsed.secret, kind: parsed.kind, line: place.line }))
  }
  return entries
}

function parseLine(text: string, place: Place): (Omit<UserlistEntry, 'line'> & { readonly name: string }) | Problem {
  const match = entry.exec(text)
  if (!match) return problemAt(place, '', 'syntax error; allowed: "name" "secret", or a comment that begins with ;')
  const [name, secret] = [unescape(match[1]), unescape(match[2])]
  const wrongName = nameProblem(name)
  if (wrongName !== undefined) return problemAt(place, '', wrongName)
  const parsed = parseSecret(Buffer.from(secret))
  if (secret !== '' && parsed.kind === 'none') return problemAt(place, `user "${name}"`, parsed.problem)
  return { name, secret, kind: parsed.kind }
}

function unescape(quoted: string | undefined): string {
  return (quoted ?? '').replaceAll('""', '"')
}

function nameProblem(name: string): string | undefined {
  if (name === '') return 'the user name is empty'
  if (name.includes('\0')) return 'the user name holds a zero byte'
  const bytes = Buffer.byteLength(name)
  return bytes <= longestNameBytes ? undefined : `the user name has ${bytes} bytes; allowed: up to ${longestNameBytes}`
}
