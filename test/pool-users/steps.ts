/** The steps of every script. What each must do is said here; how a library does it stands in its script. */

import type { Step } from '../drivers/steps.ts'

export const steps: readonly Step[] = [
  ['pool', 'the library’s pool is the one that stands in the place of pg-pool'],
  ['connect', 'by the library’s own settings'],
  ['rows', 'put in, changed, taken out, read by the library’s own API; in pg-boss queues and jobs'],
  ['parameters', 'an int, a text with quotes and a NULL come back as they went'],
  ['commit', 'what a transaction did is there'],
  ['rollback', 'an error in a transaction leaves nothing of it'],
  ['savepoint', 'an error behind it, or in an inner transaction, costs only what came behind it'],
  [
    'fifty at once',
    'on five clients, every other one in a transaction: each gets its own answer, on five backends at most',
  ],
  ['errors', 'ten of PostgreSQL’s, in transactions and outside; the eleventh works'],
  ['stream', 'a thousand rows by stream or cursor, and one that is given up halfway'],
  ['LISTEN', 'a notification of another client arrives'],
  ['jobs', 'fifty are sent, worked on and completed'],
  ['killed idle', 'all backends, twice; the process survives, the next query works'],
  ['killed in a transaction', 'that transaction fails, the process survives, the next query works'],
  ['killed in a query', 'that query fails, the process survives, the next one works'],
  ['spans', 'each of fifty queries has its pg-pool.connect and pg.query below its own span'],
  ['metrics', 'db.client.connection.* say how many clients are used and idle, and who waits'],
  ['nothing leaked', 'all clients are idle, nobody waits, and PostgreSQL has as many backends'],
  ['end', 'what is under way is answered; afterwards no client and no backend is left'],
  ['exit', 'the process ends by itself within 2 s'],
].map(([name, mustHold], index) => ({ number: index + 1, name, mustHold }) as Step)
