/**
 * The addresses of host names, remembered. The system is asked off the loop, once at a time for a name, and not again
 * before a time is up: `maxTtlMs` after an answer, `nxdomainTtlMs` after a failure. When it fails, or does not answer in
 * time, the last good answer goes on being used: a database is rarely gone because its name server is.
 */

import { lookup as askSystem } from 'node:dns/promises'
import { isIP } from 'node:net'
import { TaxirankError } from '../errors.ts'
import { Deadline, type Deadlines } from '../time.ts'

/** Asks for all addresses of a name; rejects if there are none. */
export type Lookup = (name: string) => Promise<readonly string[]>

export interface ResolverSettings {
  readonly maxTtlMs: number
  readonly nxdomainTtlMs: number
  /** How long the system may take before the last good answer, or an error, is given. */
  readonly timeoutMs: number
}

export interface ResolverOptions extends ResolverSettings {
  readonly lookup: Lookup
  readonly now: () => number
  readonly deadlines: Deadlines
  /** A name has other addresses than before; the order does not count. */
  readonly changed?: (name: string, addresses: readonly string[]) => void
}

/** What is known of a name. */
export interface ResolvedHost {
  readonly name: string
  /** Until it will be asked for again; 0: at the next use. */
  readonly ttlMs: number
  readonly addresses: readonly string[]
}

export const systemLookup: Lookup = async (name) => {
  const found = await askSystem(name, { all: true })
  return [...new Set(found.map(({ address }) => address))]
}

export class Resolver {
  readonly #options: ResolverOptions
  readonly #hosts = new Map<string, Host>()
  /** May be exchanged at any time. */
  settings: ResolverSettings

  constructor(options: ResolverOptions) {
    this.#options = options
    this.settings = options
  }

  /** At least one address; an address is its own. Rejects with `server_connect_failed`. */
  async resolve(name: string): Promise<readonly string[]> {
    if (isIP(name) !== 0) return [name]
    const host = this.#hosts.get(name) ?? new Host(name, this.#options, () => this.settings)
    this.#hosts.set(name, host)
    return host.resolve()
  }

  /** Every name that has been asked for. */
  hosts(): readonly ResolvedHost[] {
    return [...this.#hosts.values()].map((host) => host.describe())
  }
}

interface Asker {
  readonly resolve: (addresses: readonly string[]) => void
  readonly reject: (error: TaxirankError) => void
}

class Host {
  readonly #name: string
  readonly #options: ResolverOptions
  readonly #settings: () => ResolverSettings
  readonly #late = new Deadline(() => this.#failed(`no answer within ${this.#settings().timeoutMs} ms`))
  /** The last good answer. */
  #addresses: readonly string[] = []
  #failure: TaxirankError | undefined
  #freshUntilMs = -Infinity
  #isAsking = false
  #askers: Asker[] = []

  constructor(name: string, options: ResolverOptions, settings: () => ResolverSettings) {
    this.#name = name
    this.#options = options
    this.#settings = settings
  }

  resolve(): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      this.#askers.push({ resolve, reject })
      if (this.#options.now() < this.#freshUntilMs) this.#answer()
      else this.#ask()
    })
  }

  describe(): ResolvedHost {
    const ttlMs = Math.max(0, this.#freshUntilMs - this.#options.now())
    return { name: this.#name, ttlMs, addresses: this.#addresses }
  }

  /** A question that was given up on may still be open: then its answer is waited for anew, and it is not asked again. */
  #ask(): void {
    const { deadlines, now, lookup } = this.#options
    if (!this.#late.isRunning) deadlines.start(this.#late, now() + this.#settings().timeoutMs)
    if (this.#isAsking) return
    this.#isAsking = true
    lookup(this.#name).then(
      (addresses) => {
        this.#isAsking = false
        if (addresses.length > 0) this.#found(addresses)
        else this.#failed('it has no address')
      },
      (cause: unknown) => {
        this.#isAsking = false
        this.#failed((cause as { code?: string }).code ?? 'the lookup failed', cause)
      },
    )
  }

  #found(addresses: readonly string[]): void {
    const before = this.#addresses
    this.#addresses = addresses
    this.#failure = undefined
    this.#settle(this.#settings().maxTtlMs)
    if (before.length > 0 && !isSame(before, addresses)) this.#options.changed?.(this.#name, addresses)
  }

  #failed(reason: string, cause?: unknown): void {
    const message = `cannot find the address of ${this.#name}: ${reason}`
    this.#failure = new TaxirankError('server_connect_failed', message, { cause })
    this.#settle(this.#settings().nxdomainTtlMs)
  }

  #settle(ttlMs: number): void {
    this.#options.deadlines.stop(this.#late)
    this.#freshUntilMs = this.#options.now() + ttlMs
    this.#answer()
  }

  #answer(): void {
    const askers = this.#askers
    this.#askers = []
    for (const { resolve, reject } of askers) {
      if (this.#addresses.length > 0) resolve(this.#addresses)
      else if (this.#failure) reject(this.#failure)
    }
  }
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((address) => other.includes(address))
}
