import dns from 'node:dns'
import { Way } from '../../support/way.ts'

/**
 * A way to a port of this machine, on Node, too: the relay wants to know its port at once, and there it would only be known
 * in the next turn, since Node looks up even an address.
 */
export function wayTo(port: number): Way {
  const { lookup } = dns
  dns.lookup = lookUpAtOnce as typeof lookup
  try {
    return new Way(port)
  } finally {
    dns.lookup = lookup
  }
}

function lookUpAtOnce(address: string, ...rest: unknown[]): void {
  const callback = rest.at(-1) as (error: null, address: string, family: number) => void
  callback(null, address, 4)
}
