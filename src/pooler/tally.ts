/** What has happened in one database, and what that is on average. */

import type { DatabaseCounters } from './figures.ts'

/** Hot path: whoever sees something happen adds to these. */
export class Tally implements DatabaseCounters {
  assignments = 0
  transactions = 0
  queries = 0
  receivedBytes = 0
  sentBytes = 0
  transactionMs = 0
  queryMs = 0
  waitMs = 0
  clientParses = 0
  serverParses = 0
  binds = 0
  logins = 0

  copy(): DatabaseCounters {
    return { ...(this as DatabaseCounters) }
  }
}

export const nothingCounted: DatabaseCounters = new Tally().copy()

/** Per second between two instants; times per transaction, query and assignment. */
export function averageBetween(from: DatabaseCounters, to: DatabaseCounters, passedMs: number): DatabaseCounters {
  const perSecond = (name: keyof DatabaseCounters): number => ((to[name] - from[name]) * 1_000) / passedMs
  const per = (time: keyof DatabaseCounters, events: keyof DatabaseCounters): number => {
    const count = to[events] - from[events]
    return count > 0 ? (to[time] - from[time]) / count : 0
  }
  return {
    assignments: perSecond('assignments'),
    transactions: perSecond('transactions'),
    queries: perSecond('queries'),
    receivedBytes: perSecond('receivedBytes'),
    sentBytes: perSecond('sentBytes'),
    transactionMs: per('transactionMs', 'transactions'),
    queryMs: per('queryMs', 'queries'),
    waitMs: per('waitMs', 'assignments'),
    clientParses: perSecond('clientParses'),
    serverParses: perSecond('serverParses'),
    binds: perSecond('binds'),
    logins: perSecond('logins'),
  }
}

export function sum(all: readonly DatabaseCounters[]): DatabaseCounters {
  const total = new Tally()
  for (const one of all) {
    for (const name of Object.keys(nothingCounted) as (keyof DatabaseCounters)[]) total[name] += one[name]
  }
  return total.copy()
}
