import { show } from './command.ts'
import { int4, int8, text } from './result.ts'

/** Host names that have been looked up. */
export const showDnsHosts = show('DNS_HOSTS', [text('hostname'), int8('ttl'), text('addrs')], ({ figures }) =>
  figures.dnsHosts().map(({ name, ttlSeconds, addresses }) => [name, Math.round(ttlSeconds), addresses.join(',')]),
)

/** Zones are not polled. */
export const showDnsZones = show('DNS_ZONES', [text('zonename'), int8('serial'), int4('count')], () => [])
