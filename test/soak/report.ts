/** What a long soak has found, as a page: docs/reports/soak.md. */

import { type Circumstances, formatCircumstances } from '../support/circumstances.ts'
import { sumOf } from './faults.ts'
import type { SoakOptions } from './soak.ts'

export interface Outcome {
  readonly statements: number
  readonly faults: ReadonlyMap<string, number>
  readonly breaches: number
}

export function formatReport(
  { statements, faults, breaches }: Outcome,
  { clients, pool }: Pick<SoakOptions, 'clients' | 'pool'>,
  circumstances: Circumstances,
): string {
  const rows = [...faults].map(([kind, count]) => `| ${kind} | ${whole(count)} |`)
  return `# The pooler while everything around it breaks

${formatCircumstances(circumstances)}

**${whole(statements)} statements, ${whole(sumOf(faults))} faults, ${whole(breaches)} breaches.**

${clients} clients of the canary share ${pool} servers in transaction mode, through two relays that delay, split, cut and reset what passes, in storms with calm between them. Every statement asks for a token of its own; and in
the mix are prepared statements, named and unnamed, in pipelines with errors in their middle; parameters, custom ones too, by \`SET\`, \`set_config\` and \`DO\`; temporary tables, session locks, cursors and channels;
transactions and savepoints that are rolled back; COPY both ways; cancels. Whoever gets somebody else's token, parameter, statement, table, lock or notification, none, or a second one, has seen a breach.
So has the checker, which reads the pooler's trace of every byte and decision, and shares no code with it ([invariants](../invariants.md)); and a search for passwords and texts in the log, the metrics and all errors.

| fault | times |
|---|---|
${rows.join('\n')}
`
}

function whole(count: number): string {
  return count.toLocaleString('en-US')
}
