/** What a campaign has found, as a page: docs/reports/differential.md. */

import { type Circumstances, formatCircumstances } from '../support/circumstances.ts'
import type { CampaignResult, Finding } from './campaign.ts'
import { edgeBytes, edgeMessages, insideBytes, mostBytes } from './pieces.ts'

export interface Outcome extends CampaignResult {
  readonly findings: readonly Finding[]
}

export function formatReport({ findings, neighbourAnswers, failures }: Outcome, circumstances: Circumstances): string {
  const different = findings.filter(({ difference }) => difference !== undefined)
  const plays = sum(findings, 'plays')
  const families = Map.groupBy(findings, ({ transcript }) => transcript.family)
  return `# The same conversations direct and through the pooler

${formatCircumstances(circumstances)}

**${whole(findings.length)} conversations, ${whole(plays)} plays through the pooler, ${different.length} differences, ${failures.length} breaches.** ${whole(neighbourAnswers)} answers to
others who used the same servers meanwhile, each right.

Each conversation is played once on a connection to PostgreSQL. What comes back, every message in full and up to the end of the connection, is what the pooler (transaction mode,
\`session_state = track\`) must say in every play: in one write a step (in session mode, too), in single bytes, and with every step cut into two writes at one place after the other. A turn of the loop passes
between two writes. A step of at most ${mostBytes} bytes is cut at every byte; a longer one at the first and last ${edgeBytes} bytes, at every byte around the headers of its first and last ${edgeMessages}
messages, and at ${insideBytes} others. Single bytes are sent of these places only, too.

Two others use the same pool, one with the same names of statements, other texts behind them, and other parameters; one with the parameters that conversations begin with, who shares a statement with them and has none without a name: between the two writes, and between steps, whenever
they get the server. Their answers must be their own. The first play is in a pool of one server (of two, where the client keeps one), the second in a pool of three that are lent in turn; cuts are made in both, in turn. Traces of all poolers are
read by the checker of docs/invariants.md.

Left out of the comparison: process ids in notifications, OIDs of tables and types that the conversation itself makes (they are numbered as they come), one NOTICE to a client that keeps its
server, where in PostgreSQL's sources it was noticed that a transaction has failed, and the order of parameters that are reported behind one another. The keys of the login are in no conversation.

| family | conversations | messages of PostgreSQL | places to cut | plays | differences |
|---|---|---|---|---|---|
${[...families].map(([name, of]) => row(name, of)).join('\n')}
${different.length === 0 ? '' : `\n## Differences\n\n${different.map(line).join('\n')}\n`}${failures.map((failure) => `\n* ${failure}\n`).join('')}`
}

function row(name: string, findings: readonly Finding[]): string {
  const numbers = [findings.length, sum(findings, 'answers'), sum(findings, 'places'), sum(findings, 'plays')]
  const different = findings.filter(({ difference }) => difference !== undefined).length
  return `| ${[name, ...numbers.map(whole), different].join(' | ')} |`
}

function line({ transcript, difference }: Finding): string {
  return `* ${transcript.family}: ${transcript.name}: ${difference}`
}

function sum(findings: readonly Finding[], what: 'plays' | 'answers' | 'places'): number {
  return findings.reduce((all, finding) => all + finding[what], 0)
}

function whole(count: number): string {
  return count.toLocaleString('en-US')
}
