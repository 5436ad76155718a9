/** Every rule, in the order in which they hear of a record. docs/invariants.md tells what each verifies. */
import type { Rule } from '../rule.ts'
import { abandoned } from './abandoned.ts'
import { attribution } from './attribution.ts'
import { cancelKey } from './cancel-key.ts'
import { cancel } from './cancel.ts'
import { cleanRelease } from './clean-release.ts'
import { conservation } from './conservation.ts'
import { exclusiveLease } from './exclusive-lease.ts'
import { fifo } from './fifo.ts'
import { identity } from './identity.ts'
import { leaseEnd } from './lease-end.ts'
import { limit } from './limit.ts'
import { noEarlyEffect } from './no-early-effect.ts'
import { noReplay } from './no-replay.ts'
import { nothingUnanswered } from './nothing-unanswered.ts'
import { oneEndPerWait } from './one-end-per-wait.ts'
import { replacements } from './replacements.ts'
import { replyOrder } from './reply-order.ts'
import { sessionStatements } from './session-statements.ts'
import { statements } from './statements.ts'
import { terminalCleanliness } from './terminal-cleanliness.ts'
import { wellFormed } from './well-formed.ts'
import { workConservation } from './work-conservation.ts'

export const rules: readonly Rule[] = [
  wellFormed,
  exclusiveLease,
  attribution,
  cleanRelease,
  limit,
  oneEndPerWait,
  fifo,
  workConservation,
  leaseEnd,
  cancel,
  cancelKey,
  abandoned,
  replyOrder,
  nothingUnanswered,
  // Before conservation, which gives a stream up once it differs.
  noReplay,
  conservation,
  replacements,
  statements,
  sessionStatements,
  identity,
  noEarlyEffect,
  terminalCleanliness,
]
