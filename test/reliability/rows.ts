/** The rows of the scoreboard, in its order. */

import type { Row } from './row.ts'
import { backendKilled } from './rows/backend-killed.ts'
import { blackHole } from './rows/black-hole.ts'
import { blockedLog } from './rows/blocked-log.ts'
import { cancelStorm } from './rows/cancel-storm.ts'
import { checkoutTimeouts } from './rows/checkout-timeouts.ts'
import { cutReplies, cutRequests } from './rows/cut-requests.ts'
import { descriptors } from './rows/descriptors.ts'
import { drain } from './rows/drain.ts'
import { flood } from './rows/flood.ts'
import { frozenPostgres } from './rows/frozen-postgres.ts'
import { giantMessages } from './rows/giant-messages.ts'
import { identities } from './rows/identities.ts'
import { malformed } from './rows/malformed.ts'
import { poolerKilled } from './rows/pooler-killed.ts'
import { poolerStopped } from './rows/pooler-stopped.ts'
import { restarts } from './rows/postgres-restarts.ts'
import { reloadsUnderLoad } from './rows/reloads.ts'
import { slowReaders } from './rows/slow-readers.ts'
import { tlsBoundary } from './rows/tls-boundary.ts'
import { noSlots, unready } from './rows/unready-postgres.ts'

export const rows: readonly Row[] = [
  checkoutTimeouts,
  cutRequests,
  cutReplies,
  backendKilled,
  restarts,
  frozenPostgres,
  blackHole,
  slowReaders,
  giantMessages,
  noSlots,
  unready,
  cancelStorm,
  identities,
  tlsBoundary,
  malformed,
  flood,
  descriptors,
  blockedLog,
  reloadsUnderLoad,
  drain,
  poolerKilled,
  poolerStopped,
]
