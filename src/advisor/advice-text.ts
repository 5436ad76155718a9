/** The advice, for a terminal. */

import { numberText, timeText } from '../report/number-text.ts'
import type { Advice, Finding, Level } from './advice.ts'

const headings: Readonly<Record<Level, string>> = {
  problem: 'Wrong',
  warning: 'Watch out',
  advice: 'Advised',
  fine: 'For the record',
}

const width = 110

/** Ends with a line break. */
export function adviceText(advice: Advice): string {
  const { findings, iniFragment, notSeen } = advice
  return [
    heading(advice),
    ...(Object.keys(headings) as Level[]).map((level) => section(headings[level], textsOf(findings, level))),
    iniFragment === '' ? '' : `\nFor pgbouncer.ini:\n\n${indented(iniFragment)}`,
    section(
      'Not seen',
      notSeen.map(({ what, why, remedy }) => `${capital(what)}: ${why}. To see it: ${remedy}.`),
    ),
  ].join('')
}

function heading({ readings: { database, pooler }, watchedMs, cores, coresFrom }: Advice): string {
  const server = database.server ? `PostgreSQL ${database.server.version}` : 'PostgreSQL'
  const through = pooler
    ? `, with ${pooler.kind === 'taxirank' ? 'Taxirank' : 'PgBouncer'} ${pooler.version} (${pooler.address})`
    : ''
  const of =
    cores === undefined ? '' : `, ${numberText(cores)} cores${coresFrom === 'this machine' ? ' (this machine)' : ''}`
  return `${database.address}: ${server}${of}${through}; watched for ${timeText(watchedMs)}\n`
}

function textsOf(findings: readonly Finding[], level: Level): string[] {
  return findings.filter((finding) => finding.level === level).map(({ text }) => printable(text))
}

/** Names and statements come from the database, and may hold what a terminal would obey. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?')
}

function section(title: string, texts: readonly string[]): string {
  return texts.length === 0 ? '' : `\n${title}:\n${texts.map(item).join('')}`
}

function item(text: string): string {
  return wrapped(text, width - 4)
    .map((line, index) => `${index === 0 ? '  * ' : '    '}${line}\n`)
    .join('')
}

function wrapped(text: string, most: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > most) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ')
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
