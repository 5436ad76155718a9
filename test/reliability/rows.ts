/** The rows of the scoreboard, in its order. */

import type { Row } from './row.ts'
import { blackHole } from './rows/black-hole.ts'
import { cancelStorm } from './rows/cancel-storm.ts'
import { checkoutTimeouts } from './rows/checkout-timeouts.ts'
import { cutReplies, cutRequests } from './rows/cut-requests.ts'
import { frozenPostgres } from './rows/frozen-postgres.ts'
import { giantMessages } from './rows/giant-messages.ts'
import { identities } from './rows/identities.ts'
import { poolerKilled } from './rows/pooler-killed.ts'
import { restarts } from './rows/postgres-restarts.ts'
import { slowReaders } from './rows/slow-readers.ts'
import { noSlots, unready } from './rows/unready-postgres.ts'

export const rows: readonly Row[] = [
  checkoutTimeouts,
  cutRequests,
  cutReplies,
  restarts,
  frozenPostgres,
  blackHole,
  slowReaders,
  giantMessages,
  noSlots,
  unready,
  cancelStorm,
  identities,
  poolerKilled,
]
