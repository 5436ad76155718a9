/**
 * What logins ask for. Applications log in with the same packet again and again, some for every query, and wire/ gives the
 * same object for it: so what was found out about one is kept with it.
 */

import type { Startup } from '../client/client.ts'
import { poolKey } from './names.ts'
import type { ParameterSet, ParameterSets } from './parameters.ts'
import { readStartup, type StartupRequest, unsupported } from './startup-parameters.ts'

export class LoginRequests {
  readonly #ignoredParameters: ReadonlySet<string>
  readonly #sets: ParameterSets
  readonly #known = new WeakMap<Startup, LoginRequest>()

  constructor(ignoredParameters: ReadonlySet<string>, sets: ParameterSets) {
    this.#ignoredParameters = ignoredParameters
    this.#sets = sets
  }

  /** Throws what `readStartup` throws. */
  of(startup: Startup): LoginRequest {
    const known = this.#known.get(startup)
    if (known) return known
    const request = new LoginRequest(readStartup(startup.parameters, this.#ignoredParameters), this.#sets)
    this.#known.set(startup, request)
    return request
  }
}

export class LoginRequest {
  readonly #startup: StartupRequest
  readonly #sets: ParameterSets
  #base: ParameterSet | undefined
  #initial: ParameterSet | undefined
  #poolUser: string | undefined
  #poolKey = ''

  constructor(startup: StartupRequest, sets: ParameterSets) {
    this.#startup = startup
    this.#sets = sets
  }

  get user(): string {
    return this.#startup.user
  }

  get database(): string {
    return this.#startup.database
  }

  /** What its pool is known by, `serverUser` being who logs in to PostgreSQL for it. Kept for as long as that is the same. */
  poolKey(serverUser: string): string {
    if (this.#poolUser !== serverUser) {
      this.#poolUser = serverUser
      this.#poolKey = poolKey(this.database, serverUser)
    }
    return this.#poolKey
  }

  /**
   * What its session begins with: a pool's own values, and what the client asked for instead. Throws
   * `unsupported_startup_parameter` for a name that PostgreSQL doesn't report.
   */
  parametersOver(base: ParameterSet): ParameterSet {
    if (this.#initial && this.#base === base) return this.#initial
    const { parameters } = this.#startup
    for (const name of parameters.keys()) if (!base.values.has(name)) throw unsupported(name)
    this.#base = base
    this.#initial = this.#sets.of(new Map([...base.values, ...parameters]))
    return this.#initial
  }
}
