/** What a campaign has found, as a page: docs/reports/cuts.md. */

import { type Circumstances, formatCircumstances } from '../support/circumstances.ts'
import { type CampaignResult, describe, type Finding } from './campaign.ts'
import { streams } from './cut.ts'
import { Tally } from './tally.ts'

export function formatReport(result: CampaignResult, circumstances: Circumstances): string {
  const { findings, breaches, secrets } = result
  const [ofClient, ofServer] = [sumOf(findings, 'ofClient'), sumOf(findings, 'ofServer')]
  return `# Conversations cut at every byte

${formatCircumstances(circumstances)}

**${whole(ofClient.cuts + ofServer.cuts)} cuts, ${breaches.length} breaches.** ${secrets.replace(/^s/, 'S')}.

Each conversation goes through a pool of one server, between two relays. One of its four streams (what the client sends and receives, what the pooler and PostgreSQL
send) is cut after each number of bytes from 0 to all of it, once by FIN and once by RST; the relay ends that connection on both sides. Then the *next* client logs in
and must get its own answer, on a session without anything of the one before, and every lock. Before the next cut no client and no lease may be left,
PostgreSQL must have no backends but the pool's, and what was written must be all or nothing. What the cut client itself was told must be a beginning of the right
answers. The trace of every lane (the checker of docs/invariants.md) is read to its end.

Conversations marked * are cut at every byte of the first and last 110 of each stream, where all headers and short messages are, and at 40 (the long row) or 300 (TLS) bytes chosen
by the seed between. *Kept*: the server was brought to rest and lent to the next client; *destroyed*: it was closed, and another one opened. A server whose own connection is cut can only be lost. *Idle after*: from the
moment the client was gone, or had its last word, until the next client had logged in, had its answer and had left: the server was free before that.

| | cuts | servers kept | destroyed | idle after, median | p99 | longest |
|---|---|---|---|---|---|---|
| the client's connection | ${row(ofClient)} |
| the server's connection | ${row(ofServer)} |

## By conversation

| conversation | bytes of its streams (${streams.join(', ')}) | client's side: cuts | kept | destroyed | p99 | server's side: cuts | p99 |
|---|---|---|---|---|---|---|---|
${findings.map(rowOf).join('\n')}
${breaches.length === 0 ? '' : `\n## Breaches\n\n${breaches.map((breach) => `* ${breach}`).join('\n')}\n`}`
}

export function sumOf(findings: readonly Finding[], side: 'ofClient' | 'ofServer'): Tally {
  const sum = new Tally()
  for (const finding of findings) sum.addAll(finding[side])
  return sum
}

function row(tally: Tally): string {
  const times = [0.5, 0.99, 1].map((share) => ms(tally.idleMs(share)))
  return [whole(tally.cuts), whole(tally.kept), whole(tally.destroyed), ...times].join(' | ')
}

function rowOf(finding: Finding): string {
  const { transcript, streams: measured, ofClient, ofServer } = finding
  const cells = [
    `${describe(finding)}${transcript.isLong ? ' *' : ''}`,
    streams.map((stream) => whole(measured[stream].length)).join(', '),
    whole(ofClient.cuts),
    whole(ofClient.kept),
    whole(ofClient.destroyed),
    ms(ofClient.idleMs(0.99)),
    whole(ofServer.cuts),
    ms(ofServer.idleMs(0.99)),
  ]
  return `| ${cells.join(' | ')} |`
}

function whole(count: number): string {
  return count.toLocaleString('en-US')
}

function ms(duration: number): string {
  return `${duration < 10 ? duration.toFixed(1) : whole(Math.round(duration))} ms`
}
