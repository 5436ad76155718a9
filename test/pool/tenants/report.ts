/** What a long soak of the pool has found, as a page: docs/reports/pool-soak.md. */

import { type Circumstances, formatCircumstances } from '../../support/circumstances.ts'
import { type Books, sumOf } from './books.ts'

export function formatReport(books: Books, circumstances: Circumstances): string {
  const { statements, answered, callers, breaches, breachCount, faults, deeds, errors, fates } = books
  return `# Callers of the pool, and what is another's

${formatCircumstances(circumstances)}

**${whole(statements)} statements of ${whole(callers)} callers, ${whole(sumOf(faults))} faults, ${whole(breachCount)} breaches.**

Eighteen pools at once: of 1, 2 and 5 clients; with no \`reset\`, \`DISCARD ALL\` and a function; with \`pipeline\` and without. Their \`sessionSetup\` sets what each caller wants: a tenant, a role, nothing, or what can't be done.
Every statement has PostgreSQL repeat a token that nobody else has, with the tenant, the role, whose transaction it stands in, and what is left of temporary tables and locks. Whoever sees what is another's, gets somebody else's answer,
none or a second one, is cancelled without having asked for it, or is answered behind a set-up that fails, has seen a breach; so has who never ends. What callers write is compared at the end of each round: what was reported as
committed is there, once, for its own tenant and role; what was rolled back is not. ${whole(answered)} statements were answered; the others failed as they had to, or by what was done to them.
${formatBreaches(breaches)}
${table('fault', faults)}
${table('what callers did', deeds)}
${table('what was written', fates)}
${table('what callers were told', errors)}`
}

/** The first of each kind. */
function formatBreaches(breaches: Books['breaches']): string {
  const lines = [...breaches].map(([, { first, times }]) => `* ${whole(times)} times; the first: \`${first}\``)
  return lines.length > 0 ? `\n${lines.join('\n')}\n` : ''
}

function table(title: string, counts: ReadonlyMap<string, number>): string {
  const rows = [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([what, count]) => `| ${what.replaceAll('|', '\\|')} | ${whole(count)} |`)
  return `| ${title} | times |\n|---|---|\n${rows.join('\n')}\n`
}

function whole(count: number): string {
  return count.toLocaleString('en-US')
}
