/** What drivers did, as a page and as JSON: one table with the sums, then every failure with its message. */

import { reasonOf } from './known.ts'
import type { Outcome } from './run-driver.ts'
import { steps as allSteps } from './steps.ts'
import { type TargetName, targetNames } from './targets.ts'

/** A driver with its outcomes on each target, or the reason why it was not tried. */
export interface Tried {
  readonly name: string
  readonly version?: string
  readonly missing?: string
  readonly outcomes: ReadonlyMap<TargetName, readonly Outcome[]>
}

export interface Circumstances {
  readonly date: string
  readonly command: string
  readonly machine: string
  readonly versions: string
  readonly seed: number
  readonly minutes: number
  /** The steps that were tried. */
  readonly steps: readonly number[]
}

const title: Readonly<Record<TargetName, string>> = {
  direct: 'direct',
  'taxirank session': 'Taxirank, session',
  'taxirank transaction': 'Taxirank, transaction',
  'pgbouncer session': 'PgBouncer, session',
  'pgbouncer transaction': 'PgBouncer, transaction',
}

export function renderReport(tried: readonly Tried[], about: Circumstances): string {
  const run = tried.filter(({ version }) => version !== undefined)
  const targets = targetNames.filter((target) => run.some(({ outcomes }) => outcomes.has(target)))
  return [
    '# Drivers and ORMs through the poolers',
    '',
    `* date: ${about.date}`,
    `* command: \`${about.command}\`, seed ${about.seed}, ${about.minutes.toFixed(0)} minutes`,
    `* machine: ${about.machine}`,
    `* versions: ${about.versions}`,
    '',
    'Every driver runs the same steps, each on connections of its own, against the same PostgreSQL: directly, and through both poolers with the same settings, ' +
      '60 servers in session mode and 5 in transaction mode. A cell says how many steps held, of those that the driver has an API for.',
    '',
    `| | version | ${targets.map((name) => title[name]).join(' | ')} |`,
    `|---|---|${targets.map(() => '---|').join('')}`,
    ...run.map(
      ({ name, version, outcomes }) =>
        `| ${name} | ${version} | ${targets.map((target) => score(outcomes.get(target) ?? [])).join(' | ')} |`,
    ),
    '',
    ...notTried(tried),
    '## The steps',
    '',
    '| # | step | what must hold |',
    '|---|---|---|',
    ...allSteps
      .filter(({ number }) => about.steps.includes(number))
      .map(({ number, name, mustHold }) => `| ${number} | ${name} | ${mustHold} |`),
    '',
    ...failures(run, targets),
    ...withoutApi(run),
  ].join('\n')
}

export function renderJson(tried: readonly Tried[], about: Circumstances): string {
  const plain = tried.map(({ name, version, missing, outcomes }) => ({
    name,
    version,
    missing,
    outcomes: Object.fromEntries(outcomes),
  }))
  return `${JSON.stringify({ ...about, minutes: Math.round(about.minutes), drivers: plain }, undefined, 2)}\n`
}

/** What fails through Taxirank, works directly, and has no known reason. */
export function unexplained(tried: readonly Tried[]): string[] {
  return tried.flatMap(({ name, outcomes }) =>
    (['taxirank session', 'taxirank transaction'] as const).flatMap((target) =>
      failed(outcomes.get(target))
        .filter(({ step }) => !failed(outcomes.get('direct')).some((direct) => direct.step === step))
        .filter(({ step }) => reasonOf(name, step, target) === undefined)
        .map(({ step, message }) => `${name}, ${title[target]}, ${stepName(step)}: ${message}`),
    ),
  )
}

const failed = (outcomes: readonly Outcome[] = []): Outcome[] => outcomes.filter(({ result }) => result === 'failed')

function score(outcomes: readonly Outcome[]): string {
  const held = outcomes.filter(({ result }) => result === 'ok').length
  const tried = outcomes.filter(({ result }) => result !== 'n/a').length
  return held === tried ? `${held} of ${tried}` : `**${held} of ${tried}**`
}

const stepName = (step: number): string => `${step} ${allSteps[step - 1]?.name}`

function notTried(tried: readonly Tried[]): string[] {
  const lines = tried.flatMap(({ name, missing }) => (missing === undefined ? [] : [`* ${name}: ${missing}`]))
  return lines.length === 0 ? [] : ['Not tried:', '', ...lines, '']
}

function failures(run: readonly Tried[], targets: readonly TargetName[]): string[] {
  const sections = targets.flatMap((target) => {
    const lines = run.flatMap(({ name, outcomes }) =>
      failed(outcomes.get(target)).map(({ step, message }) => {
        const reason = reasonOf(name, step, target)
        return `| ${name} | ${stepName(step)} | ${cell(message)} | ${reason ?? ''} |`
      }),
    )
    if (lines.length === 0) return [`### ${title[target]}`, '', 'Nothing.', '']
    return [`### ${title[target]}`, '', '| driver | step | message | known reason |', '|---|---|---|---|', ...lines, '']
  })
  return ['## What failed', '', ...sections]
}

function withoutApi(run: readonly Tried[]): string[] {
  const lines = run.flatMap(({ name, outcomes }) => {
    const none = (outcomes.get('direct') ?? []).filter(({ result }) => result === 'n/a')
    return none.length === 0
      ? []
      : [`* ${name}: ${none.map(({ step, message }) => `${step} (${cell(message)})`).join(', ')}`]
  })
  return lines.length === 0 ? [] : ['## Steps that a driver has no API for', '', ...lines, '']
}

/** Whatever a peer said stays in its cell. */
const cell = (text: string): string =>
  text
    .replaceAll(/[^ -~–’×≥≤]+/g, ' ')
    .replaceAll('|', '\\|')
    .slice(0, 200)
