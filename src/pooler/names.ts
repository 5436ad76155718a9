/** Names are byte strings (latin1) on the wire and in the pooler, and texts (UTF-8) for people. */

import type { Client } from '../client/client.ts'
import type { LogSubject } from '../log.ts'

/** A client in the log; names are byte strings, empty while they are not known. */
export function clientSubject(client: Client, database = '', user = ''): LogSubject {
  const { id, remoteAddress: address, remotePort: port } = client
  return { side: 'C', id, database: textOf(database), user: textOf(user), address, port }
}

export function textOf(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8')
}

export function bytesOf(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1')
}

/** What a pool is known by. */
export function poolKey(database: string, user: string): string {
  return `${database}\0${user}`
}
