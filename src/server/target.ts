/**
 * Where a server is, how the way to it is protected, and who we are there: one object for every connection to it, be it a
 * server of a pool, its reconnect, a cancel or auth_query. So none of them can be less protected than another.
 */

import type { Credentials } from '../auth/secret.ts'
import type { ConnectingTls } from '../net/tls.ts'
import type { Network } from './network.ts'
import { newestMinor } from '../wire/startup.ts'

/** `unix`: the path of a socket, `@` for an abstract one. */
export type ServerAddress = { readonly host: string; readonly port: number } | { readonly unix: string }

/** What is asked of a server before the startup packet. Unix sockets are never encrypted. */
export type ServerEncryption = { readonly mode: 'disable' } | ConnectingTls

export interface ServerTarget {
  readonly network: Network
  readonly address: ServerAddress
  readonly encryption: ServerEncryption
  /** Startup parameters as byte strings: user, database and what the pool adds. */
  readonly startup: ReadonlyMap<string, string>
  /** Asked at each login: a client may have proved itself since the last one. */
  readonly credentials: () => Credentials
  readonly protocol: ProtocolVersion
}

/** The version of protocol 3 that a server is asked for: the newest, until one has turned out not to know that there are any. */
export class ProtocolVersion {
  #minor = newestMinor

  get minor(): number {
    return this.#minor
  }

  /** Another server may stand there now. */
  forget(): void {
    this.#minor = newestMinor
  }

  /** PostgreSQL negotiates, but other poolers close the connection or answer with an error. True if 3.0 is worth a try now. */
  refused(): boolean {
    const wasNewest = this.#minor > 0
    this.#minor = 0
    return wasNewest
  }
}

/** For messages. */
export function addressText(address: ServerAddress): string {
  return 'unix' in address ? address.unix : `${address.host}:${address.port}`
}
