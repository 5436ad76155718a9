/**
 * Turns what `bun test` leaves behind into one count. It says different things in different places: a failed hook is an
 * error but no failed test, a file that does not load is both, the tests of a skipped suite are nowhere. Counts come from
 * its summary, the names of skipped tests from its JUnit report, their reasons from record-skips.ts.
 */
import { stripVTControlCharacters } from 'node:util'
import type { Skip } from './record-skips.ts'

/** What one run of `bun test` left. `exitCode` is null after a signal; `junit` is empty if no test was reached. */
export interface Leavings {
  readonly output: string
  readonly junit: string
  readonly skips: readonly Skip[]
  readonly exitCode: number | null
}

export interface Outcome {
  readonly passed: number
  readonly failed: number
  /** One line each: the test's file and name, and why. */
  readonly skipped: readonly string[]
  /** What went wrong besides failing tests. */
  readonly troubles: readonly string[]
}

interface Case {
  readonly file: string
  readonly suite: string
  readonly name: string
  readonly state: 'passed' | 'failed' | 'skipped' | 'todo'
}

const noReason = 'no reason given'

export function readOutcome({ output, junit, skips, exitCode }: Leavings): Outcome {
  const cases = readCases(junit)
  const skipped = listSkipped(cases, skips)
  const ending = exitCode === null ? 'was killed' : `ended with exit code ${exitCode}`
  const counts = readSummary(output)
  if (!counts) return { passed: 0, failed: 1, skipped, troubles: [`bun test ${ending} and printed no summary`] }

  // A file that does not load is an error and a failure in the summary, but not in the JUnit report.
  const failedCases = cases.filter((one) => one.state === 'failed').length
  const failed = Math.max(counts.fail, failedCases + counts.error)
  if (failed === 0 && exitCode !== 0) {
    return { passed: counts.pass, failed: 1, skipped, troubles: [`bun test ${ending} although no test failed`] }
  }
  return { passed: counts.pass, failed, skipped, troubles: [] }
}

/** The block of counts before the line `Ran N tests across N files.`; a kind that is not mentioned is 0. */
function readSummary(output: string): { pass: number; fail: number; error: number } | undefined {
  const lines = stripVTControlCharacters(output).split('\n')
  const end = lines.findLastIndex((line) => /^Ran \d+ tests? across \d+ files?\./.test(line))
  if (end < 0) return undefined
  const counts = { pass: 0, fail: 0, error: 0 }
  for (const line of lines.slice(0, end).reverse()) {
    const found = /^\s*(\d+) (pass|fail|error|skip|todo|filtered out|snapshots?|expect\(\) calls?)s?\b/.exec(line)
    if (!found) break
    const [, count, kind] = found
    if (kind === 'pass' || kind === 'fail' || kind === 'error') counts[kind] = Number(count)
  }
  return counts
}

function readCases(junit: string): Case[] {
  const elements = junit.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)
  return Array.from(elements, ([, attributes = '', body = '']) => ({
    file: attribute(attributes, 'file'),
    suite: attribute(attributes, 'classname'),
    name: attribute(attributes, 'name'),
    state: stateOf(body),
  }))
}

function stateOf(body: string): Case['state'] {
  if (/<(failure|error)\b/.test(body)) return 'failed'
  if (/<skipped message="TODO"/.test(body)) return 'todo'
  return body.includes('<skipped') ? 'skipped' : 'passed'
}

function attribute(attributes: string, name: string): string {
  return unescapeXml(new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1] ?? '')
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, code: string | undefined, name: string) =>
    code === undefined ? (named[name] ?? whole) : String.fromCodePoint(Number(code)),
  )
}

/** Both lists are in the order of the run, so of two tests with one name the first takes the first reason. */
function listSkipped(cases: readonly Case[], skips: readonly Skip[]): string[] {
  const reasons = skips.filter((skip) => skip.kind === 'test')
  const tests = cases
    .filter((one) => one.state === 'skipped' || one.state === 'todo')
    .map(({ file, suite, name, state }) => {
      const at = reasons.findIndex((skip) => skip.name === name)
      const reason = at < 0 ? '' : reasons.splice(at, 1)[0]?.reason
      return `${[file, suite, name].filter(Boolean).join(' > ')}: ${reason || (state === 'todo' ? 'todo' : noReason)}`
    })
  const suites = skips.filter((skip) => skip.kind === 'suite')
  return [...tests, ...suites.map(({ name, reason }) => `the suite ${name}: ${reason || noReason}`)]
}
