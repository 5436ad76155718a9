/**
 * I11 outside session mode: a client's Bind or Describe meets what that client last Parsed under the name it gave, whoever
 * Parsed it there. Tables are kept, and compared, when a server answers: then everything before is known to be done or
 * skipped. A Parse that the server need not see (I10) is believed only if it has such a statement.
 */
import type { Client } from '../client.ts'
import { frontend } from '../messages.ts'
import type { Entry } from '../reply-account.ts'
import type { Request } from '../request.ts'
import type { Rule } from '../rule.ts'
import type { Server } from '../server.ts'
import type { Statement } from '../statement-table.ts'
import { StatementTable, isSame } from '../statement-table.ts'
import type { Pool } from '../world.ts'
import { poolModes } from '../world.ts'
import { owesTo } from './nothing-unanswered.ts'

/** One answer of a server to a message about a statement, and the tables that it concerns. */
interface Settled {
  readonly entry: Entry
  readonly isFailed: boolean
  readonly here: StatementTable
  /** Of the client that sent it; undefined: the pooler did, or the names in what the client sent mean nothing. */
  readonly mine: StatementTable | undefined
}

interface Difference {
  readonly expected: string
  readonly seen: string
}

/** What the pooler Parses in front of a Bind that deallocates a statement of its client's. */
const ownDeallocation = 'DEALLOCATE taxirank_doomed\0\0\0'

export const statements: Rule = (world, breach) => {
  const tables = new WeakMap<Client | Server, StatementTable>()
  /** Where something was replaced or Parsed for a client: there statements follow their client, and none is missing. */
  const following = new WeakSet<Pool>()
  /** Names that were ever given to a statement on a server. */
  const given = new Set<string>()
  return {
    clientReplaced({ pool }) {
      if (pool) following.add(pool)
    },
    requestSettled(server, entry, isFailed) {
      const isAboutOne = entry.request !== undefined || entry.type === frontend.query
      if (!isAboutOne || server.pool.mode === poolModes.session) return
      if (isAheadOfBind(entry) && isThere(entry.group.client)) following.add(server.pool)
      const client = world.clients.get(entry.owner)
      const mine = client?.received.isAbandoned === false ? tableOf(client) : undefined
      const settled = { entry, isFailed, here: tableOf(server), mine }
      if ((isDeallocation(entry) || isDeallocatingBind(settled)) && !isFailed) mine?.droppedOne()
      const about = { client: entry.owner, server: server.id }
      if (entry.type === frontend.parse) given.add(entry.request?.statement ?? '')
      const wrong = isRefused(settled, given) ? undefined : whyNotItsOwn(settled, following.has(server.pool))
      if (wrong) breach('I11', wrong.expected, wrong.seen, about)
      const skipped = whyNotSkippable(settled)
      if (skipped) breach('I10', skipped.expected, skipped.seen, about)
      apply(settled)
    },
    statementsDropped(server, owner, which) {
      const client = world.clients.get(owner)
      for (const owned of client ? [server, client] : [server]) {
        if (which === 'all') tableOf(owned).droppedAll()
        else tableOf(owned).droppedOne()
      }
    },
    leaseReleased(client, server) {
      if (!server.account.isCertain) tableOf(client).forget()
    },
    serverDestroyed(server) {
      const { holder, account } = server
      if (holder && (!account.isCertain || owesTo(server, holder))) tableOf(holder).forget()
    },
  }

  function tableOf(owner: Client | Server): StatementTable {
    const known = tables.get(owner)
    if (known) return known
    const table = new StatementTable()
    tables.set(owner, table)
    return table
  }

  function isThere(client: number): boolean {
    return world.clients.get(client)?.isClosing === false
  }
}

/** The pooler's own Parse in a client's group. */
function isAheadOfBind({ type, owner }: Entry): boolean {
  return owner === 0 && type === frontend.parse
}

/** A Query without a statement that took the place of a DEALLOCATE. */
function isDeallocation({ type, request }: Entry): boolean {
  return type === frontend.query && request?.original !== undefined
}

/** A Bind of the DEALLOCATE with which the pooler drops a statement of its own: it stands for that of the client's. */
function isDeallocatingBind({ entry: { type, request }, here, mine }: Settled): boolean {
  if (type !== frontend.bind || !mine || request?.statement !== '') return false
  const met = here.find('')
  return met?.by === 0 && met.definition === ownDeallocation && isDeallocating(mine.find(saidName(request)))
}

function isDeallocating(wanted: Statement | undefined): boolean {
  return /\bdeallocate\b/i.test(wanted?.definition ?? '')
}

/** A Close that took the place of a client's Parse. */
function isStandIn({ type, request }: Entry): boolean {
  return type === frontend.close && request?.original?.type === frontend.parse
}

/** It was sent under a name that no statement has ever had, so that it failed: the pooler would not have it run. */
function isRefused({ entry, isFailed }: Settled, given: ReadonlySet<string>): boolean {
  const { request } = entry
  return isFailed && request?.original !== undefined && !given.has(request.statement ?? '')
}

/** A Bind or Describe that met something else than its client would have met with a server of its own. */
function whyNotItsOwn(settled: Settled, isFollowing: boolean): Difference | undefined {
  const { entry, isFailed, here, mine } = settled
  const { type, request } = entry
  if (type !== frontend.bind && type !== frontend.describe) return undefined
  if (!mine || request?.statement === undefined || isDeallocatingBind(settled)) return undefined
  const name = saidName(request)
  const wanted = mine.find(name)
  const met = here.find(request.statement)
  const seen = whatIsMet(met, request.statement)
  if (wanted === undefined) {
    const mayBe = met === undefined || !mine.isComplete || (isFailed && met.mayBeGone)
    return mayBe ? undefined : { expected: `nothing: this client has no statement "${name}"`, seen }
  }
  const mayBe =
    met === undefined ? wanted.mayBeGone || !isFollowing : isSame(wanted, met) || (isFailed && met.mayBeGone)
  return mayBe ? undefined : { expected: `what this client Parsed as "${name}"`, seen }
}

/** A Parse was not sent, as if the server had the statement. */
function whyNotSkippable({ entry, isFailed, here }: Settled): Difference | undefined {
  const { request } = entry
  if (isFailed || !isStandIn(entry) || !request?.original) return undefined
  if (here.find(request.statement ?? '')) {
    return { expected: 'a Close of a name that no statement has', seen: `it ended "${request.statement}"` }
  }
  if (here.hasDefinition(request.original.definition)) return undefined
  return { expected: 'a Parse: the server has no such statement', seen: 'a Close in its place' }
}

/** What there is after this answer. */
function apply({ entry, isFailed, here, mine }: Settled): void {
  const { type, request } = entry
  if (type === frontend.query && !isFailed) return end('', '', here, mine)
  if (request?.statement === undefined) return
  const { statement, definition, original } = request
  const said = saidName(request)
  if (type === frontend.parse && isFailed) failParse(statement, said, here, mine)
  else if (isFailed) return
  else if (type === frontend.parse) {
    here.made(statement, definition, entry.owner)
    mine?.made(said, original?.definition ?? definition, entry.owner)
  } else if (isStandIn(entry)) {
    here.closed(statement)
    mine?.made(said, original?.definition, entry.owner)
  } else if (type === frontend.close) end(statement, said, here, mine)
}

/** The unnamed statement is dropped before PostgreSQL looks at the new one. */
function failParse(sent: string, said: string, here: StatementTable, mine: StatementTable | undefined): void {
  if (sent === '') here.closed('')
  if (said === '') mine?.closed('')
}

function end(sent: string, said: string, here: StatementTable, mine: StatementTable | undefined): void {
  here.closed(sent)
  mine?.closed(said)
}

/** The name that the client gave. */
function saidName({ statement, original }: Request): string {
  return (original ?? { statement }).statement ?? ''
}

function whatIsMet(met: Statement | undefined, name: string): string {
  if (!met) return `no statement "${name}"`
  return `"${name}" as ${met.by === 0 ? 'the pooler' : `client ${met.by}`} Parsed it`
}
