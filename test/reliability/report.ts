/** The scoreboard as a page: one table for who reads a line a row, and each row with its figures side by side. */

import type { Figure, Finding, Row, Side } from './row.ts'

export interface Result {
  readonly row: Row
  /** Who went first. */
  readonly first: Side
  readonly findings: Readonly<Record<Side, Finding>>
  readonly seconds: number
}

export interface Circumstances {
  readonly date: string
  readonly command: string
  readonly machine: string
  readonly versions: string
  readonly seed: number
  readonly minutes: number
  /** What the search for them found. */
  readonly secrets: string
}

const title: Readonly<Record<Side, string>> = { taxirank: 'Taxirank', pgbouncer: 'PgBouncer' }

export function renderReport(results: readonly Result[], about: Circumstances): string {
  return [
    '# Reliability: Taxirank beside PgBouncer',
    '',
    `* date: ${about.date}`,
    `* command: \`${about.command}\`, seed ${about.seed}, ${about.minutes.toFixed(0)} minutes`,
    `* machine: ${about.machine}. Other work ran on it meanwhile: compare the two columns, not times with other reports`,
    `* versions: ${about.versions}`,
    '',
    'Each row injects one fault into both poolers in turn, with the same injector, the same clients and the same settings; the rows take turns in who is first. ' +
      'Each run has a PostgreSQL and a pooler of its own. Clients check every byte of every reply: a reply that is another’s, missing or doubled is a **breach**.',
    '',
    '| # | fault | Taxirank | PgBouncer |',
    '|---|---|---|---|',
    ...results.map(
      ({ row, findings }) =>
        `| ${row.number} | [${row.name}](#${anchor(row)}) | ${verdict(findings.taxirank)} | ${verdict(findings.pgbouncer)} |`,
    ),
    '',
    ...behind(results),
    `Taxirank: ${about.secrets}.`,
    '',
    ...results.flatMap(renderResult),
  ].join('\n')
}

export function verdict({ breaches, broken }: Finding): string {
  if (breaches.length > 0) return `**${breaches.length} breaches**`
  return broken.length > 0 ? '**does not hold**' : 'holds'
}

function anchor({ number, name }: Row): string {
  return heading(number, name)
    .toLowerCase()
    .replaceAll(/[^a-z0-9_ -]/g, '')
    .replaceAll(' ', '-')
}

const heading = (number: number, name: string): string => `${number} ${name}`

function behind(results: readonly Result[]): string[] {
  const lines = results.flatMap(({ row, findings }) => [
    ...[...findings.taxirank.broken, ...findings.taxirank.breaches].map(
      (text) => `* ${row.number} ${row.name}: ${text}`,
    ),
    ...findings.taxirank.figures.flatMap((ours) => {
      const theirs = findings.pgbouncer.figures.find(({ name }) => name === ours.name)
      return theirs && isBehind(ours, theirs)
        ? [`* ${row.number} ${row.name}: ${ours.name} ${shown(ours)}, PgBouncer ${shown(theirs)}`]
        : []
    }),
  ])
  return [
    '## Where Taxirank is behind, or does not hold',
    '',
    ...(lines.length > 0 ? lines : ['Nowhere in this run.']),
    '',
  ]
}

/** More than a tenth worse: less than that says nothing on a shared machine. */
function isBehind(ours: Figure, theirs: Figure): boolean {
  const [a, b] = [Number(ours.value), Number(theirs.value)]
  if (ours.better === undefined || (Number.isNaN(a) && Number.isNaN(b))) return false
  if (Number.isNaN(a)) return true
  return ours.better === 'less' ? a > b * 1.1 + 1 : a < b * 0.9
}

function renderResult({ row, first, findings }: Result): string[] {
  const { taxirank, pgbouncer } = findings
  const names = [...new Set([...taxirank.figures, ...pgbouncer.figures].map(({ name }) => name))]
  const value = ({ figures }: Finding, name: string): string => {
    const figure = figures.find((each) => each.name === name)
    return figure ? shown(figure) : '–'
  }
  return [
    `## ${heading(row.number, row.name)}`,
    '',
    `*Injected:* ${row.injected}  `,
    `*Must hold:* ${row.mustHold}  `,
    ...(row.emulated === undefined ? [] : [`*Emulated:* ${row.emulated}  `]),
    `*First:* ${title[first]}`,
    '',
    '| | Taxirank | PgBouncer |',
    '|---|---|---|',
    ...names.map((name) => `| ${name} | ${value(taxirank, name)} | ${value(pgbouncer, name)} |`),
    `| **verdict** | ${verdict(taxirank)} | ${verdict(pgbouncer)} |`,
    '',
    ...(['taxirank', 'pgbouncer'] as const).flatMap((side) => complaints(side, findings[side])),
  ]
}

function complaints(side: Side, { broken, breaches }: Finding): string[] {
  const most = 5
  const lines = [...broken, ...breaches.slice(0, most).map((text) => `breach: ${text}`)]
  if (breaches.length > most) lines.push(`and ${breaches.length - most} breaches more`)
  return lines.length === 0 ? [] : [`${title[side]}:`, ...lines.map((line) => `* ${inline(line)}`), '']
}

/** Whatever bytes a peer sent stay on one line, and short. */
const inline = (text: string): string => text.replaceAll(/[^ -~–’×≥≤]+/g, ' ').slice(0, 300)

export function shown({ value, unit }: Figure): string {
  const number = typeof value === 'string' ? value : Number.isNaN(value) ? 'never' : rounded(value)
  return unit === '' || number === 'never' ? number : `${number} ${unit}`
}

function rounded(value: number): string {
  const digits = Number.isInteger(value) || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}
