/** What users of the pool did, as a page: a table for each way, then every failure with its message. */

import type { Outcome } from '../drivers/run-driver.ts'
import { type Circumstances, formatCircumstances } from '../support/circumstances.ts'
import { steps } from './steps.ts'
import { type Way, ways } from './users.ts'

export interface Tried {
  readonly name: string
  readonly version: string
  readonly outcomes: ReadonlyMap<Way, readonly Outcome[]>
}

const title: Readonly<Record<Way, string>> = {
  Node: 'Taxirank’s pool, on Node',
  Bun: 'Taxirank’s pool, on Bun',
  'pg-pool on Node': 'pg’s own pool, on Node',
}
const sign: Readonly<Record<Outcome['result'], string>> = { ok: 'yes', failed: '**no**', 'n/a': '–' }

export function renderReport(tried: readonly Tried[], about: Circumstances): string {
  return [
    '# What stands on pg’s pool, with Taxirank’s in its place',
    '',
    formatCircumstances(about),
    '',
    'npm puts the library where `pg` looks for `pg-pool`: `"overrides": {"pg-pool": …}` in `test/pool-users/package.json`, and no line of code. Each library runs ' +
      'its script in one process, with five clients, against the same PostgreSQL, and adds no listener for errors of the pool or of a client (some libraries do). The last table is ' +
      'the same with pg’s own pool. OpenTelemetry finds nothing on Bun, where imports get past its hook.',
    '',
    '| step | what must hold |',
    '|---|---|',
    ...steps.map(({ name, mustHold }) => `| ${name} | ${mustHold} |`),
    '',
    ...ways.flatMap((way) => section(way, tried)),
  ].join('\n')
}

/** What fails with our pool. */
export function failures(tried: readonly Tried[]): string[] {
  return (['Node', 'Bun'] as const).flatMap((way) =>
    tried.flatMap(({ name, outcomes }) =>
      failed(outcomes.get(way)).map((outcome) => `${name}, ${way}, ${nameOf(outcome)}: ${outcome.message}`),
    ),
  )
}

const failed = (outcomes: readonly Outcome[] = []): Outcome[] => outcomes.filter(({ result }) => result === 'failed')

const nameOf = ({ step }: Outcome): string | undefined => steps[step - 1]?.name

function section(way: Way, tried: readonly Tried[]): string[] {
  const there = tried.filter(({ outcomes }) => outcomes.has(way))
  if (there.length === 0) return []
  return [
    `## ${title[way]}`,
    '',
    `| | ${there.map(({ name, version }) => `${name} ${version}`).join(' | ')} |`,
    `|---|${there.map(() => '---|').join('')}`,
    ...steps.map(({ name, number }) => `| ${name} | ${there.map((one) => cell(one, way, number)).join(' | ')} |`),
    '',
    ...messages(way, there),
  ]
}

function cell({ outcomes }: Tried, way: Way, step: number): string {
  const outcome = outcomes.get(way)?.find((one) => one.step === step)
  return outcome ? sign[outcome.result] : ''
}

function messages(way: Way, tried: readonly Tried[]): string[] {
  const lines = tried.flatMap(({ name, outcomes }) =>
    failed(outcomes.get(way)).map((outcome) => `* ${name}, ${nameOf(outcome)}: ${plain(outcome.message)}`),
  )
  return lines.length === 0 ? [] : [...lines, '']
}

/** Whatever a peer said stays in its line. */
const plain = (text: string): string => text.replaceAll(/[^ -~–’×≥≤]+/g, ' ').slice(0, 200)
