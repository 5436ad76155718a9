import dns from 'node:dns'

/**
 * Starts something that must know its port at once, as the relay must. On Node that would only be known in the next turn,
 * since Node looks up even an address.
 */
export function listenAtOnce<T>(start: () => T): T {
  const { lookup } = dns
  dns.lookup = lookUpAtOnce as typeof lookup
  try {
    return start()
  } finally {
    dns.lookup = lookup
  }
}

function lookUpAtOnce(address: string, ...rest: unknown[]): void {
  const callback = rest.at(-1) as (error: null, address: string, family: number) => void
  callback(null, address, 4)
}
