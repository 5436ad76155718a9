/** I8, whose cancel it is: clients that are there have different keys, and a CancelRequest names the client with its key. */
import type { Client } from '../client.ts'
import type { Rule } from '../rule.ts'

const name = 'I8'

export const cancelKey: Rule = (_world, breach) => {
  const holders = new Map<string, Client>()
  const keys = new Map<Client, string>()
  /** The key of the last CancelRequest, until somebody is named for it. */
  let asked: string | undefined
  return {
    keyGiven(client, key) {
      const holder = holders.get(key)
      if (holder) breach(name, 'a cancel key of its own', `that of client ${holder.id}`, { client: client.id })
      holders.set(key, client)
      keys.set(client, key)
    },
    clientClosed(client) {
      const key = keys.get(client)
      keys.delete(client)
      if (key !== undefined && holders.get(key) === client) holders.delete(key)
    },
    cancelAsked(key) {
      asked = key
    },
    cancelReceived(client) {
      const holder = asked === undefined ? client : holders.get(asked)
      asked = undefined
      if (holder === client) return
      const expected = holder ? `client ${holder.id}, whose key it is` : 'nobody: no client has this key'
      breach(name, expected, 'this client was named', { client: client.id })
    },
  }
}
