/**
 * What logins ask for. Applications log in with the same packet again and again, some for every query, and wire/ gives the
 * same object for it: so what was found out about one is kept with it.
 */

import type { Startup } from '../client/client.ts'
import type { PoolMode } from './figures.ts'
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

/** What a client's session begins with. */
export interface SessionStart {
  readonly parameters: ParameterSet
  /** What PostgreSQL does not report: to be made on the client's server. */
  readonly settings: ReadonlyMap<string, string>
}

export class LoginRequest {
  readonly #startup: StartupRequest
  readonly #sets: ParameterSets
  #base: ParameterSet | undefined
  #start: SessionStart | undefined
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

  /** Throws `unsupported_startup_parameter` for what can be set in session mode only. */
  assertCarried(mode: PoolMode): void {
    const [name] = this.#startup.settings.keys()
    if (name !== undefined && mode !== 'session') throw unsupported(name)
  }

  /**
   * What its session begins with: a pool's own values, and what the client asked for instead. Throws
   * `unsupported_startup_parameter` for a name that PostgreSQL doesn't report, unless the mode is session.
   */
  startOver(base: ParameterSet, mode: PoolMode): SessionStart {
    if (this.#start && this.#base === base) return this.#start
    const values = new Map(base.values)
    const settings = new Map(this.#startup.settings)
    for (const [name, value] of this.#startup.parameters) {
      const reported = spelledIn(base, name)
      if (reported !== undefined) values.set(reported, value)
      else if (mode === 'session') settings.set(name, value)
      else throw unsupported(name)
    }
    this.#base = base
    this.#start = { parameters: this.#sets.of(values), settings }
    return this.#start
  }
}

/** PostgreSQL's own spelling of a name that it reports. */
function spelledIn({ values }: ParameterSet, name: string): string | undefined {
  if (values.has(name)) return name
  return [...values.keys()].find((reported) => reported.toLowerCase() === name.toLowerCase())
}
