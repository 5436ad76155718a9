/**
 * The load generator: a process of its own, so that its memory and its descriptors are not the pooler's or the
 * benchmark's. `bun bench/load/main.ts '{"load":"idle","port":6432,"pid":1234,"clients":10000}'` prints what it measured
 * as the last line of stdout, in JSON.
 */

import { cancel, idle, reconnect, result, stopped } from './loads.ts'
import { parameters } from './parameters.ts'
import type { LoadFigures, LoadOrder } from './order.ts'

const order = JSON.parse(process.argv[2] ?? '') as LoadOrder
process.stdout.write(`${JSON.stringify(await carryOut(order))}\n`)
process.exit(0)

function carryOut(given: LoadOrder): Promise<LoadFigures> {
  switch (given.load) {
    case 'idle':
      return idle(given, given.clients)
    case 'reconnect':
      return reconnect(given, given.clients)
    case 'cancel':
      return cancel(given, given.seconds)
    case 'parameters':
      return parameters(given, given.seconds)
    case 'result':
      return result(given, given.megabytes)
    case 'stopped':
      return stopped(given, given.megabytes, given.seconds)
  }
}
