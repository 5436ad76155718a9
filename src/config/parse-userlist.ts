import { problemAt } from './problem.ts'
import type { Place, Problem, Report } from './problem.ts'

/** One user of the auth_file. */
export interface UserlistEntry {
  /** A plain password, `md5…` or `SCRAM-SHA-256$…`; empty: none. Never to be logged. */
  readonly secret: string
  readonly line: number
}

export type SecretKind = 'none' | 'plain' | 'md5' | 'scram'

const longestNameBytes = 127
const longestSecretBytes = 65_530
const mostIterations = 600_000
const entry = /^"((?:[^"]|"")*)"\s*"((?:[^"]|"")*)"/
const scramPrefix = 'SCRAM-SHA-256$'
const base64 = '[A-Za-z0-9+/]+={0,2}'
const key = '[A-Za-z0-9+/]{43}='
const scram = new RegExp(`^SCRAM-SHA-256\\$(\\d{1,10}):${base64}\\$${key}:${key}$`)

/** What a secret is, by its form, as PostgreSQL and PgBouncer decide it. */
export function secretKind(secret: string): SecretKind {
  if (secret === '') return 'none'
  if (secret.startsWith(scramPrefix)) return 'scram'
  return /^md5[0-9a-f]{32}$/.test(secret) ? 'md5' : 'plain'
}

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
    else entries.set(parsed.name, Object.freeze({ secret: parsed.secret, line: place.line }))
  }
  return entries
}

function parseLine(text: string, place: Place): { readonly name: string; readonly secret: string } | Problem {
  const match = entry.exec(text)
  if (!match) return problemAt(place, '', 'syntax error; allowed: "name" "secret", or a comment that begins with ;')
  const [name, secret] = [unescape(match[1]), unescape(match[2])]
  const problem =
    name === ''
      ? 'the user name is empty'
      : (lengthProblem('user name', name, longestNameBytes) ??
        lengthProblem(`secret of "${name}"`, secret, longestSecretBytes) ??
        scramProblem(name, secret))
  return problem === undefined ? { name, secret } : problemAt(place, '', problem)
}

function unescape(quoted: string | undefined): string {
  return (quoted ?? '').replaceAll('""', '"')
}

function lengthProblem(what: string, text: string, longest: number): string | undefined {
  if (text.includes('\0')) return `the ${what} holds a zero byte`
  const bytes = new TextEncoder().encode(text).length
  if (bytes <= longest) return undefined
  const [is, allowed] = [bytes.toLocaleString('en-US'), longest.toLocaleString('en-US')]
  return `the ${what} has ${is} bytes; allowed: up to ${allowed}`
}

function scramProblem(name: string, secret: string): string | undefined {
  if (secretKind(secret) !== 'scram') return undefined
  const iterations = scram.exec(secret)?.[1]
  const what = `the SCRAM secret of "${name}"`
  if (iterations === undefined) {
    return `${what} is damaged; allowed: SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey, the last three in base64`
  }
  const count = Number(iterations)
  if (count >= 1 && count <= mostIterations) return undefined
  return `${what} has ${count.toLocaleString('en-US')} iterations; allowed: 1 to ${mostIterations.toLocaleString('en-US')}`
}
