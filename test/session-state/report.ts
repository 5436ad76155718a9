/** The report of the session-state matrix: a table for who reads a line a kind, one a pooler with every cell, and why they differ. */

import { type Circumstances, formatCircumstances } from '../support/circumstances.ts'
import type { Contender } from './contenders.ts'
import { differences, explanation, isAlike, promises } from './expectations.ts'
import type { Keeping, Verdict } from './judge.ts'
import type { Kind } from './kind.ts'
import type { Theme } from './kinds.ts'
import { type Column, type Finding, type Judgement, judgeAll, ofKind, peerOf } from './result.ts'
import type { Cell } from './run.ts'
import { situations } from './situations.ts'

export interface MatrixCircumstances extends Circumstances {
  /** Policies that this version does not have. */
  readonly missing: readonly string[]
}

const signs: Readonly<Record<Keeping, string>> = {
  kept: 'K',
  pinned: 'P',
  server: 'S',
  alone: 'A',
  lost: 'L',
  refused: 'R',
  none: '·',
  wrong: 'W',
}

const introduction = `Client A makes a kind of session state in one of ${situations.length} situations. Then, on the wire: does another client B, which gets the very server that A used, see it
(**leaks**)? B comes twice: beside A, who is idle outside a transaction, and after A has left. And does A, in its next transactions, see what a client with a
connection of its own sees: at once, after B has used the server, and on another server? Every pool has two servers, one of them held by a third client in a transaction.
A kind that PostgreSQL itself refuses in a situation is no cell. The clients have no special rights, except for LOAD, dblink_connect and what says *superuser* or SESSION AUTHORIZATION.

* **kept**: A sees its own in all three places, on whatever server. **pinned**: the same, since A keeps its server and B has to wait for another one
* **stays with the server**: A sees it as long as it happens to get that server, and so does everybody else
* **until another comes**: A sees it until somebody else has used the server
* **lost**: A’s next transaction does not see it
* **refused**: a statement fails that a direct connection takes
* **wrong**: there is nothing to keep, and A sees something all the same`

const words: Readonly<Record<Keeping, string>> = {
  kept: 'kept',
  pinned: 'pinned',
  server: 'stays with the server',
  alone: 'until another comes',
  lost: 'lost',
  refused: 'refused',
  none: 'nothing to keep',
  wrong: '**wrong**',
}

export function renderReport(themes: readonly Theme[], columns: readonly Column[], about: MatrixCircumstances): string {
  const judgement = judgeAll(columns)
  return [
    '# Session state: what leaks and what is kept',
    '',
    formatCircumstances(about),
    ...about.missing.map((policy) => `* \`session_state = ${policy}\`: not in this version`),
    '',
    introduction,
    '',
    '## By kind',
    '',
    'How many situations leak, of those that can be, and how A fares where there is something to keep. Session mode is there to show what is possible: each client has a server of its own, cleaned by DISCARD ALL, and only the first situation is tried.',
    '',
    ...byKind(themes, columns),
    ...everyCell(themes, columns),
    ...whyTheyDiffer(themes, columns),
    ...unseen(themes),
    ...findings('Leaks where none may be', judgement.leaks),
    ...findings('Surprises', judgement.surprises),
    summary(judgement),
    '',
  ].join('\n')
}

export function summary({ cells, leaks, surprises }: Judgement): string {
  return `${cells} cells, ${leaks.length} leaks where none may be, ${surprises.length} surprises`
}

function byKind(themes: readonly Theme[], columns: readonly Column[]): string[] {
  const names = columns.map(({ contender }) => contender.name)
  return themes.flatMap(({ name, kinds }) => [
    table(
      [name, ...names],
      kinds.map((kind) => [kind.name, ...columns.map((column) => inWords([...ofKind(column, kind).values()]))]),
    ),
    '',
  ])
}

function inWords(verdicts: readonly (Verdict | string)[]): string {
  if (verdicts.length === 0) return ''
  const leaking = verdicts.filter((verdict) => typeof verdict !== 'string' && verdict.leaks.length > 0).length
  const keepings = verdicts.map((verdict) => (typeof verdict === 'string' ? '**broke**' : inWord(verdict)))
  const kept = [...new Set(keepings)].filter(
    (word) => word !== words.none || keepings.every((one) => one === words.none),
  )
  return [...(leaking > 0 ? [`**leaks** (${leaking} of ${verdicts.length})`] : []), ...kept].join(', ')
}

function inWord({ keeping, refusal }: Verdict): string {
  return keeping === 'refused' ? `refused (${refusal})` : words[keeping]
}

const legend =
  'K kept, P pinned, S stays with the server, A until another comes, L lost, R refused, · nothing to keep and nothing there, W wrong, ? the scene broke; **!** leaks; empty: no cell.'

/** Of the poolers that were in more than one situation. */
function everyCell(themes: readonly Theme[], columns: readonly Column[]): string[] {
  const tables = columns.flatMap((column) => {
    const shorts = shortsOf(column)
    if (shorts.length < 2) return []
    return [`### ${column.contender.name}`, '', table(['', ...shorts], cellRows(themes, column, shorts)), '']
  })
  if (tables.length === 0) return []
  const explained = situations.map(({ short, name }) => `*${short}* ${name}`)
  return ['## Every cell', '', legend, '', `${explained.join('; ')}.`, '', ...tables]
}

function shortsOf({ verdicts }: Column): string[] {
  const played = new Set([...verdicts.keys()].map(({ situation }) => situation.short))
  return situations.map(({ short }) => short).filter((short) => played.has(short))
}

function cellRows(themes: readonly Theme[], column: Column, shorts: readonly string[]): string[][] {
  const kinds = themes.flatMap((theme) => theme.kinds)
  return kinds.map((kind) => {
    const verdicts = ofKind(column, kind)
    return [kind.name, ...shorts.map((short) => sign(verdicts.get(short)))]
  })
}

export function sign(verdict: Verdict | string | undefined): string {
  if (verdict === undefined) return ''
  if (typeof verdict === 'string') return '?'
  return verdict.leaks.length > 0 ? `${signs[verdict.keeping]} **!**` : signs[verdict.keeping]
}

function whyTheyDiffer(themes: readonly Theme[], columns: readonly Column[]): string[] {
  const ours = columns.find(({ contender }) => contender.side === 'taxirank' && contender.policy === 'allow')
  const peers = peerOf(columns)
  if (!ours || peers.size === 0) return []
  const kinds = new Set(themes.flatMap((theme) => theme.kinds))
  const cells = [...ours.verdicts.keys()].filter((cell) => kinds.has(cell.kind) && differs(ours, peers, cell))
  const lines = [...differences, undefined].flatMap((difference) => {
    const names = new Set(cells.filter((cell) => explanation(cell) === difference).map(({ kind }) => kind.name))
    return names.size > 0 ? [`* ${inItalics([...names])}: ${difference?.why ?? '**not explained**'}`] : []
  })
  return ['## Where Taxirank, allow, differs from PgBouncer', '', ...(lines.length > 0 ? lines : ['Nowhere.']), '']
}

/** Names may have commas in them. */
function inItalics(names: readonly string[]): string {
  return names.map((name) => `*${name}*`).join(', ')
}

function differs(ours: Column, peers: Column['verdicts'], cell: Cell): boolean {
  const [verdict, peer] = [ours.verdicts.get(cell), peers.get(cell)]
  return typeof verdict === 'object' && typeof peer === 'object' && !isAlike(verdict, peer)
}

function unseen(themes: readonly Theme[]): string[] {
  const kinds = themes.flatMap(({ kinds }) => kinds)
  const named = (where: Kind['invisible']): string =>
    inItalics(kinds.filter(({ invisible }) => invisible === where).map(({ name }) => name)) || '–'
  return [
    '## What can’t be seen',
    '',
    'No pooler can tell from the statements that these make state, so no policy is held to account for them:',
    '',
    `* made inside a function or a trigger, whose text the pooler does not see: ${named('always')}`,
    `* inside DO, as DISCARD ALL, which ends everything else a DO may have made, leaves it: ${named('inside DO')}`,
    '* what a C library or an extension keeps in its own memory; LOAD stands for it',
    '',
    '## What a client may lose',
    '',
    'Nobody else sees it, but its client may find it gone, by policy:',
    '',
    ...promises.map((promise) => `* ${promise}`),
    '',
  ]
}

function findings(title: string, found: readonly Finding[]): string[] {
  if (found.length === 0) return []
  return [`## ${title}`, '', ...found.map((finding) => `* ${tell(finding)}`), '']
}

export function tell({ contender, cell, text }: Finding): string {
  return `${contender.name}: ${cell.kind.name}, ${cell.situation.name}: ${text}`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n')
}

/** Every sign, for programs: by column, kind and situation. */
export function asJson(themes: readonly Theme[], columns: readonly Column[], about: MatrixCircumstances): string {
  const { cells, leaks, surprises } = judgeAll(columns)
  const plain = (verdict: Verdict | string): unknown =>
    typeof verdict === 'string'
      ? { broke: verdict }
      : [verdict.keeping, ...verdict.leaks.map(({ when }) => `leaks ${when}`)].join(', ')
  const byName = ({ contender, ...column }: Column): unknown => ({
    ...named(contender),
    kinds: Object.fromEntries(
      themes
        .flatMap(({ kinds }) => kinds)
        .map((kind) => [
          kind.name,
          Object.fromEntries(
            [...ofKind({ contender, ...column }, kind)].map(([short, verdict]) => [short, plain(verdict)]),
          ),
        ]),
    ),
  })
  const counts = { cells, leaks: leaks.map(tell), surprises: surprises.map(tell) }
  return `${JSON.stringify({ ...about, ...counts, columns: columns.map(byName) }, null, 1)}\n`
}

function named({ name, policy }: Contender): { readonly name: string; readonly policy: string } {
  return { name, policy }
}
