/**
 * What `taxirank check` tells of a configuration: what keeps it from starting, what is risky, and what does something
 * else than in PgBouncer. Pure: what the system says is handed in. No finding repeats a secret.
 */

import type { Config } from '../config/config.ts'
import type { Inspection } from '../config/parse-config.ts'
import { settings } from '../config/settings.ts'
import type { Row } from '../config/settings.ts'
import { accessRisks } from './check-access.ts'
import type { CheckedSystem, Finding } from './check-finding.ts'
import { sizeRisks } from './check-sizes.ts'

/** All findings, by file and line. Without a configuration only errors can be told. */
export function findingsOf(file: string, inspection: Inspection, system: CheckedSystem): readonly Finding[] {
  const { config } = inspection
  const errors = inspection.problems.map((problem): Finding => ({
    ...placed(problem),
    level: 'error',
    text: problem.text,
  }))
  const others =
    config === undefined ? [] : [...sizeRisks(config, system), ...accessRisks(config, system), ...notes(config)]
  const rank = (finding: Finding): string => (finding.file === file ? '' : finding.file)
  return [...errors, ...others].sort(
    (one, other) => rank(one).localeCompare(rank(other)) || (one.line ?? 0) - (other.line ?? 0),
  )
}

/** One line a finding: `FILE:LINE: level: sentence`. */
export function findingLines(findings: readonly Finding[]): string {
  return findings
    .map(({ file, line, level, text }) => `${file}${line === undefined ? '' : `:${line}`}: ${level}: ${text}\n`)
    .join('')
}

export function isWrong(findings: readonly Finding[]): boolean {
  return findings.some((finding) => finding.level === 'error')
}

function placed({ file, line }: { readonly file: string; readonly line: number | undefined }) {
  return { file, line }
}

/** Settings that are written, and do something else than in PgBouncer, or nothing. */
function notes(config: Config): Finding[] {
  const rows: Readonly<Record<string, Row>> = settings.pgbouncer
  return Array.from(config.origins.settings).flatMap(([name, place]): Finding[] => {
    const differs = rows[name]?.differs
    return differs === undefined ? [] : [{ ...place, level: 'note', text: `${name}: ${differs}` }]
  })
}
