/** Names are byte strings (latin1) on the wire and in the pooler, and texts (UTF-8) for people. */

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
