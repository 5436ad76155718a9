/**
 * All conversations. Not among them is what is answered otherwise, and why:
 *
 *   - types and lengths of messages that are none, and a Query in the middle of copy data: the pooler refuses them in its own words, and the client
 *     goes (bad-input.test.ts, copy.test.ts)
 *   - DEALLOCATE beside other statements in a Query, and EXECUTE, of a statement that was prepared by the protocol: on servers it has another name
 *   - what drops statements by the extended protocol does so at its Bind: a portal that is never executed, or later, is another matter
 *   - a notification comes by another connection than the answers, so that it may stand elsewhere between them (listening.test.ts)
 *   - a custom parameter that nobody has set is NULL; where others have set one of that name it is empty, as behind a RESET
 *   - RESET ALL reports parameters in the order in which they were set: where they were carried, that is the pooler's
 *   - SET taxirank.holder, which the pooler answers: in a transaction that has failed PostgreSQL would refuse it, and it drops the unnamed statement,
 *     as it does at any Query
 *   - a statement that others use, too, has a generic plan sooner, so an error of a constant may come at the Execute instead of the Bind; and one
 *     that is made anew for its client does not fail with "cached plan must not change result type"
 */

import { copies } from './corpus/copies.ts'
import { errors } from './corpus/errors.ts'
import { extendedProtocol } from './corpus/extended-protocol.ts'
import { functionCalls } from './corpus/function-calls.ts'
import { holderNames } from './corpus/holder-names.ts'
import { malformedMessages } from './corpus/malformed-messages.ts'
import { notifications } from './corpus/notifications.ts'
import { pins } from './corpus/pins.ts'
import { pipelines } from './corpus/pipelines.ts'
import { portals } from './corpus/portals.ts'
import { preparedStatements } from './corpus/prepared-statements.ts'
import { sessionState } from './corpus/session-state.ts'
import { simpleQueries } from './corpus/simple-queries.ts'
import { transactions } from './corpus/transactions.ts'
import { types } from './corpus/types.ts'
import type { Transcript } from './transcript.ts'

export const corpus: readonly Transcript[] = [
  ...simpleQueries,
  ...extendedProtocol,
  ...preparedStatements,
  ...transactions,
  ...errors,
  ...portals,
  ...copies,
  ...sessionState,
  ...pins,
  ...notifications,
  ...types,
  ...pipelines,
  ...functionCalls,
  ...holderNames,
  ...malformedMessages,
]
