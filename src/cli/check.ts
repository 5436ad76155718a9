/** `taxirank check FILE.ini`: reads what a start would read, and tells. It starts nothing, also as root. */

import { readFileSync, statSync } from 'node:fs'
import { inspectConfig } from '../config/parse-config.ts'
import type { CheckCommand } from './arguments.ts'
import { findingLines, findingsOf, isWrong } from './check-findings.ts'
import { descriptorLimit } from './limits.ts'
import { print } from './print.ts'

/** Resolves with the exit code: 0 with warnings, too, 1 when anything is wrong. */
export function runCheck(command: CheckCommand): Promise<number> {
  const findings = findingsOf(command.file, inspectConfig(command.file, readText), {
    descriptorLimit: descriptorLimit(readText),
    modeOf: (path) => statSync(path, { throwIfNoEntry: false })?.mode,
  })
  const text = findings.length === 0 ? `${command.file}: nothing to tell\n` : findingLines(findings)
  return print(text, isWrong(findings) ? 1 : 0)
}

function readText(path: string): string {
  return readFileSync(path, 'utf8')
}
