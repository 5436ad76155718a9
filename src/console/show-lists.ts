import { show } from './command.ts'
import { int4, text } from './result.ts'

/** Sizes of lists; the console's own database, pool and clients count. What is free is kept by nobody here. */
export const showLists = show('LISTS', [text('list'), int4('items')], ({ figures, console }) => {
  const lists = figures.lists()
  return [
    ['databases', lists.databases + 1],
    ['users', lists.users],
    ['peers', 0],
    ['pools', lists.pools + 1],
    ['peer_pools', 0],
    ['free_clients', 0],
    ['used_clients', lists.clients + console.clients().length],
    ['login_clients', lists.loggingIn],
    ['free_servers', 0],
    ['used_servers', lists.servers],
    ['dns_names', lists.dnsNames],
    ['dns_zones', 0],
    ['dns_queries', 0],
    ['dns_pending', lists.dnsPending],
  ]
})
