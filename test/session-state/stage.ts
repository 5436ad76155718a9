/**
 * Where cells are played: a pooler that has two servers for each user, of which one is held by somebody in a transaction,
 * so that two other clients meet on the other one. Every cell begins with new servers.
 */

import { eventually } from '../support/pooler.ts'
import type { RawClient } from '../support/raw-client.ts'
import type { Ground } from './ground.ts'
import type { Kind } from './kind.ts'
import { look, loginAs, type Role } from './look.ts'

/** As long as somebody must have waited, with nothing under way that could end it, to be called waiting. */
const waitingMs = 250
const pollMs = 25
const longestMs = 4_000

export class Stage {
  readonly #port: number
  readonly #ground: Ground
  readonly #console: RawClient
  readonly #clients: RawClient[] = []
  /** Of this cell's backends. */
  readonly #pids = new Set<string>()
  #pidsBefore: ReadonlySet<string> = new Set()

  /** `console`: of the pooler that listens on the port. */
  constructor(port: number, ground: Ground, console: RawClient) {
    this.#port = port
    this.#ground = ground
    this.#console = console
  }

  async login(role: Role, kind: Kind): Promise<RawClient> {
    const client = await loginAs(role, kind, this.#port)
    this.#clients.push(client)
    return client
  }

  look(client: RawClient, kind: Kind): Promise<string> {
    return look(client, kind, this.#ground.outside)
  }

  /** Of the server it is given for a transaction. */
  async pid(client: RawClient, statement = 'select pg_backend_pid()'): Promise<string> {
    const pid = (await client.rows(statement))[0]?.['pg_backend_pid']
    if (typeof pid !== 'string') throw new Error(`no server for ${statement}`)
    if (this.#pidsBefore.has(pid)) throw new Error(`the server ${pid} is from the cell before`)
    this.#pids.add(pid)
    return pid
  }

  /** Begins a transaction, and so keeps a server until its COMMIT. */
  hold(client: RawClient): Promise<string> {
    return this.pid(client, 'begin; select pg_backend_pid()')
  }

  /** True if the answer does not come because its client waits for a server. */
  async waits(answer: Promise<unknown>): Promise<boolean> {
    const answered = answer.then(
      () => true,
      () => true,
    )
    const startMs = performance.now()
    for (let quietSinceMs = startMs; ;) {
      if (await Promise.race([answered, Bun.sleep(pollMs).then(() => false)])) return false
      const nowMs = performance.now()
      if (!(await this.#isAnybodyStuck())) quietSinceMs = nowMs
      if (nowMs - quietSinceMs > waitingMs || nowMs - startMs > longestMs) return true
    }
  }

  /** Somebody waits, no server is free, and none is being opened. */
  async #isAnybodyStuck(): Promise<boolean> {
    const pools = await this.#console.rows('SHOW POOLS')
    const sum = (...names: readonly string[]): number =>
      pools.reduce((all, pool) => all + names.reduce((one, name) => one + Number(pool[name]), 0), 0)
    return sum('cl_waiting') > 0 && sum('sv_idle', 'sv_used', 'sv_tested', 'sv_login') === 0
  }

  /** Ends every client and server of the cell. */
  async clear(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.leave()
    await this.#console.query('RECONNECT')
    await this.#endBackends([...this.#pids].join(','))
    this.#pidsBefore = new Set(this.#pids)
    this.#pids.clear()
  }

  /** Until they are gone, with their locks: what `pg_terminate_backend` itself waits is 100 ms at least. */
  async #endBackends(pids: string): Promise<void> {
    const { outside } = this.#ground
    const all = `from pg_stat_activity where pid = any ('{${pids}}')`
    await outside.query(`select pg_terminate_backend(pid) ${all}`)
    await eventually('the backends are gone', async () => (await outside.value(`select count(*) ${all}`)) === '0')
  }
}
