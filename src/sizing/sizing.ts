/** What `import 'taxirank/sizing'` gives: the arithmetic of how many connections. No pool, no I/O, no clock. */

export { type ErrorCode, TaxirankError } from '../errors.ts'
export { type Machine, usefulConnections } from './database-size.ts'
export { erlangB, erlangC } from './erlang.ts'
export { backendMemoryBytes, fleet, type Fleet, type FleetOptions, nestedMinimum } from './fleet.ts'
export { inUse, mostHeldMs, mostPerSecond } from './littles-law.ts'
export { mdc } from './mdc.ts'
export { mgc } from './mgc.ts'
export type { Demand, Queue, QueueFigures, SingleQueue, Variability } from './queue.ts'
export { serversFor, serversForWait } from './servers-for.ts'
export { utilisationToPlanFor, utilisationToWarnAt } from './utilisation.ts'
export { waitPercentileMs } from './wait-percentile.ts'
export { gg1, ggc, mg1, mm1, mmc } from './waiting.ts'
