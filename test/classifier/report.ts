/** What was found, as a page: docs/reports/classifier.md. */

import { type Circumstances, formatCircumstances } from '../support/circumstances.ts'
import type { Finding, Origin, Tally } from './oracle.ts'
import type { Speed } from './speed.ts'
import type { Outcome } from './try-classifier.ts'

const origins: readonly (readonly [Origin, string])[] = [
  ['corpus', 'as drivers and ORMs send them'],
  ['ordinary', 'generated, ordinary'],
  ['odd', 'generated, odd'],
  ['hand-made', 'once missed'],
]

export function formatReport(
  { oracle, postgresVersion }: Outcome,
  measured: readonly Speed[],
  circumstances: Circumstances,
): string {
  const { tallies, misses, findings, falseAlarms } = oracle
  const sum = (count: (tally: Tally) => number) => [...tallies.values()].reduce((all, tally) => all + count(tally), 0)
  const apart = (verdict: Finding['verdict']) => findings.filter((finding) => finding.verdict === verdict).length
  return `# What the classifier says, and what becomes of the session

${formatCircumstances({ ...circumstances, versions: `${circumstances.versions}, ${postgresVersion}` })}

**${whole(sum((tally) => tally.statements))} statements, ${whole(sum((tally) => tally.changing))} change their session, ${misses.length} do so unseen.**

Each statement runs in autocommit in a real session, which is compared before and after: parameters of source \`session\`, custom ones, role and session user, statements of SQL PREPARE, cursors
WITH HOLD, channels, advisory locks, temporary objects, dblink's connections, temporary replication slots, loaded libraries, and which number \`random()\` gives next. What has changed must have been
announced by an effect that makes the pooler look there. Some sessions have something to lose beforehand, others \`standard_conforming_strings = off\`. The look shares no code with the classifier.
*Unsure*: "anything may have happened", as also said of every DO and CALL. *False alarm*: an effect was announced, and the session is as before. *The slow way*: harmless texts that a pass over their bytes doesn't settle.

| statements | | refused | change their session | unsure | false alarms | harmless texts, and of these the slow way |
|---|---|---|---|---|---|---|
${origins.map(([origin, name]) => rowOf(name, tallies.get(origin))).join('\n')}

Apart: ${apart('hidden')} changes that only the body of a function shows (libraries that one needs among them), and ${apart('computed')} of custom parameters whose names do not stand in the text.

| announced, but not there | texts | for example |
|---|---|---|
${[...falseAlarms]
  .sort(([, a], [, b]) => b.count - a.count)
  .map(alarmRow)
  .join('\n')}

## What a look costs

| | bytes | median |
|---|---|---|
${measured.map(({ what, bytes, medianNs }) => `| ${what} | ${whole(bytes)} | ${whole(Math.round(medianNs))} ns |`).join('\n')}
${misses.length === 0 ? '' : `\n## Unseen\n\n${misses.map((miss) => `* ${describeFinding(miss)}`).join('\n')}\n`}`
}

export function describeFinding({ statement, change, effects, verdict }: Finding): string {
  const { text, circumstance } = statement
  const loss = 'isGain' in change && !change.isGain ? ' (gone)' : ''
  const what = `${change.what}${'name' in change ? ` ${change.name}` : ''}${loss}`
  return `${verdict}: ${what}: ${JSON.stringify(text)} (${circumstance}) has ${JSON.stringify(effects)}`
}

function rowOf(name: string, tally: Tally | undefined): string {
  if (!tally) return `| ${name} | 0 | | | | | |`
  const { statements, refused, changing, unsure, falseAlarms, harmless, slow } = tally
  const cells = [name, whole(statements), whole(refused), whole(changing), share(unsure, statements)]
  return `| ${[...cells, share(falseAlarms, harmless), `${whole(harmless)}, ${share(slow, harmless)}`].join(' | ')} |`
}

function alarmRow([kind, { count, example }]: readonly [string, { count: number; readonly example: string }]): string {
  const shown = example.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').slice(0, 90)
  return `| ${kind} | ${whole(count)} | \`${shown}\` |`
}

function share(part: number, of: number): string {
  return of === 0 ? '–' : `${((part / of) * 100).toFixed(1)} %`
}

function whole(count: number): string {
  return count.toLocaleString('en-US')
}
