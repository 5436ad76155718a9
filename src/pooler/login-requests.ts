/**
 * What logins ask for. Applications log in with the same packet again and again, some for every query, and wire/ gives the
 * same object for it: so what was found out about one is kept with it.
 */

import type { Startup } from '../client/client.ts'
import { poolKey } from './names.ts'
import { type ParameterSet, type ParameterSets, tracksDefaults } from './parameters.ts'
import { readStartup, type StartupRequest, unsupported } from './startup-parameters.ts'

export class LoginRequests {
  readonly #ignoredParameters: ReadonlySet<string>
  readonly #sets: ParameterSets
  readonly #tracked: typeof tracksDefaults
  readonly #known = new WeakMap<Startup, LoginRequest>()

  constructor(ignoredParameters: ReadonlySet<string>, sets: ParameterSets, tracked = tracksDefaults) {
    this.#ignoredParameters = ignoredParameters
    this.#sets = sets
    this.#tracked = tracked
  }

  /** Throws what `readStartup` throws. */
  of(startup: Startup): LoginRequest {
    const known = this.#known.get(startup)
    if (known) return known
    const read = readStartup(startup.parameters, this.#ignoredParameters, this.#tracked)
    const request = new LoginRequest(read, this.#sets)
    this.#known.set(startup, request)
    return request
  }
}

export class LoginRequest {
  readonly #startup: StartupRequest
  readonly #sets: ParameterSets
  #base: ParameterSet | undefined
  #start: ParameterSet | undefined
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

  /** Throws `unsupported_startup_parameter` for what PostgreSQL doesn't report, unless settings are carried for clients. */
  assertCarried(isAnySetting: boolean): void {
    const [name] = this.#startup.settings.keys()
    if (name !== undefined && !isAnySetting) throw unsupported(name)
  }

  /**
   * What its session begins with: a pool's own values, and what the client asked for instead. Throws
   * `unsupported_startup_parameter` for a name that PostgreSQL doesn't report, unless settings are carried for clients.
   */
  startOver(base: ParameterSet, isAnySetting: boolean): ParameterSet {
    if (this.#start && this.#base === base) return this.#start
    const values = new Map(base.values)
    const settings = new Map([...base.settings, ...this.#startup.settings])
    for (const [name, value] of this.#startup.parameters) {
      const spelled = spelledIn(base, name)
      if (spelled !== undefined) values.set(spelled, value)
      else if (isAnySetting) settings.set(name.toLowerCase(), value)
      else throw unsupported(name)
    }
    this.#base = base
    this.#start = this.#sets.of(values, settings)
    return this.#start
  }
}

/** PostgreSQL's own spelling of a name that it reports. */
function spelledIn({ values }: ParameterSet, name: string): string | undefined {
  if (values.has(name)) return name
  return [...values.keys()].find((reported) => reported.toLowerCase() === name.toLowerCase())
}
