/**
 * How connections to servers are made, whatever they are for: host names are looked up, their addresses taken in turn, and
 * the sockets' options set.
 */

import { isIP } from 'node:net'
import type { TaxirankError } from '../errors.ts'
import { connect, type Connecting } from '../net/connect.ts'
import { type ResolvedHost, Resolver, type ResolverSettings, systemLookup } from '../net/resolve.ts'
import type { SocketOptions } from '../net/socket-options.ts'
import type { Socket, SocketHandler } from '../net/socket.ts'
import { Deadlines } from '../time.ts'
import type { ServerAddress } from './target.ts'

export interface NetworkSettings {
  readonly dns: ResolverSettings
  readonly socketOptions: SocketOptions
  /** A connection with this descriptor or a higher one is refused; Infinity: none is. */
  readonly maxDescriptor: number
}

export class Network {
  readonly #resolver: Resolver
  readonly #deadlines: Deadlines
  readonly #next = new Map<string, number>()
  #settings: NetworkSettings

  /** `moved` is called when a name has other addresses than before. */
  constructor(
    settings: NetworkSettings,
    now: () => number,
    moved: (host: string, addresses: readonly string[]) => void,
    lookup = systemLookup,
  ) {
    this.#settings = settings
    this.#deadlines = new Deadlines(now())
    this.#resolver = new Resolver({ ...settings.dns, lookup, now, deadlines: this.#deadlines, changed: moved })
  }

  /** What begins from now on is done so. */
  reconfigure(settings: NetworkSettings): void {
    this.#settings = settings
    this.#resolver.settings = settings.dns
  }

  /** To be called every few dozen milliseconds. */
  advance(now: number): void {
    this.#deadlines.advance(now)
  }

  /** Every name that has been asked for. */
  hosts(): readonly ResolvedHost[] {
    return this.#resolver.hosts()
  }

  /** As `connect` of net/. There is no limit of time. */
  connect(
    address: ServerAddress,
    connected: (socket: Socket) => SocketHandler,
    failed: (error: TaxirankError) => void,
  ): Connecting {
    const { socketOptions, maxDescriptor } = this.#settings
    const common = { timeoutMs: 0, socketOptions, maxDescriptor }
    if ('unix' in address) return connect({ unix: address.unix, ...common }, connected, failed)
    const { host, port } = address
    if (isIP(host) !== 0) return connect({ host, port, ...common }, connected, failed)
    let isAbandoned = false
    let connecting: Connecting | undefined
    this.#resolver.resolve(host).then(
      (addresses) => {
        if (!isAbandoned)
          connecting = connect({ host: this.#takeOf(host, addresses), port, ...common }, connected, failed)
      },
      (error: unknown) => {
        if (!isAbandoned) failed(error as TaxirankError)
      },
    )
    return {
      abandon: () => {
        isAbandoned = true
        connecting?.abandon()
      },
    }
  }

  /** One after the other, so that each gets its share of the servers. */
  #takeOf(host: string, addresses: readonly string[]): string {
    const turn = this.#next.get(host) ?? 0
    this.#next.set(host, turn + 1)
    return addresses[turn % addresses.length] as string
  }
}
