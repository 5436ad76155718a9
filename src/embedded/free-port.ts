/** Ports on loopback. */

import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Below the range that Linux gives to outgoing connections (from 32768): a client that keeps dialling a port of that range
 * while nobody listens there can end up connected to itself, and hold the port.
 */
const lowest = 20_000
const highest = 32_000

/** A port on 127.0.0.1 that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const port = randomInt(lowest, highest)
    if ((await whyNotFree(port)) === undefined) return port
  }
  throw new Error(`50 ports tried between ${lowest} and ${highest}, none is free`)
}

/** Undefined when one can listen on 127.0.0.1 at this port, else the reason. */
export function whyNotFree(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'EADDRINUSE' ? 'another program listens there' : error.message)
    })
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
