/** The place of one lane after the other: of another one when enough has gone through it, or somebody logs in in another way. */

import { Lane } from './lane.ts'
import type { Access } from './transcripts.ts'

export class Berth {
  readonly #port: number
  readonly #database: string
  readonly #mostUses: number
  readonly #failed: (error: unknown) => void
  #current: { readonly lane: Lane; readonly access: Access; uses: number } | undefined

  /** `failed` is told what is found when a lane is closed. */
  constructor(port: number, database: string, mostUses: number, failed: (error: unknown) => void) {
    this.#port = port
    this.#database = database
    this.#mostUses = mostUses
    this.#failed = failed
  }

  /** For one use. */
  async get(access: Access): Promise<Lane> {
    const current = this.#current
    if (current && (current.access !== access || current.uses >= this.#mostUses)) await this.close()
    this.#current ??= { lane: await Lane.open(this.#port, this.#database, access), access, uses: 0 }
    this.#current.uses++
    return this.#current.lane
  }

  async close(): Promise<void> {
    const lane = this.#current?.lane
    this.#current = undefined
    await lane?.close().catch(this.#failed)
  }

  /** Without a look at what is left: it has failed. */
  async abandon(): Promise<void> {
    await this.#current?.lane.abandon()
    this.#current = undefined
  }
}
