/**
 * One measurement in a process of its own, so that no other has shaped the machine code: prints its figures as JSON. Its
 * only argument is the order, as JSON.
 */

import { nsPerLease } from './lending.ts'
import { bytesPerQuery, queriesPerSecond, type QueryOrder, type Turns } from './queries.ts'
import type { Measurement } from './rows.ts'
import { outage, spike } from './scenarios.ts'
import { waits } from './waits.ts'

export interface ProbeOrder extends QueryOrder {
  readonly measurement: Measurement
  readonly turns: Turns
}

const measures: Readonly<Record<Measurement, (order: ProbeOrder) => Promise<object>>> = {
  lease: async ({ pool, callers }) => ({ ns: await nsPerLease(pool, callers) }),
  waits: ({ pool, callers }) => waits(pool, callers),
  query: async (order) => ({ perSecond: await queriesPerSecond(order, true) }),
  'query from cold': async (order) => ({ perSecond: await queriesPerSecond(order, false) }),
  bytes: async (order) => ({ bytes: await bytesPerQuery(order) }),
  spike: ({ pool }) => spike(pool),
  outage: ({ pool }) => outage(pool),
}

// An application has something that keeps its process alive; pools mostly don't.
setInterval(() => undefined, 60_000)
const order = JSON.parse(process.argv[2] as string) as ProbeOrder
process.stdout.write(`${JSON.stringify(await measures[order.measurement](order))}\n`)
// Some pools keep a process alive for as long as something is idle in them.
process.exit()
