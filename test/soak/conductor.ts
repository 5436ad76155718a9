/**
 * Storm and calm by turns. In a storm everything breaks that can be broken; in a calm nothing does, and a connection that
 * is lost then is a breach. The last calm lasts until every client has got on again.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Faults } from '../../src/relay/faults.ts'
import type { Random } from '../../src/random.ts'
import type { Relay } from '../../src/relay/relay.ts'
import type { Canary, Weather } from '../canary/canary.ts'
import { stormPlan } from './plans.ts'

const stormMs = 3000
const calmMs = 1000
const lastCalmMs = 2500
/** How many scenarios each client must get through in the last calm. */
const lastScenarios = 2
/** How long storms go on for the sake of kinds that have not happened, once the statements are used up. */
const patienceMs = 45_000

export interface Troublemaker {
  /** Makes trouble until the storm ends. Once this resolves, no connection is lost through it any more. */
  run(untilMs: number): Promise<void>
  /** After the last storm. */
  recover?(untilMs: number): Promise<void>
}

export class Conductor {
  readonly weather: Weather = { calmSinceMs: performance.now(), mayVanish: false }
  /** No more statements are needed for the sake of the weather. */
  isOver = false
  storms = 0
  #relays: readonly Relay[] = []

  get isStorm(): boolean {
    return this.weather.calmSinceMs === undefined
  }

  /** What a relay in front of the pooler, or behind it, is to ask. */
  plan(place: 'client' | 'server'): (connection: number, random: Random) => Faults {
    const deal = stormPlan(place)
    return (_connection, random) => (this.isStorm ? deal(random) : {})
  }

  /** Calm first, then storms until nine tenths of the statements are used up and `isMissing` is false, then the last calm. */
  async run(
    canary: Canary,
    statements: number,
    relays: readonly Relay[],
    troublemakers: readonly Troublemaker[],
    isMissing: () => boolean,
  ): Promise<void> {
    this.#relays = relays
    let usedUpMs: number | undefined
    await sleep(calmMs)
    for (;;) {
      await this.#storm(troublemakers)
      this.#becalm()
      if (canary.statements >= statements * 0.9) {
        usedUpMs ??= performance.now()
        if (!isMissing() || performance.now() - usedUpMs > patienceMs) break
      }
      await sleep(calmMs)
    }
    await this.#lastCalm(canary, troublemakers)
    this.isOver = true
  }

  async #storm(troublemakers: readonly Troublemaker[]): Promise<void> {
    this.storms++
    this.weather.calmSinceMs = undefined
    this.weather.mayVanish = true
    for (const relay of this.#relays) relay.replan()
    const endMs = performance.now() + stormMs
    await Promise.all([sleep(stormMs), ...troublemakers.map((each) => each.run(endMs))])
  }

  #becalm(): void {
    this.weather.calmSinceMs = performance.now()
    this.weather.mayVanish = false
    for (const relay of this.#relays) relay.replan()
  }

  async #lastCalm(canary: Canary, troublemakers: readonly Troublemaker[]): Promise<void> {
    const before = new Map(canary.clients.map((client) => [client, client.finishedScenarios]))
    const endMs = performance.now() + patienceMs
    await Promise.all([sleep(lastCalmMs), ...troublemakers.map((each) => each.recover?.(endMs))])
    const isBehind = (): boolean =>
      canary.clients.some((client) => client.finishedScenarios < (before.get(client) ?? 0) + lastScenarios)
    for (const startMs = performance.now(); isBehind() && performance.now() - startMs < patienceMs;) await sleep(50)
  }
}
